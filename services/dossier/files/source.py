"""The bytes of a file, plain or gzipped, and in which encoding its text is; it knows nothing of what the text says."""

from __future__ import annotations

import codecs
import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from services.dossier.files.archive import MAX_RATIO, is_bomb
from services.dossier.files.items import FileUnreadable

CHUNK = 1 << 20
HEAD = 64 * 1024
GZIP_MAGIC = b"\x1f\x8b"
SAVE_AS_UTF_8 = "save it as UTF-8, in Excel: CSV UTF-8"
UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Source:
    """One file on disk; `name` is what the person who handed it in calls it."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._gzipped = False
        try:
            with path.open("rb") as file:
                self._gzipped = file.read(2) == GZIP_MAGIC
                self.packed = file.seek(0, io.SEEK_END)
        except OSError as error:
            raise self.unreadable(f"cannot be opened: {error.strerror}", "check the path and the rights") from error
        self.head, self.lines = self._measure()

    def unreadable(self, reason: str, advice: str = "") -> FileUnreadable:
        return FileUnreadable(self.name, reason, advice)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        with self.path.open("rb") as file:
            yield io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file))) if self._gzipped else file

    @contextmanager
    def open_text(self, encoding: str) -> Iterator[TextIO]:
        """Text with its line ends as they are; bytes that are no text come as lone surrogates."""
        with self.open() as file:
            text = io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="")
            try:
                yield text
            finally:
                text.detach()

    @contextmanager
    def open_seekable(self) -> Iterator[BinaryIO]:
        """As `open`; what is gzipped is unpacked to disk, for archives are read from their end."""
        with self.open() as file, tempfile.TemporaryFile() as unpacked:
            if not self._gzipped:
                yield file
                return
            shutil.copyfileobj(file, unpacked, CHUNK)
            unpacked.seek(0)
            yield unpacked

    def read_whole(self, limit: int) -> bytes:
        with self.open() as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise self.unreadable(f"is larger than {limit:,} bytes unpacked", "split it")
        return content

    def text_encoding(self) -> str:
        """UTF-8, UTF-16 or Windows-1258; a few bad bytes in UTF-8 text spoil their own rows only."""
        if self.head.startswith(UTF_16_MARKS):
            if not self._decodes("utf-16"):
                raise self.unreadable("begins as UTF-16 but does not go on so", SAVE_AS_UTF_8)
            return "utf-16"
        if (unmarked := _utf_16_without_mark(self.head)) and self._decodes(unmarked):
            return unmarked
        if _is_binary(self.head):
            raise self.unreadable("is neither text nor an XLSX sheet", "hand in CSV, XLSX or JSON Lines")
        good, bad = self._weigh_utf_8()
        if bad > good and self._decodes("cp1258"):
            return "cp1258"
        if bad > good and bad > self.lines:
            raise self.unreadable("is in an unknown encoding, neither UTF-8 nor Windows-1258", SAVE_AS_UTF_8)
        return "utf-8-sig"

    def _measure(self) -> tuple[bytes, int]:
        """First bytes and number of lines; a broken archive is found here, before anything is taken from it."""
        head, lines, last, size = b"", 0, b"", 0
        try:
            with self.open() as file:
                while chunk := file.read(CHUNK):
                    head = head or chunk[:HEAD]
                    lines += chunk.count(b"\n")
                    last = chunk[-1:]
                    size += len(chunk)
                    if is_bomb(size, self.packed):
                        raise self.unreadable(f"unpacks to more than {MAX_RATIO} times its size: a gzip bomb")
        except (OSError, EOFError, zlib.error) as error:
            raise self.unreadable(f"is a broken gzip file: {error}", "pack it again, or hand it in unpacked") from error
        if not head.strip():
            raise self.unreadable("is empty")
        return head, lines + (last != b"\n")

    def _weigh_utf_8(self) -> tuple[int, int]:
        """Characters beyond ASCII that are good UTF-8, and bytes that are not."""
        good = bad = 0
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        with self.open() as file:
            while chunk := file.read(CHUNK):
                if chunk.isascii():
                    continue
                text = decoder.decode(chunk)
                beyond = len(text) - len(text.encode("ascii", "ignore"))
                lone = len(text) - len(text.encode("utf-8", "ignore").decode())
                good, bad = good + beyond - lone, bad + lone
        return good, bad

    def _decodes(self, encoding: str) -> bool:
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            with self.open() as file:
                while chunk := file.read(CHUNK):
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True


def _utf_16_without_mark(head: bytes) -> str | None:
    """Half the bytes of Vietnamese in UTF-16 are zero or one, all of them in the same places; no other text has any."""
    high, low = head[1::2], head[::2]
    for encoding, ours, other in (("utf-16-le", high, low), ("utf-16-be", low, high)):
        if ours.count(0) * 2 > len(ours) and not other.count(0):
            return encoding
    return None


def _is_binary(head: bytes) -> bool:
    controls = sum(head.count(byte) for byte in range(32) if byte not in b"\t\n\r\f")
    return controls * 100 > len(head)
