"""Rows on disk: a workbook is parsed once, and its rows are read as often as needed, one at a time."""

from __future__ import annotations

import gzip
import io
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, cast

import msgspec

from services.dossier.files.archive import Hostile

MAX_SPOOLED = 1 << 30
"""Bytes; a workbook may name one long text in millions of cells."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[int, list[str]]).decode


class Spool:
    """Numbered rows of text in a temporary file, which goes away with the object."""

    def __init__(self) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="motcua-rows-")  # noqa: SIM115
        # packed: in containers temporary files live in memory, and rows pack to a tenth
        packing = gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=1)
        self._lines: IO[bytes] = io.BufferedWriter(cast(io.RawIOBase, packing))
        self._size = self.last = 0

    def add(self, number: int, cells: Sequence[str]) -> None:
        """Append a row; raises `Hostile` when there is too much."""
        line = _encode((number, cells))
        self._size, self.last = self._size + len(line), number
        if self._size > MAX_SPOOLED:
            raise Hostile(f"says more than {MAX_SPOOLED:,} bytes of text")
        self._lines.write(line + b"\n")

    def finish(self) -> None:
        """Nothing more will be added."""
        self._lines.close()
        self._file.flush()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows in their order; may be read several times at once."""
        with gzip.open(self._file.name) as lines:
            yield from map(_decode, lines)
