"""Seals a name so that the database, a copy of it and whoever reads it hold nothing without the key file.

Fernet (AES-128-CBC with HMAC-SHA256) of the `cryptography` library; a seal opens for its own dossier only.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class ApplicantsKeyUnusable(OSError):
    """The key file is named and cannot be used; says nothing of what stands in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the key file that MOTCUA_APPLICANTS_KEY names {reason}; make one with `motcua apology key`, or unset the"
            " variable and no name is kept"
        )


class OtherKey(Exception):
    """The name was sealed with a key that the file does not hold, or for another dossier."""


class _Content(msgspec.Struct, frozen=True, array_like=True):
    unit: str
    dossier: str
    name: str


_content = msgspec.json.Decoder(_Content)


class Seal:
    """The keys of the file: the first seals, each of them opens."""

    def __init__(self, keys: MultiFernet) -> None:
        self._keys = keys

    @classmethod
    def load(cls, path: Path | None) -> Seal | None:
        """Keys of a file, one a line, `#` begins a remark; no file, no seal. Raises `ApplicantsKeyUnusable`."""
        if path is None:
            return None
        try:
            lines = path.read_text("ascii").splitlines()
            keys = [Fernet(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
        except OSError as error:
            raise ApplicantsKeyUnusable(f"cannot be read ({error.strerror})") from error
        except ValueError:  # its message may quote the line
            raise ApplicantsKeyUnusable("holds a line that is no key") from None
        if not keys:
            raise ApplicantsKeyUnusable("holds no key")
        return cls(MultiFernet(keys))

    def close(self, unit: str, dossier: str, name: str) -> bytes:
        """The sealed name; another one every time."""
        return self._keys.encrypt(msgspec.json.encode(_Content(unit, dossier, name)))

    def open(self, unit: str, dossier: str, sealed: bytes) -> str:
        """The name. Raises `OtherKey`."""
        try:
            content = _content.decode(self._keys.decrypt(sealed))
        except InvalidToken as error:
            raise OtherKey from error
        if (content.unit, content.dossier) != (unit, dossier):  # a row that was moved prints nobody's name
            raise OtherKey
        return content.name


def make_key(path: Path) -> None:
    """Write a fresh key that its owner alone may read. Raises `FileExistsError`: a key that is lost opens nothing."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())
