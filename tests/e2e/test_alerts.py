"""Alerts on their whole way: from the centre's record over real servers to a mailbox, a webhook and a file.

The clock is simulated, so "an hour later" is one line; everything else is what runs in an office.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import nats
import pytest

from services.notification import repository
from services.system import System, start_system
from shared.clock import SimulatedClock
from tests.e2e.receivers import mail_server, webhook
from tests.e2e.running import MOTCUA

BINH_GIANG = "10966"


@dataclass
class Office:
    """A running system with its clock, as a test talks to it."""

    system: System
    clock: SimulatedClock
    data: Path

    def at(self, instant: str) -> None:
        self.clock.advance(datetime.fromisoformat(instant))

    async def say(self, *records: dict[str, Any]) -> None:
        answer = await self._post("/v1/records", list(records), "application/cloudevents-batch+json")
        assert answer["rejected"] == 0, answer

    async def alerts(self) -> list[dict[str, Any]]:
        """The delivery log by key."""
        async with self._http() as http:
            found = (await http.get("/v1/alerts", params={"unit": BINH_GIANG, "limit": 1000})).json()
        return sorted(found, key=lambda one: str(one["key"]))

    async def send_again(self, keys: list[str]) -> dict[str, Any]:
        return await self._post("/v1/alerts/again", {"keys": keys}, "application/json")

    async def digested(self) -> None:
        """Nothing waits anywhere, three times in a row with a look of the sweep and of the deliveries in between."""
        calm = 0
        async with self._http() as http:
            while calm < 3:
                waiting = (await http.get("/v1/backlog")).json()
                calm = 0 if any(waiting.values()) else calm + 1
                await asyncio.sleep(0.12)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.02)

    async def until_alerts(self, condition: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        async with asyncio.timeout(30):
            while not condition(found := await self.alerts()):
                await asyncio.sleep(0.05)
        return found

    async def until_plan(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(30), self._http() as http:
            while not condition(found := (await http.get(f"/v1/plans/{BINH_GIANG}")).json()):
                await asyncio.sleep(0.05)
        return dict(found)

    def filed(self) -> list[dict[str, Any]]:
        path = self.data / "out" / "alerts" / f"{BINH_GIANG}.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.system.url, headers={"Authorization": f"Bearer {self.system.token}"}, timeout=30
        )

    async def _post(self, path: str, body: Any, media_type: str) -> dict[str, Any]:
        async with self._http() as http:
            response = await http.post(path, content=json.dumps(body), headers={"Content-Type": media_type})
        assert response.status_code < 300, response.text
        return dict(response.json())


@asynccontextmanager
async def an_office(
    data: Path, receivers: dict[str, list[str]], at: str, monkeypatch: pytest.MonkeyPatch, **settings: object
) -> AsyncIterator[Office]:
    for name, value in {"sweep_seconds": 0.05, "deliver_seconds": 0.05, **settings}.items():
        monkeypatch.setenv(f"MOTCUA_{name.upper()}", str(value))
    deliveries = data.parent / "deliveries.yaml"
    deliveries.write_text(json.dumps({"receivers": {BINH_GIANG: receivers}}), "utf-8")
    clock = SimulatedClock(datetime.fromisoformat(at))
    async with start_system(data, clock=clock, overrides={"deliveries": deliveries}) as system:
        yield Office(system, clock, data)


def late(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the log what says that somebody is late; a record that comes late may cause a warning too, which waits."""
    return [one for one in alerts if one["rule"] == "dossier-overdue"]


def received(number: int, *, at: str, due: str, **facts: object) -> dict[str, Any]:
    code = f"H24.103-251105-{number:04d}"
    return {
        "specversion": "1.0",
        "id": f"hp-onestop-{number:06d}",
        "source": "/onestop/31/10966",
        "type": "vn.motcua.onestop.received.v1",
        "subject": code,
        "time": at,
        "data": {"unit": BINH_GIANG, "dossier": code, "field": "Hộ tịch", "received_at": at, "due_at": due, **facts},
    }


