"""Alarms of a real Alertmanager in the delivery log of a running system: told once, ended once, whatever is repeated."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from shared.parties import ALARMS_PARTY
from tests.inside import Inside, inside, new_folder, until

HOUSE = Path(__file__).parent.parent.parent
TOKEN = "t" * 32
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data) as one:
            path = data / "secrets" / "tokens.json"
            known = json.loads(path.read_text("utf-8"))
            path.write_text(json.dumps({**known, hashlib.sha256(TOKEN.encode()).hexdigest(): ALARMS_PARTY}), "utf-8")
            yield one


class Alertmanager:
    """Debian's own, with our file: another address of the door, and seconds instead of minutes."""

    def __init__(self, folder: Path, door: str) -> None:
        config = yaml.safe_load((HOUSE / "deploy" / "alertmanager" / "alertmanager.yml").read_text("utf-8"))
        webhook = config["receivers"][0]["webhook_configs"][0]
        assert webhook["url"].endswith(":8080/v1/alarms")
        webhook["url"] = f"{door}/v1/alarms"
        (folder / "token").write_text(TOKEN)
        webhook["http_config"]["authorization"]["credentials_file"] = str(folder / "token")
        for route in (config["route"], *config["route"]["routes"]):
            route |= {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1s"}
        (folder / "alertmanager.yml").write_text(json.dumps(config), "utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{address}"
        self.process = subprocess.Popen(
            [
                "prometheus-alertmanager", f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder}",
                f"--web.listen-address={address}", "--cluster.listen-address=",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    async def taken(self) -> int:
        """How many messages the door has taken."""
        async with httpx.AsyncClient() as http:
            said = (await http.get(f"{self.url}/metrics")).text
        sums = {
            line.split("{")[0]: float(line.rpartition(" ")[2])
            for line in said.splitlines()
            if 'integration="webhook"' in line and "_notifications_" in line
        }
        return int(sums["alertmanager_notifications_total"] - sums["alertmanager_notifications_failed_total"])

    async def say(self, since: datetime, until_: datetime, **labels: str) -> None:
        """As Prometheus does, over and over while an alarm goes on."""
        said = {
            "labels": labels, "startsAt": since.isoformat(), "endsAt": until_.isoformat(),
            "annotations": {"summary": "reporting does not answer", "runbook": "docs/operate.md#serverdown"},
        }  # fmt: skip
        async with httpx.AsyncClient() as http:
            (await http.post(f"{self.url}/api/v2/alerts", json=[said])).raise_for_status()


@contextlib.contextmanager
def alertmanager(folder: Path, door: str) -> Any:
    if shutil.which("prometheus-alertmanager") is None:
        pytest.skip("prometheus-alertmanager is not installed (apt-get install prometheus-alertmanager)")
    one = Alertmanager(folder, door)
    try:
        yield one
    finally:
        one.process.terminate()
        one.process.wait(20)


async def log(running: Inside, name: str) -> list[dict[str, Any]]:
    found = (await running.http.get("/v1/alerts", params={"unit": "system", "limit": 1000})).json()
    return [one for one in found if one["subject"].startswith(f"{name}/")]


def filed(running: Inside, name: str) -> list[tuple[str, str, str]]:
    path = running.data / "out" / "alerts" / "system.jsonl"
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return [(one["rule"], one["role"], one["title"]) for one in lines if one["subjects"][0].startswith(f"{name}/")]


async def test_a_real_alarm_is_told_once_and_its_end_once_though_alertmanager_repeats_it(
    running: Inside, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    labels = {"alertname": "ServiceGone", "severity": "page", "service_name": "reporting", "unit": "10966"}
    with alertmanager(tmp_path, running.system.url) as am:

        async def up() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient() as http:
                    return (await http.get(f"{am.url}/-/ready")).status_code == 200
            return False

        await until(up, "Alertmanager")
        await am.say(now - timedelta(days=30), now + timedelta(hours=1), **labels)

        async def repeated() -> bool:
            return await am.taken() >= 3

        await until(repeated, "the same alarm handed over three times")
        before = await log(running, "ServiceGone")
        await am.say(now - timedelta(days=30), now - timedelta(seconds=1), **labels)

        async def all_told() -> bool:
            return len(filed(running, "ServiceGone")) >= 4

        await until(all_told, "both roles told of both")
    assert sorted((one["rule"], one["role"]) for one in before) == [
        ("alarm-page", "quan-tri"),
        ("alarm-page", "van-hanh"),
    ]
    # the label `unit` opens no mailbox of a commune, and thirty days make no alarm stale that still goes on
    assert {one["unit"] for one in before} == {"system"} and {one["status"] for one in before} <= {"pending", "sent"}
    begun, over = "[Hệ thống] KHẨN: reporting does not answer", "[Hệ thống] Đã hết: reporting does not answer"
    assert sorted(filed(running, "ServiceGone")) == [
        ("alarm-page", "quan-tri", begun),
        ("alarm-page", "van-hanh", begun),
        ("alarm-page-resolved", "quan-tri", over),
        ("alarm-page-resolved", "van-hanh", over),
    ]


def webhook(*alarms: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "receiver": "operators", "alerts": list(alarms), **more}


def alarm(name: str, **more: Any) -> dict[str, Any]:
    return {
        "status": "firing", "labels": {"alertname": name, "severity": "ticket"}, "annotations": {},
        "startsAt": "2025-11-20T08:00:00.123456789+07:00", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "",
        "fingerprint": "00ff00ff00ff00ff", **more,
    }  # fmt: skip


async def post(running: Inside, body: Any, token: str = TOKEN) -> httpx.Response:
    return await running.http.post("/v1/alarms", json=body, headers={"Authorization": f"Bearer {token}"})


async def test_the_door_takes_alertmanagers_token_alone_and_that_token_opens_no_other(running: Inside) -> None:
    assert (await post(running, webhook(alarm("Mine")), "wrong")).status_code == 401
    refused = await post(running, webhook(alarm("Mine")), running.system.token)
    assert refused.status_code == 403 and "role alarms" in refused.json()["error"]
    assert await log(running, "Mine") == []
    alarms = {"Authorization": f"Bearer {TOKEN}"}
    for method, path, query in (
        ("GET", "/v1/alerts", {"unit": "all"}),
        ("GET", "/v1/alerts", {"unit": "10966"}),
        ("GET", "/v1/reports/figures", {"unit": "10966", "period": "2025-Q4"}),
    ):
        assert (await running.http.request(method, path, params=query, headers=alarms)).status_code == 403, path
    assert (await running.http.post("/v1/alerts/again", json={"keys": ["x"]}, headers=alarms)).status_code == 403


async def test_an_end_of_which_nobody_heard_the_beginning_is_kept_and_told_to_nobody(running: Inside) -> None:
    over = alarm("Unheard", status="resolved", endsAt="2025-11-20T08:30:00+07:00")
    assert (await post(running, webhook(over))).json() == {"taken": 1}
    (one,) = await log(running, "Unheard")
    assert (one["status"], one["reason"]) == ("suppressed", "nobody was told that it began")


async def test_a_second_life_of_an_alarm_is_told_again(running: Inside) -> None:
    for start in ("2025-11-20T08:00:00+07:00", "2025-11-20T08:00:00+07:00", "2025-11-20T09:00:00+07:00"):
        await post(running, webhook(alarm("Comes", startsAt=start)))
    assert sorted(one["happened_at"][11:16] for one in await log(running, "Comes")) == ["08:00", "09:00"]


@pytest.mark.parametrize(
    ("labels", "annotations", "title"),
    [
        ({"alertname": "Odd\r\nBcc: x@y.z", "severity": "?"}, {}, "[Hệ thống] Odd Bcc: x@y.z"),
        ({"severity": "ticket"}, {"summary": "x" * 10_000}, f"[Hệ thống] {'x' * 499}…"),
        ({"alertname": "N\u0000l"}, {"summary": "{{ data }} \u202e<b>"}, "[Hệ thống] {{ data }} <b>"),
    ],
)
async def test_hostile_labels_become_one_plain_line(
    running: Inside, labels: dict[str, str], annotations: dict[str, str], title: str
) -> None:
    fingerprint = hashlib.sha256(title.encode()).hexdigest()[:16]
    taken = await post(running, webhook(alarm("", labels=labels, annotations=annotations, fingerprint=fingerprint)))
    assert taken.status_code == 200, taken.text
    found = (await running.http.get("/v1/alerts", params={"unit": "system"})).json()
    assert title in [one["title"] for one in found if one["subject"].endswith(fingerprint)]


@pytest.mark.parametrize(
    "body",
    [
        {}, [], webhook(alarm("A"), version="3"), webhook(alarm("A", fingerprint="../../etc")),
        webhook(alarm("A", startsAt="yesterday")), webhook(alarm("A", startsAt="0001-01-01T00:00:00Z")),
        webhook(alarm("A", status="maybe")), webhook(alarm("A", labels={"alertname": 7})),
        webhook(*[alarm("A")] * 1_001), webhook(alarm("A", labels={str(n): "" for n in range(201)})),
    ],
)  # fmt: skip
async def test_what_is_no_message_of_alertmanager_is_refused_with_the_field(running: Inside, body: Any) -> None:
    refused = await post(running, body)
    assert refused.status_code == 422 and refused.json()["detail"][0]["loc"]
    assert await log(running, "A") == []
