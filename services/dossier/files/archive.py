"""The parts of an Office archive; what it would unpack to is judged before any of it is unpacked."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO

from services.dossier.files.markup import Hostile

MAX_UNPACKED = 512 << 20
MAX_RATIO, RATIO_FROM = 200, 64 << 20
"""Real sheets pack to a tenth or a fiftieth; what is small unpacked may pack as well as it likes."""
MAX_PARTS = 5_000


def is_bomb(unpacked: int, packed: int) -> bool:
    """Whether this much out of so little is no honest file."""
    return unpacked > RATIO_FROM and unpacked > MAX_RATIO * max(packed, 1)


class Archive:
    """Parts by name, whatever the case and the slashes; a part never gives more bytes than it declares."""

    def __init__(self, file: BinaryIO, packed: int) -> None:
        self._zip = zipfile.ZipFile(file)
        parts = self._zip.infolist()
        unpacked = sum(part.file_size for part in parts)
        if len(parts) > MAX_PARTS:
            raise Hostile(f"holds more than {MAX_PARTS:,} parts")
        if is_bomb(unpacked, packed):
            raise Hostile(f"would unpack to {unpacked:,} bytes, more than {MAX_RATIO} times its size: a zip bomb")
        if unpacked > MAX_UNPACKED:
            raise Hostile(f"is larger than {MAX_UNPACKED:,} bytes unpacked")
        if any(part.flag_bits & 1 for part in parts):
            raise Hostile("is protected by a password")
        self._parts = {_plain(part.filename): part for part in parts}

    def __contains__(self, name: str) -> bool:
        return _plain(name) in self._parts

    def holds_workbook(self) -> bool:
        return any(name.startswith("xl/") for name in self._parts)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes of a part; raises `KeyError` when there is none."""
        with self._zip.open(self._parts[_plain(name)]) as part:
            yield part


def resolve(base: str, target: str) -> str:
    """The part that a relationship of the part `base` points to."""
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(base), target.replace("\\", "/"))).lstrip("/")


def _plain(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
