"""Ten thousand mutated packets on the real system: no failure of ours, no neighbour lost, nothing of our inside told."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

from tests.inside import Inside, inside, new_folder

COUNT, AT_ONCE, SEED = 10_000, 48, 20251110
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


class Caller:
    """One sender on one connection from an address of its own, as plain as HTTP goes: a client library costs more than the door."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    @classmethod
    async def connect(cls, system: Inside, number: int) -> Self:
        place = urlsplit(system.system.url)
        own = (f"127.0.1.{number + 1}", 0)  # the limit of requests is by address
        return cls(*await asyncio.open_connection(place.hostname, place.port, local_addr=own), system.system.token)

    async def post(self, path: str, packet: Any) -> tuple[int, str]:
        """Status and text of the answer."""
        body = json.dumps(packet, ensure_ascii=False).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        [length] = re.findall(rb"content-length: (\d+)", answer)
        return int(answer.split(b" ", 2)[1]), (await self._reader.readexactly(int(length))).decode()

    def close(self) -> None:
        self._writer.close()


@dataclass
class Fuzzing:
    """Sends packets and notes what no answer may be; `taken` counts mutations that did no harm."""

    wrong: list[str] = field(default_factory=list)
    taken: int = 0

    async def send_all(self, caller: Caller, rounds: Iterator[tuple[int, str, Any]]) -> None:
        """Take packets until there are none left, or one went wrong: behind an error the door hangs up."""
        for number, generation, bad in rounds:
            await self.send(caller, number, generation, bad)
            if self.wrong:
                break
        caller.close()

    async def send(self, caller: Caller, number: int, generation: str, bad: Any) -> None:
        packet: Any = [bad, neighbour(number, generation)]
        if generation == "v1":
            service = "CapNhatTienDoHoSoMC" if isinstance(bad, dict) and "TrangThai" in bad else "DongBoHoSoMC"
            packet = {"session": "s", "madonvi": "000.10.66.H24", "service": service, "data": packet}
        status, text = await caller.post(f"/dvcqg/{generation}?unit=10966", packet)
        told = json.loads(text)["result"] if status == 200 else []
        if status != 200 or len(told) != 2 or told[1]["status"] != "accepted":
            self.wrong.append(f"packet {number} ({generation}): {status} {text[:300]} for {packet!s:.600}")
        if any(word in text for word in INSIDE):
            self.wrong.append(f"packet {number} tells of our inside: {text[:300]}")
        self.taken += told[0]["status"] != "rejected" if told else 0


@pytest.mark.asyncio
async def test_mutated_packets_hurt_nobody(packets: Path) -> None:
    items, dice, fuzzing = items_to_mutate(packets), random.Random(SEED), Fuzzing()
    rounds = ((n, dice.choice(["v1", "v2"]), mutated(dice.choice(items), dice)) for n in range(COUNT))
    with new_folder() as folder:
        async with inside(folder, "2025-11-10T08:00:00") as system:
            callers = [await Caller.connect(system, number) for number in range(AT_ONCE)]
            await asyncio.gather(*(fuzzing.send_all(caller, rounds) for caller in callers))
            assert not fuzzing.wrong, "\n".join(fuzzing.wrong[:5])
            await system.settled(120)
            total = (await system.figures("2025-11-01", "2025-11-10"))["total"]
    assert COUNT / 10 < fuzzing.taken < COUNT * 9 / 10, "some mutations must be harmless and some must not"
    assert total["c5"] >= COUNT, "every neighbour was received at the counter and is counted"
