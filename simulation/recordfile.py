"""Record files: JSON Lines with one CloudEvent a line, as `motcua import` and integrators read them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from gzip import GzipFile
from pathlib import Path
from typing import BinaryIO

from shared.events.records import Record, encode_record
from simulation.stream import Said


def write_records(said: Iterable[Said[Record]], path: Path) -> int:
    """Write statements in the order in which they are said, compressed when the name ends in `.gz`; returns how many.

    The same statements give the same bytes, compressed or not.
    """
    written = 0
    with path.open("wb") as plain, _packed(plain) if path.suffix == ".gz" else nullcontext(plain) as file:
        for one in said:
            file.write(encode_record(one.statement) + b"\n")
            written += 1
    return written


def _packed(plain: BinaryIO) -> GzipFile:
    # Neither name nor time in the header: they would make every file different.
    return GzipFile(filename="", fileobj=plain, mode="wb", mtime=0)
