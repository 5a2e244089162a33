"""Bad input on the bus and over HTTP: refused alone, with field, reason and advice; never lost, never again."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import httpx
import pytest

from shared import topology
from shared.parties import Party
from tests.inside import UNIT, Inside, record

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

SUBJECT = f"onestop.v1.{UNIT}.received"


def a_record(dossier: str = "BAD", **changed: Any) -> dict[str, Any]:
    """A good record with some of its envelope (`time`, `type` …) or, under `data`, its facts replaced."""
    one = record("received", dossier, "2025-11-03", due_at="2025-11-06", field="Hộ tịch", channel="online")
    data = {**one["data"], **changed.pop("data", {})}
    return {**one, **changed, "data": {name: value for name, value in data.items() if value is not None}}


def text(one: dict[str, Any]) -> bytes:
    return json.dumps(one, ensure_ascii=False).encode()


def nested(opening: bytes, closing: bytes, depth: int) -> bytes:
    return text(a_record())[:-1] + b',"extra":' + opening * depth + b"1" + closing * depth + b"}"


BAD: dict[str, tuple[bytes, str, str]] = {
    "cut JSON": (text(a_record())[:-20], "record", "is not valid JSON"),
    "empty": (b"", "record", "is not valid JSON"),
    "windows-1258": (text(a_record()).replace("ộ".encode(), b"\xf4"), "record", "is not UTF-8"),
    "utf-16": (json.dumps(a_record()).encode("utf-16"), "record", "is not valid JSON"),
    "half a letter": (json.dumps(a_record(data={"field": "\ud800"})).encode(), "record", "is not valid JSON"),
    "unknown kind": (text(a_record(type="vn.motcua.onestop.eaten.v1")), "type", "unknown kind"),
    "no unit": (text(a_record(data={"unit": None})), "data.unit", "is missing"),
    "unknown unit": (text(a_record(data={"unit": "99999"})), "data.unit", "unknown unit '99999'"),
    "another unit": (text(a_record(data={"unit": "10510"})), "data.unit", "speaks of unit 10510"),
    "no such day": (text(a_record(time="2025-02-30T09:00:00+07:00")), "time", "is not a date that exists"),
    "no offset": (text(a_record(data={"due_at": "2025-11-06T17:00:00"})), "data.due_at", "has no offset"),
    "year 1": (text(a_record(time="0001-01-01T00:00:00+14:00")), "time", "lies in the year 1"),
    "year 9999": (text(a_record(data={"due_at": "9999-12-31T23:59:59-14:00"})), "data.due_at", "lies in the year 9999"),
    "received tomorrow": (
        text(a_record(time="2025-11-21T09:00:00+07:00", data={"received_at": "2025-11-21T09:00:00+07:00"})),
        "data.received_at",
        "lies in the future",
    ),
    "finished before received": (
        text(
            a_record(
                type="vn.motcua.onestop.completed.v1",
                time="2025-11-02T16:00:00+07:00",
                data={"received_at": "2025-11-03T09:00:00+07:00"},
            )
        ),
        "time",
        "finished on 2025-11-02, before the reception on 2025-11-03",
    ),
    "an array": (text(a_record())[:0] + b"[" + text(a_record()) + b"]", "record", "expected `object`, got `array`"),
    "a number": (b"7", "record", "expected `object`, got `int`"),
    "NUL in the code": (text(a_record(data={"dossier": "A\0B"})), "data.dossier", "control characters"),
    "NUL in the id": (text(a_record(id="A\0B")), "id", "control characters"),
    "NUL in the correlation": (text(a_record(correlationid="A\0B")), "correlationid", "control characters"),
    "no id": (text({k: v for k, v in a_record().items() if k != "id"}), "id", "is missing"),
    "deep arrays": (nested(b"[", b"]", 50_000), "record", "is nested too deeply"),
    "deep objects": (nested(b'{"a":', b"}", 20_000), "record", "is nested too deeply"),
    "too large": (text(a_record(padding="x" * 300_000)), "record", "bytes long"),
}


async def at_rest(running: Inside) -> None:
    """Everything is settled, nothing waits to be delivered again, and the system is ready."""
    await running.settled()
    for one in topology.DURABLES:
        info = await running.bus.jetstream().consumer_info(one.stream, one.name)
        assert (info.num_pending, info.num_ack_pending, info.num_redelivered) == (0, 0, 0), one.name
    ready = await running.http.get("/readyz")
    assert ready.json() == {"ready": True, "problems": {}}


async def test_each_bad_record_on_the_bus_becomes_one_dead_letter_and_its_neighbours_are_recorded(
    running: Inside,
) -> None:
    before, inbox = await running.last(topology.DEAD), running.bus.new_inbox()
    receipts = await running.bus.subscribe(inbox)
    for number, (body, _, _) in enumerate(BAD.values()):
        await running.publish(SUBJECT, text(a_record(f"NEIGHBOUR-{number}", id=f"neighbour-{number}")))
        await running.publish(SUBJECT, body, Motcua_Receipt_To=inbox)
    await at_rest(running)
    letters = await running.letters("dossier", before)
    found = {base64.b64decode(one["body"]): one for one in letters}
    for name, (body, field, reason) in BAD.items():
        letter = found[body[:200_000]]
        assert letter["field"] == field, name
        assert reason in letter["reason"], name
        assert letter["advice"], name
    assert len(letters) == len(BAD)
    answered = list[dict[str, Any]]()
    while len(answered) < len(BAD):
        answered += json.loads((await receipts.next_msg(timeout=10)).data)
    assert [one["status"] for one in answered] == ["rejected"] * len(BAD)
    assert {(one["field"], one["reason"]) for one in answered} == {(one["field"], one["reason"]) for one in letters}
    assert all(one["advice"] for one in answered)
    async with running.database("dossier") as database:
        assert await database.fetchval("SELECT count(*) FROM journal WHERE dossier LIKE 'NEIGHBOUR-%'") == len(BAD)
        assert await database.fetchval("SELECT count(*) FROM journal WHERE dossier = 'BAD'") == 0


async def test_the_same_bad_records_over_http_are_rejected_one_by_one(running: Inside) -> None:
    json_only = {name: one for name, one in BAD.items() if name not in NOT_IN_AN_ARRAY}
    good = text(a_record("OVER-HTTP", id="over-http"))
    body = b"[" + b",".join([*(one[0] for one in json_only.values()), good]) + b"]"
    answer = await running.http.post("/v1/records", content=body)
    assert answer.status_code == 200
    receipts = answer.json()
    assert (receipts["accepted"], receipts["rejected"]) == (1, len(json_only))
    for (name, (_, field, reason)), receipt in zip(json_only.items(), receipts["items"], strict=False):
        assert (receipt["status"], receipt["field"]) == ("rejected", field), name
        assert reason in receipt["reason"], name
        assert receipt["advice"], name
    assert receipts["items"][-1] == {"index": len(json_only), "id": "over-http", "status": "accepted"}
    await at_rest(running)


NOT_IN_AN_ARRAY = {
    "cut JSON", "empty", "windows-1258", "utf-16", "half a letter",  # break the array that they are in
    "deep arrays", "deep objects",
    "another unit",  # there is no subject to disagree with
}  # fmt: skip


@pytest.mark.parametrize("name", ["cut JSON", "empty", "windows-1258", "utf-16", "deep arrays", "deep objects"])
async def test_a_single_bad_body_over_http_is_rejected_with_a_reason(running: Inside, name: str) -> None:
    body, field, reason = BAD[name]
    answer = await running.http.post("/v1/records", content=body)
    assert answer.status_code == 200
    item = answer.json()["items"][0]
    assert (item["status"], item["field"]) == ("rejected", field)
    assert reason in item["reason"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'[{"id":1},', "not valid JSON"),
        (b"[1,\xff]", "not valid JSON"),
    ],
)
async def test_an_array_that_cannot_be_read_is_a_bad_request(running: Inside, body: bytes, reason: str) -> None:
    answer = await running.http.post("/v1/records", content=body)
    assert answer.status_code == 400
    assert reason in answer.text


async def test_json_lines_over_http_are_refused_and_nothing_of_them_is_recorded(running: Inside) -> None:
    lines = text(a_record("LINE-1", id="line-1")) + b"\n" + text(a_record("LINE-2", id="line-2"))
    answer = await running.http.post("/v1/records", content=lines)
    assert answer.status_code == 400
    assert "application/x-ndjson" in answer.json()["error"]
    async with running.database("dossier") as database:
        assert await database.fetchval("SELECT count(*) FROM journal WHERE dossier LIKE 'LINE-%'") == 0


async def test_a_record_near_the_limit_is_taken_and_five_megabytes_are_refused(running: Inside) -> None:
    empty = len(text(a_record("LARGE", id="large", padding="")))
    fits = a_record("LARGE", id="large", padding="x" * (256 * 1024 - empty))
    assert len(text(fits)) == 262_144
    assert (await running.http.post("/v1/records", content=text(fits))).json()["accepted"] == 1
    refused = await running.http.post("/v1/records", content=text({**fits, "id": "larger", "padding": "x" * 5_242_880}))
    item = refused.json()["items"][0]
    assert (item["status"], item["field"]) == ("rejected", "record")
    assert item["advice"] == "a record has at most 262,144 bytes"
    with pytest.raises(Exception, match=r"[Mm]aximum payload|[Mm]ax.?[Pp]ayload"):
        await running.publish(SUBJECT, b"x" * 5_242_880)


async def test_a_body_beyond_the_limit_of_the_door_is_413(running: Inside) -> None:
    answer = await running.http.post("/v1/records", content=b"[" + b" " * (32 * 1024 * 1024) + b"]")
    assert answer.status_code == 413
    assert "33,554,432 bytes" in answer.json()["error"]
    too_many = await running.http.post("/v1/records", content=b"[" + b",".join([b"1"] * 5_001) + b"]")
    assert too_many.status_code == 413
    assert "5,000 records" in too_many.json()["error"]


async def test_without_a_token_or_for_a_foreign_unit_nothing_is_taken(running: Inside) -> None:
    body = text(a_record("FOREIGN", id="foreign"))
    async with httpx.AsyncClient(base_url=running.system.url) as stranger:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {running.system.token}"}):
            answer = await stranger.post("/v1/records", content=body, headers=headers)
            assert answer.status_code == 401
            assert "Authorization: Bearer" in answer.json()["error"]
        parties = running.system.environment.tokens.parties
        digest = hashlib.sha256(b"of-thanh-dong").hexdigest()
        assert isinstance(parties, dict)
        parties[digest] = Party(name="thanh-dong", units=frozenset({"10510"}))
        answer = await stranger.post("/v1/records", content=body, headers={"Authorization": "Bearer of-thanh-dong"})
        item = answer.json()["items"][0]
        assert (item["status"], item["field"]) == ("rejected", "data.unit")
        assert "may not speak for unit 10966" in item["reason"]
        heard = await stranger.post(
            "/v1/heard", json={"sources": {}}, headers={"Authorization": "Bearer of-thanh-dong"}
        )
        assert heard.status_code == 403


async def test_nul_and_odd_spaces_in_plain_text_become_single_spaces(running: Inside) -> None:
    await running.say(a_record("TIDY", id="tidy", data={"field": "Hộ\0 \u2003tịch  "}))
    async with running.database("dossier") as database:
        snapshot = json.loads(await database.fetchval("SELECT snapshot FROM dossier WHERE code = 'TIDY'"))
    assert snapshot["state"]["field"] == "Hộ tịch"


async def test_a_dossier_with_a_vietnamese_code_reaches_the_readers(running: Inside) -> None:
    await running.say(a_record("HỒ SƠ/Đất đai-1", id="vietnamese"))
    assert (await running.said("HỒ SƠ/Đất đai-1"))[0] == "received"


async def test_a_bad_dossier_event_goes_to_each_reader_s_dead_letters_and_stops_nobody(running: Inside) -> None:
    """The third has the right shape and a date that is none: it fails only where facts are made, which notification does not."""
    before = await running.last(topology.DEAD)
    snapshot = {"unit": UNIT, "dossier": "X", "revision": 1, "source": "/s", "recorded_at": "2025-11-03T09:00:00+07:00",
                "state": {}, "timeline": [{"at": "2025-11-03T09:00:00+07:00", "kind": "received", "to": {"received_at": "soon"}}]}  # fmt: skip
    envelope = {
        "specversion": "1.0",
        "id": "x",
        "source": "/s",
        "type": "vn.motcua.dossier.overdue.v1",
        "time": "2025-11-03T09:00:00+07:00",
    }
    bodies = [b"{", b"[" * 100_000, json.dumps({**envelope, "data": {"snapshot": snapshot}}).encode()]
    for body in bodies:
        await running.publish(f"dossier.v1.{UNIT}.overdue", body)
    await running.say(a_record("AFTER-BAD-EVENT", id="after-bad-event"))
    for reader, refused in (("reporting", bodies), ("inspection", bodies), ("notification", bodies[:2])):
        bad = {base64.b64decode(one["body"]) for one in await running.letters(reader, before)}
        assert bad == set(refused), reader
    await at_rest(running)
    async with running.database("reporting") as database:
        assert await database.fetchval("SELECT revision FROM fact WHERE code = 'AFTER-BAD-EVENT'") == 1


async def test_nobody_else_speaks_as_the_source_of_letters_issued_here(running: Inside) -> None:
    ours = {**a_record("OWN-1", id="10510/OWN-1/2025-11-06/apologised"), "source": "/motcua/apologies"}
    answer = (await running.http.post("/v1/records", content=text(ours))).json()
    assert (answer["items"][0]["status"], answer["items"][0]["field"]) == ("rejected", "source")
    # on the bus our own service speaks too: there a unit cannot take the place of another's letters
    dead = await running.last("DEAD")
    await running.publish("onestop.v1.10966.received", text(ours))
    await running.settled()
    (letter,) = await running.letters("dossier", dead)
    assert letter["field"] == "id"


@pytest.mark.parametrize(("source", "instant"), [("a\0b", "2025-11-03"), ("far", "0001-01-01"), ("far", "9999-12-31")])
async def test_how_far_a_file_was_heard_is_a_name_and_a_day_of_our_time(
    running: Inside, source: str, instant: str
) -> None:
    answer = await running.http.post("/v1/heard", json={"sources": {source: f"{instant}T00:00:00Z"}})
    assert answer.status_code == 422
    # it once was taken, and no sweep nor backlog could be asked for ever after
    assert (await running.http.get("/v1/backlog")).status_code == 200
