"""What a whole packet must be before its items are looked at, and packets in files, judged without a system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from services.dossier.domain import fold
from services.dossier.files import FileUnreadable, Item, Packet, read_packet
from services.dossier.portal.items import PacketItem
from services.dossier.portal.judging import new_findings, said_by, source_of
from services.dossier.portal.rules import PortalRules
from services.dossier.portal.translating import Context, code_of
from shared.events.statements import Refused, Statement
from shared.units import Units

MAX_ITEMS = 5_000
SERVICES = ("DongBoHoSoMC", "CapNhatTienDoHoSoMC")


def objects(items: list[Any]) -> list[dict[str, Any]]:
    """The items as objects; one that is none is an item without fields, and refused alone."""
    return [one if isinstance(one, dict) else {} for one in items]


class OpenedPacket:
    """A packet as a file of items, numbered from 1; nothing is known of its dossiers but what it says itself."""

    kind: Literal["packet"] = "packet"

    def __init__(self, items: list[dict[str, Any]], context: Context, units: Units) -> None:
        self._items, self._context, self._units = [PacketItem(one) for one in items], context, units
        self.total = len(items)

    def items(self) -> Iterator[Item]:
        """Every item with its statements and the findings that the packet brings to its dossier, or its refusal."""
        said = [self._judge(line, item) for line, item in enumerate(self._items, 1)]
        about = defaultdict[str, list[Statement]](list)
        for one in said:
            about[one.key] += [statement for statement in one.statements if isinstance(statement, Statement)]
        findings = {
            code: tuple(new_findings(None, fold(statements))) for code, statements in about.items() if statements
        }
        for one in said:
            yield one if one.refused else one.with_findings(findings.get(one.key, ()))

    def sources(self) -> Mapping[str, datetime]:
        """None: a packet that is only looked at is heard of nobody."""
        return {}

    def _judge(self, line: int, item: PacketItem) -> Item:
        code = ""
        try:
            code = code_of(item)
            return Item(line=line, key=code, statements=tuple(said_by(item, self._context, self._units.__contains__)))
        except Refused as refused:
            return Item(line=line, key=code, refused=refused)


def open_packet(
    path: Path, *, rules: PortalRules, units: Units, now: datetime, unit: str | None = None, name: str | None = None
) -> OpenedPacket | None:
    """Open the packet that a file holds; nothing when it is something else. Raises `FileUnreadable`, as the door refuses it whole.

    At the door the token tells the unit. Here it is `unit`, the one of the packet's `madonvi` or, no verdict depending on
    it, any.
    """
    called = name or str(path)
    packet = read_packet(path, name=called)
    if packet is None:
        return None
    items, agency, generation = _look(packet, called)
    spoken_for = unit or rules.agencies.get(agency) or next(one.code for one in units)
    if spoken_for not in units:
        raise FileUnreadable(called, f"there is no unit {spoken_for}", "give the five-digit code of a commune or ward")
    context = Context(rules=rules, unit=spoken_for, source=source_of(spoken_for), generation=generation, now=now)
    return OpenedPacket(objects(items), context, units)


def _look(packet: Packet, name: str) -> tuple[list[Any], str, int]:
    """(items, the agency that speaks, the generation) of a packet that a door would look into."""
    items: Any = packet
    agency, generation = "", 2
    if isinstance(packet, dict):
        items, agency, generation = packet.get("data"), str(packet.get("madonvi") or ""), 1
        if packet.get("service") not in SERVICES:
            advice = f"service is one of: {', '.join(SERVICES)}; an array alone is a packet of the second generation"
            raise FileUnreadable(name, "is a national-portal packet of an unknown service", advice)
    if not isinstance(items, list):
        raise FileUnreadable(
            name, "is a national-portal packet whose data is no array", "put the dossiers or lines in data: […]"
        )
    if len(items) > MAX_ITEMS:
        raise FileUnreadable(
            name,
            f"holds {len(items):,} items, a packet {MAX_ITEMS:,} at most",
            "split it, or hand it in with motcua import",
        )
    return items, agency, generation
