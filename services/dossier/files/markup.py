"""XML of strangers, piece by piece: no document type, no entity, no tag without end is ever held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import IO
from xml.parsers import expat

CHUNK = 64 * 1024
MAX_TAG = 1 << 20
"""Bytes of one tag; the parser holds a tag whole, so one without end would fill the memory."""


class Hostile(ValueError):
    """Markup that no spreadsheet program writes; says what it is, in words that follow the file's name."""


def walk(stream: IO[bytes], wire: Callable[[expat.XMLParserType], None]) -> Iterator[None]:
    """Parse a part; `wire` sets the handlers. Pauses after every piece, so that what was found can be taken away.

    Raises `Hostile` for a document type (external entities and entity bombs need one) and for a tag without end,
    `expat.ExpatError` for what is no XML.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    wire(parser)
    parser.StartDoctypeDeclHandler = _refuse_document_type
    fed = 0
    while chunk := stream.read(CHUNK):
        parser.Parse(chunk, False)
        fed += len(chunk)
        if fed - parser.CurrentByteIndex > MAX_TAG:
            raise Hostile(f"holds a tag longer than {MAX_TAG:,} bytes")
        yield
    parser.Parse(b"", True)
    yield


def read_through(stream: IO[bytes], wire: Callable[[expat.XMLParserType], None]) -> None:
    """As `walk`, to the end."""
    for _ in walk(stream, wire):
        pass


@lru_cache(512)
def local(name: str) -> str:
    """An element's or attribute's name without its prefix: `x:row` is `row`."""
    return name.rpartition(":")[2]


def _refuse_document_type(*_: object) -> None:
    raise Hostile("declares a document type or entities, which no spreadsheet needs")
