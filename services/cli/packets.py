"""National-portal packets through `motcua import`: handed to the portal's own door, its answers told item by item."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from services.cli.client import Client, RequestRefused
from services.dossier.files import FileUnreadable, Packet

BATCH = 500


def items_of(packet: Packet) -> list[Any]:
    """The items of either generation; none where the packet has no array of them: the door says so."""
    data = packet.get("data") if isinstance(packet, dict) else packet
    return data if isinstance(data, list) else []


def send_packet(client: Client, path: Path, packet: Packet, unit: str | None) -> Iterator[list[dict[str, Any]]]:
    """Send the items in order, `BATCH` at a time; yields each batch's answers, with the item's number as `line`.

    Raises `FileUnreadable` when the door refuses the packet as a whole.
    """
    items = items_of(packet)
    address = "/dvcqg/v1" if isinstance(packet, dict) else "/dvcqg/v2"
    if unit is not None:
        address += f"?{urlencode({'unit': unit})}"
    for start in range(0, max(len(items), 1), BATCH):
        part = items[start : start + BATCH]
        try:
            answer = client.post(address, _with_items(packet, part))
        except RequestRefused as refused:
            raise FileUnreadable(str(path), f"was refused: {refused}") from refused
        results = answer["result"]
        if len(results) != len(part):
            raise FileUnreadable(str(path), f"was refused: {answer['message']}")
        yield [_told(number, one) for number, one in enumerate(results, start + 1)]


def _with_items(packet: Packet, items: list[Any]) -> Packet:
    """The same packet with fewer items, and without `session`: the command has a token of its own."""
    if isinstance(packet, list):
        return items
    kept = {name: value for name, value in packet.items() if name != "session"}
    return {**kept, "data": items} if isinstance(packet.get("data"), list) else kept


def _told(number: int, said: dict[str, Any]) -> dict[str, Any]:
    words = {name: said.get(name, "") for name in ("field", "reason", "advice")}
    return {"line": number, "code": said["MaHoSo"], "status": said["status"], **words}
