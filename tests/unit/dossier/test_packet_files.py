"""National-portal packets in files, judged without a system: the verdicts that ../shared/data/packets expects of the door."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from services.cli.dry_run import open_any
from services.dossier.files import FileUnreadable, Item
from shared.settings import RULES
from shared.units import load_units

NOW = datetime.fromisoformat("2025-11-10T08:00:00+07:00")
UNITS = load_units(RULES)
open_packet = partial(open_any, units=UNITS, now=NOW)
WITH_HISTORY = {"duplicate": "accepted"}
"""A file alone has no history: what the door knows already is new to it."""
KNOWN_BEFORE = "07-v1-backward.json"
"""10 → 4 shows only beside the packets before it."""
REFUSED_WHOLE = {"13-v1-unknown-service.json": "unknown service", "29-v2-not-json.json": "not valid JSON"}


def verdict(item: Item) -> str:
    return "rejected" if item.refused else "accepted+flag" if item.findings else "accepted"


def write(path: Path, packet: object) -> Path:
    path.write_text(json.dumps(packet), "utf-8")
    return path


def test_every_packet_of_the_manifest_gets_its_verdict(packets: Path) -> None:
    found, wanted = dict[str, list[str]](), dict[str, list[str]]()
    for packet in json.loads((packets / "manifest.json").read_text("utf-8"))["packets"]:
        name = packet["file"]
        if name in REFUSED_WHOLE:
            with pytest.raises(FileUnreadable, match=REFUSED_WHOLE[name]):
                open_packet(packets / name)
            continue
        found[name] = [verdict(item) for item in open_packet(packets / name, unit="10966").items()]
        wanted[name] = [WITH_HISTORY.get(one, one) for one in packet["verdicts"]]
    assert wanted.pop(KNOWN_BEFORE) == ["accepted+flag"]
    assert found.pop(KNOWN_BEFORE) == ["accepted"]
    assert found == wanted


def test_a_refused_item_is_told_with_its_number_field_reason_and_advice(packets: Path) -> None:
    first, second, third = open_packet(packets / "11-v1-mixed.json").items()
    assert (first.refused, third.refused) == (None, None)
    assert (second.line, second.key, second.statements) == (2, "000.10.66.H24-251103-0016", ())
    assert second.refused is not None
    assert (second.refused.field, second.refused.reason, second.refused.advice) == (
        "NgayTiepNhan", "is missing", "send the reception date, or status 1 or 3",
    )  # fmt: skip


def test_what_is_no_object_is_refused_alone(tmp_path: Path) -> None:
    line = {"MaHoSo": "A-1", "ThoiDiemXuLy": "20251104100000", "TrangThai": "4"}
    path = write(tmp_path / "packet.json", [line, "Nguyễn Văn Thử", line])
    assert [verdict(item) for item in open_packet(path).items()] == ["accepted", "rejected", "accepted"]


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        ({"service": "DongBoHoSoMC", "madonvi": "H24", "data": {"MaHoSo": "A"}}, "data is no array"),
        ([{"MaHoSo": "A"}] * 5001, "holds 5,001 items, a packet 5,000 at most"),
    ],
)
def test_what_the_door_refuses_whole_cannot_be_read(packet: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=said):
        open_packet(write(tmp_path / "packet.json", packet))


def test_a_unit_that_does_not_exist_is_said(packets: Path) -> None:
    with pytest.raises(FileUnreadable, match="there is no unit 99999"):
        open_packet(packets / "00-v1-new.json", unit="99999")
