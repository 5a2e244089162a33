"""Save an installation into a folder and bring it back: decision 0046, docs/operate.md."""

from services.backup.folder import BackupFailed, BackupRefused, Manifest, verify
from services.backup.installation import Installation, Tell
from services.backup.restoring import Restored, restore
from services.backup.saving import save

__all__ = ["BackupFailed", "BackupRefused", "Installation", "Manifest", "Restored", "Tell", "restore", "save", "verify"]
