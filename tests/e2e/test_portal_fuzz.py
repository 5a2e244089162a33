"""Ten thousand mutated packets on the real system: no failure of ours, no neighbour lost, nothing of our inside told."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.inside import Inside, inside, new_folder

COUNT, AT_ONCE, SEED = 10_000, 24, 20251110
SECRET = "Nguyễn Văn Thử"
STRANGE: tuple[Any, ...] = (
    None, "", " ", 0, -1, 10**30, 1.5, True, [], {}, [[]], [None], {"a": {"b": []}}, "x" * 70_000, "\x00", "\u202e", "🙂",
    "20251131083000", "99999999999999", "0001-01-01T00:00:00", "2025-11-03T08:30:00+99:00", "2025-W01-1", "９", "' OR 1=1 --",
    "{{7*7}}", "../../etc/passwd", "NaN", "1e400", SECRET, "-" * 300,
)  # fmt: skip
INSIDE = ("Traceback", 'File "', "asyncpg", "msgspec", "psycopg", "site-packages", SECRET)
"""What no answer may tell: where it failed, with which parts, and about whom."""


def items_to_mutate(packets: Path) -> list[dict[str, Any]]:
    manifest = json.loads((packets / "manifest.json").read_text("utf-8"))["packets"]
    found = list[dict[str, Any]]()
    for packet in manifest:
        if packet["verdicts"]:
            content = json.loads((packets / packet["file"]).read_text("utf-8"))
            found += content["data"] if isinstance(content, dict) else content
    return found


def mutated(item: dict[str, Any], dice: random.Random) -> Any:
    """The item with one to four things wrong with it, at any depth."""
    item = json.loads(json.dumps(item))
    for _ in range(dice.randint(1, 4)):
        target = item
        inner = [one for value in item.values() if isinstance(value, list) for one in value if isinstance(one, dict)]
        if inner and dice.random() < 0.3:
            target = dice.choice(inner)
        name = dice.choice([*target, "TrangThai", "ThoiDiemXuLy", "MucDo"])
        match dice.randint(0, 4):
            case 0:
                target.pop(name, None)
            case 1:
                target[name] = dice.choice(STRANGE)
            case 2:
                target[name] = target.get(dice.choice(list(target) or ["MaHoSo"]))
            case 3:
                target[name] = [target.get(name)] * dice.randint(0, 3)
            case _:
                text = str(target.get(name))
                place = dice.randrange(len(text) + 1)
                target[name] = (
                    text[:place] + chr(dice.choice([0, 9, 34, 92, 0x300, 0xD7FF, 0x1F600])) + text[place + 1 :]
                )
    return item if dice.random() > 0.02 else dice.choice(STRANGE)


def neighbour(number: int, generation: str) -> dict[str, Any]:
    item = {
        "MaHoSo": f"H24.99-251103-{number:06d}", "MaTTHC": "1.004873", "TenLinhVuc": "Hộ tịch", "TrangThaiHoSo": "2",
        "NgayTiepNhan": "20251103083000", "NgayHenTra": "20251120170000",
    }  # fmt: skip
    return item if generation == "v1" else {**item, "KenhThucHien": "1"}


@pytest.mark.asyncio
async def test_mutated_packets_hurt_nobody(packets: Path) -> None:
    items, dice = items_to_mutate(packets), random.Random(SEED)
    wrong, turn, taken = list[str](), asyncio.Semaphore(AT_ONCE), 0

    async def send(system: Inside, number: int, generation: str, bad: Any) -> None:
        nonlocal taken
        packet: Any = [bad, neighbour(number, generation)]
        if generation == "v1":
            service = "CapNhatTienDoHoSoMC" if isinstance(bad, dict) and "TrangThai" in bad else "DongBoHoSoMC"
            packet = {"session": "s", "madonvi": "000.10.66.H24", "service": service, "data": packet}
        async with turn:
            answer = await system.http.post(f"/dvcqg/{generation}", params={"unit": "10966"}, json=packet)
        told = answer.json()["result"] if answer.status_code == 200 else []
        if answer.status_code != 200 or len(told) != 2 or told[1]["status"] != "accepted":
            wrong.append(
                f"packet {number} ({generation}): {answer.status_code} {answer.text[:300]} for {packet!s:.600}"
            )
        if any(word in answer.text for word in INSIDE):
            wrong.append(f"packet {number} tells of our inside: {answer.text[:300]}")
        taken += told[0]["status"] != "rejected" if told else 0

    with new_folder() as folder:
        async with inside(folder, "2025-11-10T08:00:00") as system:
            rounds = [(n, dice.choice(["v1", "v2"]), mutated(dice.choice(items), dice)) for n in range(COUNT)]
            for start in range(0, COUNT, 500):
                await asyncio.gather(*(send(system, *one) for one in rounds[start : start + 500]))
                assert not wrong, "\n".join(wrong[:5])
            await system.settled(120)
            total = (await system.figures("2025-11-01", "2025-11-10"))["total"]
    assert COUNT / 10 < taken < COUNT * 9 / 10, "some mutations must be harmless and some must not"
    assert total["c5"] >= COUNT, "every neighbour was received at the counter and is counted"