async def test_one_late_dossier_reaches_mailbox_webhook_and_file_once_with_the_records_id(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = received(
        12,
        at="2025-11-05T08:30:00+07:00",
        due="2025-11-06T17:00:00+07:00",
        applicant_name="Nguyễn Văn Ánh",
        phone="0912345678",
        note="CCCD 031090001234",
    )
    with mail_server() as mail, webhook() as hook:
        receivers = {"lanh-dao": [mail.address("lanhdao"), hook.address]}
        async with an_office(place / "data", receivers, "2025-11-06T08:00:00+07:00", monkeypatch) as office:
            await office.say(record)
            await office.digested()
            assert mail.mails == []
            office.at("2025-11-07T08:00:00+07:00")
            await office.until(lambda: bool(mail.mails and hook.posted and len(office.filed()) == 2))
            await office.digested()
            bus = await nats.connect(office.system.servers.nats.url_of("operator"))
            stored = await bus.jetstream().get_last_msg("DOSSIER", "dossier.v1.10966.overdue")
            # the same event once more, as after an outage longer than the bus remembers ids: no header, no memory
            await bus.jetstream().publish("dossier.v1.10966.overdue", stored.data or b"")
            await office.digested()
            await bus.jetstream().delete_consumer("DOSSIER", "notification")
            await bus.close()
            log = await office.alerts()
        async with an_office(place / "data", receivers, "2025-11-07T08:00:00+07:00", monkeypatch) as office:
            await office.digested()  # the durable is new: everything was delivered to the service again
            filed = office.filed()
            assert await office.alerts() == log

    assert [one.to for one in mail.mails] == [["lanhdao@binhgiang.example"]]
    assert mail.mails[0].subject == "[Xã Bình Giang] Hồ sơ H24.103-251105-0012 quá hạn"
    assert mail.mails[0].text.splitlines() == [
        "Hồ sơ H24.103-251105-0012 thuộc lĩnh vực Hộ tịch hẹn trả ngày 06/11/2025 nhưng chưa có kết quả.",
        "Đề nghị bộ phận được giao giải quyết và gửi văn bản xin lỗi theo quy định.",
        "Mã theo dõi: hp-onestop-000012",
    ]
    assert [(one["title"], one["message"].splitlines()) for one in hook.posted] == [
        (mail.mails[0].subject, mail.mails[0].text.splitlines())
    ]
    assert [(one["rule"], one["role"]) for one in filed] == [
        ("dossier-due-soon", "phong-chuyen-mon"),
        ("dossier-overdue", "phong-chuyen-mon"),
    ]
    assert filed[1]["correlations"] == ["hp-onestop-000012"]
    assert [(one["rule"], one["role"], one["status"], one["correlation"]) for one in log] == [
        ("dossier-due-soon", "phong-chuyen-mon", "sent", "hp-onestop-000012"),
        ("dossier-overdue", "lanh-dao", "sent", "hp-onestop-000012"),
        ("dossier-overdue", "phong-chuyen-mon", "sent", "hp-onestop-000012"),
    ]
    everything = json.dumps([mail.mails[0].text, hook.posted, filed, log], ensure_ascii=False)
    for personal in ("Ánh", "0912345678", "031090001234"):
        assert personal not in everything


async def test_a_mail_server_that_is_down_delays_its_mail_and_nobody_elses(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server(up=False) as mail, webhook() as hook:
        receivers = {"lanh-dao": [mail.address("lanhdao"), hook.address]}
        settings = {"first_retry_seconds": 60, "max_attempts": 3}
        async with an_office(place / "data", receivers, "2025-11-07T08:00:00+07:00", monkeypatch, **settings) as office:

            async def leader(attempts: int) -> dict[str, Any]:
                await office.until_alerts(lambda all_: any(mine(one) and one["attempts"] == attempts for one in all_))
                await office.digested()
                return next(one for one in await office.alerts() if mine(one))

            def mine(one: dict[str, Any]) -> bool:
                return bool(one["role"] == "lanh-dao" and one["subject"].endswith("0001"))

            await office.say(received(1, at="2025-11-05T08:30:00+07:00", due="2025-11-06T17:00:00+07:00"))
            first = await leader(1)
            assert first["status"] == "pending"
            assert first["reason"] == "the mailto address of lanh-dao did not take the message"
            assert first["next_attempt_at"] == "2025-11-07T08:01:00+07:00"
            office.at("2025-11-07T08:00:59+07:00")
            await office.digested()
            assert (await leader(1))["status"] == "pending"
            office.at("2025-11-07T08:01:00+07:00")
            assert (await leader(2))["next_attempt_at"] == "2025-11-07T08:03:00+07:00"
            # a second alert joins: it must have its own three attempts, not share the end of the first one's
            await office.say(received(2, at="2025-11-05T09:00:00+07:00", due="2025-11-06T17:00:00+07:00"))
            await office.until_alerts(
                lambda all_: sum(one["attempts"] for one in all_ if one["role"] == "lanh-dao") == 3
            )
            await office.digested()
            office.at("2025-11-07T08:03:00+07:00")
            gone = await leader(3)
            assert (gone["status"], gone["reason"]) == (
                "failed",
                "the mailto address of lanh-dao did not take the message",
            )
            (other,) = [
                one for one in await office.alerts() if one["role"] == "lanh-dao" and one["subject"].endswith("0002")
            ]
            assert (other["status"], other["attempts"]) == ("pending", 2)
            mail.up()
            office.at("2025-11-07T08:10:00+07:00")
            await office.until(lambda: len(mail.mails) == 1)
            assert await office.send_again([other["key"]]) == {"due": 0}  # it was not given up
            replay = [MOTCUA, "deadletter", "replay", "1", "--data", str(office.data)]
            done = await asyncio.to_thread(subprocess.run, replay, capture_output=True, text=True, timeout=60)
            assert done.stdout == "replayed letter 1: 1 alerts are sent again\n", done.stderr
            await office.until(lambda: len(mail.mails) == 2)
            await office.digested()
            bus = await nats.connect(office.system.servers.nats.url_of("operator"))
            dead = await bus.jetstream().get_last_msg("DEAD", "dead.v1.notification")
            await bus.close()
            letter = json.loads(dead.data or b"")["data"]
            assert letter["origin"] == "alert dossier-overdue to lanh-dao"
            assert {one["status"] for one in await office.alerts() if one["role"] == "lanh-dao"} == {"sent"}
    assert [one.subject.split()[-3] for one in mail.mails] == ["H24.103-251105-0002", "H24.103-251105-0001"]
    assert [one["title"].split()[-3] for one in hook.posted] == ["H24.103-251105-0001", "H24.103-251105-0002"]


async def test_a_crash_between_sending_and_noting_sends_twice_at_most_and_the_log_shows_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted, crash = repository.settle, True

    async def settle(*arguments: Any) -> None:
        if crash:
            raise RuntimeError("the process dies here")
        await noted(*arguments)

    monkeypatch.setattr(repository, "settle", settle)
    with mail_server() as mail:
        receivers = {"lanh-dao": [mail.address("lanhdao")], "phong-chuyen-mon": [mail.address("phong")]}
        async with an_office(place / "data", receivers, "2025-11-07T08:00:00+07:00", monkeypatch) as office:
            await office.say(received(1, at="2025-11-05T08:30:00+07:00", due="2025-11-06T17:00:00+07:00"))
            await office.until(lambda: len(mail.mails) == 2)
            assert [(one["status"], one["attempts"]) for one in late(await office.alerts())] == [("pending", 1)] * 2
        crash = False
        async with an_office(place / "data", receivers, "2025-11-07T08:01:00+07:00", monkeypatch) as office:
            await office.digested()
            assert len(mail.mails) == 2  # the lease of the process that died still runs
            office.clock.advance(office.clock.now() + timedelta(minutes=1))
            found = await office.until_alerts(lambda all_: [one["status"] for one in late(all_)] == ["sent", "sent"])
            assert [one["attempts"] for one in late(found)] == [2, 2]
    assert (
        sorted(one.to[0] for one in mail.mails) == ["lanhdao@binhgiang.example"] * 2 + ["phong@binhgiang.example"] * 2
    )


async def test_many_alerts_are_bundled_a_day_of_warnings_is_one_message_and_old_news_is_only_listed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow = [received(n, at="2025-11-06T09:00:00+07:00", due="2025-11-07T17:00:00+07:00") for n in range(100, 112)]
    overdue = [received(n, at="2025-11-05T09:00:00+07:00", due="2025-11-06T17:00:00+07:00") for n in range(60)]
    old = received(900, at="2025-10-20T09:00:00+07:00", due="2025-10-24T17:00:00+07:00")
    with mail_server() as mail:
        receivers = {"lanh-dao": [mail.address("lanhdao")], "phong-chuyen-mon": [mail.address("phong")]}
        async with an_office(place / "data", receivers, "2025-11-06T10:00:00+07:00", monkeypatch, bundle=25) as office:
            await office.say(*tomorrow, old)
            await office.digested()
            log = await office.alerts()
            assert mail.mails == []
            assert {one["rule"]: (one["status"], one["next_attempt_at"]) for one in log} == {
                "dossier-due-soon": ("pending", "2025-11-07T07:30:00+07:00"),
                "dossier-overdue": ("suppressed", None),
            }
            assert {one["reason"] for one in log if one["rule"] == "dossier-overdue"} == {
                "happened long before it was recorded"
            }
            office.at("2025-11-07T07:29:00+07:00")
            await office.digested()
            assert mail.mails == []
            office.at("2025-11-07T07:30:00+07:00")
            await office.until(lambda: len(mail.mails) == 1)
            await office.digested()
            assert [one.to for one in mail.mails] == [["phong@binhgiang.example"]]
            assert mail.mails[0].subject.endswith("sắp đến hạn và 11 cảnh báo khác")
            for record in tomorrow:
                assert mail.mails[0].text.count(f"Hồ sơ {record['subject']} ") == 1
                assert mail.mails[0].text.count(f"Mã theo dõi: {record['id']}") == 1
            mail.mails.clear()
            await office.say(*overdue)
            await office.until_alerts(lambda all_: [one["status"] for one in all_].count("sent") == 12 + 120)
    to_leaders = [one for one in mail.mails if one.to == ["lanhdao@binhgiang.example"]]
    said = "\n".join(one.text for one in to_leaders)
    assert all(said.count(f"Hồ sơ {record['subject']} ") == 1 for record in overdue)
    assert 3 <= len(to_leaders) <= 6  # 60 by 25; events that come in two batches may split one message
    assert all(one.text.count("Mã theo dõi") <= 25 for one in mail.mails)
