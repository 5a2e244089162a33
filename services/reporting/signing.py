"""The installation's Ed25519 key: signs closed reports, and checks them with the public half alone."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class SigningKeyUnusable(Exception):
    """The key file is missing or holds no Ed25519 key in PEM."""

    def __init__(self, path: Path | None, reason: str) -> None:
        place = f"the signing key {path}" if path else "no signing key is set"
        super().__init__(f"{place}: {reason}; let MOTCUA_SIGNING_KEY name a PEM file with an Ed25519 key")


@dataclass(frozen=True)
class SigningKey:
    """The private key; never logged, never served."""

    private: Ed25519PrivateKey

    @classmethod
    def load(cls, path: Path | None) -> SigningKey:
        """Read an unencrypted PKCS 8 PEM file; raises `SigningKeyUnusable`."""
        if path is None:
            raise SigningKeyUnusable(None, "a report cannot be closed without a signature")
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise SigningKeyUnusable(path, f"cannot be used ({error})") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningKeyUnusable(path, "is of another kind")
        return cls(key)

    @property
    def key_id(self) -> str:
        """Names the key in a report."""
        return key_id_of(self.private.public_key())

    @property
    def public_pem(self) -> str:
        """The public half, for whoever verifies."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    def sign(self, content: bytes) -> str:
        """The signature over these bytes, base64."""
        return base64.b64encode(self.private.sign(content)).decode()


def make_key(path: Path) -> None:
    """Write a fresh key that its owner alone may read; a key that is there already stays."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # whole or not at all, and never over a key whose signatures are out
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def load_public(path: Path) -> Ed25519PublicKey:
    """Read a public key in PEM; raises `SigningKeyUnusable`."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SigningKeyUnusable(path, f"is no public key ({error})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SigningKeyUnusable(path, "is of another kind")
    return key


def key_id_of(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public key."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def signature_holds(key: Ed25519PublicKey, signature: str, content: bytes) -> bool:
    """Whether this key signed exactly these bytes."""
    try:
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True
