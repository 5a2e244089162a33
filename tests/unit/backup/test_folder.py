"""A backup that is not whole, not untouched or too new is refused with the name of what is wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from services.backup.folder import DATABASE_DUMP, MESSAGES, STREAMS, BackupRefused, Manifest, seal, verify
from shared.database import known_revisions
from shared.topology import SERVICES

HEADS = {name: known_revisions(name)[-1] for name in SERVICES}


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return sealed(tmp_path)


def sealed(folder: Path, **changed: object) -> Path:
    for name in (DATABASE_DUMP, MESSAGES, STREAMS):
        (folder / name).write_bytes(name.encode() * 1_000)
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "a rule.yaml").write_text("là luật\n", "utf-8")
    values = {
        "made_at": datetime.fromisoformat("2025-12-31T18:00:00+07:00"), "version": "0.1.0", "postgres": "18.0",
        "nats": "2.12.1", "schemas": HEADS, "rows": {"dossier.journal": 3}, "messages": {}, **changed,
    }  # fmt: skip
    seal(folder, Manifest.model_construct(**values))
    return folder


def test_an_untouched_backup_is_read_and_checked_by_sha256sum_too(backup: Path) -> None:
    assert verify(backup).rows == {"dossier.journal": 3}
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=backup, check=True)


def change(name: str) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return work


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-1]) and None


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def unname(folder: Path) -> None:
    lines = (folder / "SHA256SUMS").read_text("utf-8").splitlines(keepends=True)
    (folder / "SHA256SUMS").write_text("".join(line for line in lines if STREAMS not in line), "utf-8")


def point_outside(folder: Path) -> None:
    with (folder / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  ../outside\n")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (change(DATABASE_DUMP), f"{DATABASE_DUMP} is not what was saved (its SHA-256 differs)"),
        (cut(DATABASE_DUMP), f"{DATABASE_DUMP} is not what was saved"),
        (cut(MESSAGES), f"{MESSAGES} is not what was saved"),
        (change("manifest.json"), "manifest.json is not what was saved"),
        (change("rules/a rule.yaml"), "a rule.yaml is not what was saved"),
        (drop(STREAMS), f"{STREAMS} is missing: the backup is not whole"),
        (drop("SHA256SUMS"), "SHA256SUMS cannot be read: this is no backup"),
        (unname, f"does not name {STREAMS}: the backup is not whole"),
        (point_outside, "SHA256SUMS is not what was saved"),
    ],
)
def test_a_damaged_backup_is_refused_by_the_name_of_the_file(
    backup: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(backup)
    with pytest.raises(BackupRefused) as refusal:
        verify(backup)
    assert said in str(refusal.value)


def test_a_backup_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    newer = sealed(tmp_path, version="9.0.0", schemas={**HEADS, "reporting": "9999"})
    with pytest.raises(BackupRefused) as refusal:
        verify(newer)
    assert str(refusal.value) == (
        "the backup was made by motcua 9.0.0 (schema reporting at 9999), this is motcua 0.1.0, which knows it up to "
        f"{HEADS['reporting']}; install motcua 9.0.0 or newer"
    )


def test_a_backup_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match=r"manifest\.json: format: .*; a newer motcua than 0\.1\.0 made it"):
        verify(sealed(tmp_path, format=2))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="is no folder; name one that motcua backup made"):
        verify(tmp_path / "none")
