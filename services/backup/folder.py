"""The folder of a backup: what lies in it, its manifest, and checksums that `sha256sum -c SHA256SUMS` checks as well."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.database import known_revisions
from shared.topology import SERVICES
from shared.version import VERSION

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
DATABASE_DUMP, MESSAGES, STREAMS, RULES = "database.dump", "bus.jsonl", "streams.json", "rules"
REQUIRED = (MANIFEST, DATABASE_DUMP, MESSAGES, STREAMS)


class BackupRefused(Exception):
    """A backup that cannot be used here; the message says which file or part, and what to do."""


class BackupFailed(Exception):
    """Saving or bringing back broke off; the message says why, and what is left."""


class Manifest(BaseModel):
    """What was saved: when, by which versions, and how much of everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    made_at: datetime
    version: str
    """Of motcua."""
    postgres: str
    nats: str
    schemas: dict[str, str]
    """Newest migration by service."""
    rows: dict[str, int]
    """Rows by `schema.table`, in the same snapshot as the dump."""
    messages: dict[str, int]
    """Messages kept by stream: dead letters, and what was still unread; everything else is made from the database."""


def seal(folder: Path, manifest: Manifest) -> None:
    """Write the manifest and the checksums of every file, flushed to the disk."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), "utf-8")
    for path in (*files, folder / SUMS):
        path.chmod(0o600)
        with path.open("rb") as file:
            os.fsync(file.fileno())


def verify(folder: Path) -> Manifest:
    """The manifest of a whole, untouched backup that this version can bring back; else `BackupRefused` names the file."""
    sums = _sums(folder)
    for name in REQUIRED:
        if name not in sums:
            raise BackupRefused(f"{folder / SUMS} does not name {name}: the backup is not whole; take another one")
    for name, wanted in sums.items():
        path = folder / name
        if not path.is_file():
            raise BackupRefused(f"{path} is missing: the backup is not whole; take another one")
        if _digest(path) != wanted:
            raise BackupRefused(f"{path} is not what was saved (its SHA-256 differs): it was cut off or changed")
    return _read(folder / MANIFEST)


def _sums(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise BackupRefused(f"{folder} is no folder; name one that motcua backup made")
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BackupRefused(f"{folder / SUMS} cannot be read: this is no backup, or not a whole one") from None
    found = dict[str, str]()
    for line in lines:
        digest, _, name = line.partition("  ")
        if not name or len(digest) != 64 or name.startswith("/") or ".." in Path(name).parts:
            raise BackupRefused(f"{folder / SUMS} is not what was saved: it was cut off or changed")
        found[name] = digest
    return found


def _read(path: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BackupRefused(
            f"{path}: {place}: {first['msg']}; a newer motcua than {VERSION} made it, bring it back with that one"
        ) from error
    for service in SERVICES:
        known, has = known_revisions(service), manifest.schemas.get(service, "")
        if has not in known:
            raise BackupRefused(
                f"the backup was made by motcua {manifest.version} (schema {service} at {has or 'nothing'}), this is motcua "
                f"{VERSION}, which knows it up to {known[-1]}; install motcua {manifest.version} or newer"
            )
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
