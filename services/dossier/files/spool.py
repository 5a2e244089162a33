"""Rows on disk: a workbook is parsed once, and its rows are read as often as needed, one at a time."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import msgspec

from services.dossier.files.markup import Hostile

MAX_SPOOLED = 1 << 30
"""Bytes; a workbook may name one long text in millions of cells."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, list[str]]).decode


class Spool:
    """Numbered rows of text in a temporary file, which goes away with the object."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="motcua-rows-")
        os.close(handle)
        self._path, self._size = Path(name), 0
        # packed: in containers temporary files live in memory, and rows pack to a tenth
        packing = gzip.GzipFile(self._path, "wb", compresslevel=1)
        self._file: IO[bytes] = io.BufferedWriter(cast(io.RawIOBase, packing))
        self._end = weakref.finalize(self, self._path.unlink, missing_ok=True)
        self.count = self.last = 0

    def add(self, number: int, cells: Sequence[str]) -> None:
        """Append a row; raises `Hostile` when there is too much."""
        row = _encode((number, cells))
        self._size += len(row) + 4
        if self._size > MAX_SPOOLED:
            raise Hostile(f"says more than {MAX_SPOOLED:,} bytes of text")
        self._file.write(len(row).to_bytes(4, "big"))
        self._file.write(row)
        self.count, self.last = self.count + 1, number

    def finish(self) -> None:
        """Nothing more will be added."""
        self._file.close()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows in their order; may be read several times at once."""
        with io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(self._path))) as file:
            while size := file.read(4):
                yield _decode(file.read(int.from_bytes(size, "big")))

    def close(self) -> None:
        """Remove the file now."""
        self._file.close()
        self._end()
