"""The parts of an Office archive; what it would unpack to is judged before any of it is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator
from typing import IO, Any, BinaryIO

from defusedxml.ElementTree import iterparse

MAX_UNPACKED = 512 << 20
MAX_RATIO, RATIO_FROM = 200, 64 << 20
"""Real sheets pack to a tenth or a fiftieth; what is small unpacked may pack as well as it likes."""
MAX_PARTS = 5_000
MAX_WHOLE = 2 << 20
"""Bytes of a part that is held as a tree: styles, relationships. In memory it is fifty times as much."""
MAX_APART = 1 << 20
"""Bytes from one row or text to the next: the parser holds what lies between, a tag without end too."""
MAX_BEHIND = 8 << 20
"""Bytes behind the rows: merged cells, links, colours."""


class Hostile(ValueError):
    """What no spreadsheet program writes; says what it is, in words that follow the file's name."""


def is_bomb(unpacked: int, packed: int) -> bool:
    """Whether this much out of so little is no honest file."""
    return unpacked > RATIO_FROM and unpacked > MAX_RATIO * max(packed, 1)


class Archive(zipfile.ZipFile):
    """Parts by name; a part never gives more bytes than it declares, and a large one is not read whole."""

    def __init__(self, file: BinaryIO, packed: int) -> None:
        super().__init__(file)
        parts = self.infolist()
        unpacked = sum(part.file_size for part in parts)
        if len(parts) > MAX_PARTS:
            raise Hostile(f"holds more than {MAX_PARTS:,} parts")
        if is_bomb(unpacked, packed):
            raise Hostile(f"would unpack to {unpacked:,} bytes, more than {MAX_RATIO} times its size: a zip bomb")
        if unpacked > MAX_UNPACKED:
            raise Hostile(f"is larger than {MAX_UNPACKED:,} bytes unpacked")
        if any(part.flag_bits & 1 for part in parts):
            raise Hostile("is protected by a password")

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        """A part whole; raises `KeyError` when there is none."""
        if self.getinfo(name).file_size > MAX_WHOLE:
            raise Hostile(f"holds a part {name} of more than {MAX_WHOLE:,} bytes")
        return super().read(name, pwd)


def elements(part: IO[bytes], wanted: Collection[str], *, last: str = "") -> Iterator[Any]:
    """The elements called so, one at a time, each gone with the next; what comes behind `last` is bounded as a whole."""
    reader, behind = _Reader(part), False
    for _, element in iterparse(reader, forbid_dtd=True):
        if element.tag in wanted:
            yield element
            reader.left = reader.left if behind else MAX_APART
        elif element.tag == last:
            behind, reader.left = True, MAX_BEHIND
        elif not behind:
            continue  # perhaps within one that is wanted
        element.clear()


class _Reader:
    """A part of which only so much may be read."""

    def __init__(self, part: IO[bytes]) -> None:
        self._part, self.left = part, MAX_APART

    def read(self, size: int = MAX_APART, /) -> bytes:
        self.left -= size
        if self.left < 0:
            raise Hostile("holds a row or text that is too long, or too much besides rows")
        return self._part.read(size)
