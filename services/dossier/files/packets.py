"""National-portal packets in files: told by content, handed on as they are to the portal's own door."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from services.dossier.files.source import Source
from shared.events.envelope import decode_bounded

MAX_BYTES = 32 << 20
SEND_PACKET = "send it to POST /dvcqg/v1 or /dvcqg/v2, or use motcua import"
Packet = dict[str, Any] | list[Any]
"""V1: an envelope with its items in `data`; V2: the items."""
_KEYS = re.compile(rb'"(madonvi|session|MaHoSo|IDHoSo)"\s*:', re.IGNORECASE)


def is_packet(head: bytes) -> bool:
    """Whether JSON that begins so is a packet: it names what only the portal names."""
    return _KEYS.search(head) is not None and b'"specversion"' not in head


def read_packet(path: Path, *, name: str | None = None) -> Packet | None:
    """The packet that a file holds, plain or gzipped; nothing when it is something else.

    Raises `FileUnreadable`; what cannot be decoded is never quoted, for packets speak of people.
    """
    source = Source(path, name or str(path))
    head = source.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith((b"{", b"[")) or not is_packet(head):
        return None
    body = source.read_whole(MAX_BYTES).removeprefix(b"\xef\xbb\xbf")
    try:
        packet: Packet = decode_bounded(msgspec.json.decode, body)
    except ValueError:
        raise source.unreadable("is a national-portal packet that is not valid JSON", "save it anew") from None
    return packet
