"""The apology through the real doors: opened with `overdue`, written by people, told to the journal, counted in figures."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import docx
import pytest
import pytest_asyncio

from shared import topology
from tests.inside import UNIT, Inside, at, inside, new_folder, record, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

NAME = "Nguyễn Thị Khánh Huyền"
LIVE = "/onestop/31/test"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Inside]:
    with new_folder() as data:
        async with inside(data, now="2025-11-03T08:00:00") as one:
            yield one


async def filed(running: Inside, code: str, due: str, **facts: Any) -> None:
    known = {"field": "Hộ tịch", "agency": "van-phong", "procedure": "1.004873", "applicant": "citizen"} | facts
    name = "Thủ tục cấp Giấy xác nhận tình trạng hôn nhân"
    await running.say(record("received", code, "2025-11-03T08:00:00", due_at=due, procedure_name=name, **known))


async def heard(running: Inside, when: str) -> None:
    """The clock moves, and the centre says something else, so that it is not silent."""
    running.clock.advance(at(when))
    await running.say(record("received", f"ALIVE {when}", when, due_at="2199-01-01", field="Khác"))


async def said(running: Inside, code: str, event: str) -> None:
    async def is_said() -> bool:
        return event in await running.said(code)

    await until(is_said, f"{code} to be {event}")
    await running.settled()


async def act(running: Inside, step: str, code: str, **words: Any) -> tuple[int, dict[str, Any]]:
    answer = await running.http.post(f"/v1/apologies/{UNIT}/{step}", json={"dossier": code, **words})
    return answer.status_code, answer.json()


async def apologies(running: Inside, **wanted: Any) -> list[dict[str, Any]]:
    answer = await running.http.get("/v1/apologies", params={"unit": UNIT, **wanted})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def standing(running: Inside, code: str) -> str | None:
    return next((one["standing"] for one in await apologies(running, limit=1000) if one["dossier"] == code), None)


async def counted(running: Inside, begin: str = "2025-11-01", end: str = "2025-11-30") -> dict[str, int]:
    """Late dossiers with and without an apology; each number is compared with the list behind it."""
    window = {"unit": UNIT, "from": begin, "to": end}
    names = ["late_with_apology", "late_without_apology"]
    answer = (await running.http.get("/v1/reports/counts", params={**window, "name": names})).json()
    counts: dict[str, int] = answer[0]["counts"]
    for name in names:
        behind = (
            await running.http.get("/v1/reports/behind", params={**window, "column": name, "limit": 10_000})
        ).json()
        assert len(behind) == counts[name], name
    return counts


async def own_statements(running: Inside, code: str) -> list[tuple[str, str]]:
    async with running.database("dossier") as database:
        rows = await database.fetch("SELECT kind, id FROM journal WHERE source = '/motcua/apologies' AND dossier = $1 ORDER BY id", code)  # fmt: skip
    return [(row["kind"], row["id"]) for row in rows]


async def test_the_whole_life_of_an_apology(running: Inside) -> None:
    await filed(running, "LATE", "2025-11-06T17:00:00")
    assert await standing(running, "LATE") is None
    await heard(running, "2025-11-07T09:00:00")
    await said(running, "LATE", "overdue")
    [opened] = [one for one in await apologies(running, state="opened") if one["dossier"] == "LATE"]
    assert (opened["due_at"], opened["standing_vi"]) == ("2025-11-06T17:00:00+07:00", "Chưa có văn bản xin lỗi")
    assert (opened["written_by"], opened["agency"], opened["field"]) == ("2025-11-05", "van-phong", "Hộ tịch")
    assert await counted(running) == {"late_with_apology": 0, "late_without_apology": 1}

    issue = {"number": "12", "signer": "Trần Văn Bình"}
    assert await act(running, "issue", "LATE", **issue, reason_code="workload") == (
        409, {"error": "it cannot be issued before it is drafted (do that first)"}
    )  # fmt: skip
    status, drafted = await act(running, "draft", "LATE", reason_code="workload", new_due_on="2025-11-12")
    assert (status, drafted["standing"]) == (200, "drafted")
    assert await own_statements(running, "LATE") == []  # a draft is nobody's business yet

    status, issued = await act(running, "issue", "LATE", **issue)
    assert (status, issued["standing"]) == (200, "issued")
    await running.settled()
    assert (await running.said("LATE"))[-2:] == ["extended", "apologised"]
    told = [
        ("apologised", f"{UNIT}/LATE/2025-11-06T17:00:00/apologised"),
        ("extended", f"{UNIT}/LATE/2025-11-06T17:00:00/extended"),
    ]
    assert await own_statements(running, "LATE") == told
    last = (await running.messages(topology.DOSSIER, f"dossier.v1.{UNIT}.apologised"))[-1]["data"]["snapshot"]["state"]
    assert (last["due_at"], last["extended_due_at"]) == ("2025-11-06T17:00:00+07:00", "2025-11-12T17:00:00+07:00")
    assert await counted(running) == {"late_with_apology": 1, "late_without_apology": 0}
    # the day is past, the new date is not: still late, for a new date never moves the promise
    assert (await running.figures("2025-11-01", "2025-11-07"))["total"]["c13"] == 1

    assert (await act(running, "issue", "LATE", **issue))[0] == 200
    await running.settled()
    assert await own_statements(running, "LATE") == told
    assert (await act(running, "issue", "LATE", **issue, without_new_date=True))[0] == 409
    status, other = await act(running, "issue", "LATE", number="13", signer="Trần Văn Bình")
    assert (status, other["error"]) == (409, "it was issued by operator at 09:00 on 07/11/2025, with other contents (nothing was changed)")  # fmt: skip

    assert (await act(running, "published", "LATE"))[0] == 409
    assert (await act(running, "sent", "LATE", how="post"))[1]["standing"] == "sent"
    assert (await act(running, "sent", "LATE", how="post"))[1]["standing"] == "sent"
    status, published = await act(running, "published", "LATE", where="https://binhgiang.example.vn/xin-loi")
    assert (status, published["standing"]) == (200, "published")
    assert [(one["step"], one["by"]) for one in published["actions"]] == [
        ("opened", "motcua"), ("drafted", "operator"), ("issued", "operator"), ("sent", "operator"), ("published", "operator"),
    ]  # fmt: skip
    [kept] = (await running.http.get(f"/v1/apologies/{UNIT}/LATE")).json()
    assert kept == published


async def test_the_letter_is_the_same_whenever_printed_and_the_name_is_kept_nowhere(running: Inside) -> None:
    await filed(running, "PRINTED", "2025-11-06T17:00:00")
    await said(running, "PRINTED", "overdue")
    nothing = await running.http.post(f"/v1/apologies/{UNIT}/letter", json={"dossier": "PRINTED"})
    assert (nothing.status_code, nothing.json()["error"]) == (404, "dossier PRINTED has no letter (draft one first)")
    await act(running, "draft", "PRINTED", cause="Chờ xác minh")
    assert (await act(running, "issue", "PRINTED", number="14", signer="Trần Văn Bình"))[0] == 200
    await running.settled()

    async def printed(kind: str, **words: Any) -> bytes:
        answer = await running.http.post(
            f"/v1/apologies/{UNIT}/letter", params={"as": kind}, json={"dossier": "PRINTED", **words}
        )
        assert answer.status_code == 200, answer.text
        return answer.content

    before = [await printed("pdf"), await printed("docx")]
    await running.say(record("updated", "PRINTED", "2025-11-07T10:00:00", agency="kinh-te", procedure_name="Khác"))
    assert [await printed("pdf"), await printed("docx")] == before
    assert before[0].startswith(b"%PDF") and b"/Count 1" in before[0]
    blank = "\n".join(one.text for one in docx.Document(io.BytesIO(before[1])).paragraphs)
    assert "Kính gửi: Ông/Bà ………" in blank
    named = docx.Document(io.BytesIO(await printed("docx", applicant=NAME)))
    assert any(one.text == f"Kính gửi: {NAME}" for one in named.paragraphs)
    assert NAME.encode() not in before[1] and await printed("pdf", applicant=NAME) != before[0]
    assert zipfile.ZipFile(io.BytesIO(before[1])).testzip() is None

    async with running.database("dossier") as database:
        tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'dossier'")
        for table in tables:
            rows = await database.fetch(f'SELECT t::text AS row FROM dossier."{table["tablename"]}" AS t')
            assert not [row for row in rows if NAME in row["row"] or "Khánh Huyền" in row["row"]], table
    assert NAME not in (await running.http.get("/metrics")).text


async def test_lateness_that_was_refuted_withdraws_the_apology_and_keeps_it(running: Inside) -> None:
    await filed(running, "REFUTED", "2025-11-06T17:00:00")
    await said(running, "REFUTED", "overdue")
    await act(running, "draft", "REFUTED", reason_code="system")
    await running.say(record("completed", "REFUTED", "2025-11-06T15:00:00"))
    assert (await running.said("REFUTED"))[-1] == "overdue_withdrawn"
    assert await standing(running, "REFUTED") == "withdrawn"
    [kept] = (await running.http.get(f"/v1/apologies/{UNIT}/REFUTED")).json()
    assert [one["step"] for one in kept["actions"]] == ["opened", "drafted"]
    status, answer = await act(running, "issue", "REFUTED", number="15", signer="B")
    assert status == 409 and "has not broken the promise of 06/11/2025" in answer["error"]
    # the correction was itself a mistake: the promise was broken after all
    await running.say(record("processing", "REFUTED", "2025-11-06T16:00:00"))
    await said(running, "REFUTED", "overdue")
    await until(lambda: _stands(running, "REFUTED", "drafted"), "the apology to stand where it stood")


async def _stands(running: Inside, code: str, wanted: str) -> bool:
    return await standing(running, code) == wanted


async def test_what_the_centre_says_counts_in_any_order_and_only_once(running: Inside) -> None:
    await filed(running, "BY-CENTRE", "2025-11-06T17:00:00")
    await filed(running, "BY-CENTRE-2", "2025-11-06T17:00:00")
    words = [
        ("extended", "2025-11-06T10:00:00", {"extended_due_at": "2025-11-10T17:00:00"}),
        ("apologised", "2025-11-06T11:00:00", {}),
    ]
    for code, order in (("BY-CENTRE", words), ("BY-CENTRE-2", words[::-1])):
        for kind, when, facts in [*order, *order]:
            await running.say(record(kind, code, when, **facts))
    found = {one["dossier"]: one for one in await apologies(running) if one["dossier"].startswith("BY-CENTRE")}
    first, second = found["BY-CENTRE"], found["BY-CENTRE-2"]
    assert (first["standing"], first["new_due_at"]) == ("sent", "2025-11-10T17:00:00+07:00")
    assert {name: value for name, value in first.items() if name != "dossier"} == {
        name: value for name, value in second.items() if name != "dossier"
    }
    # a word before the dossier's own reception is heard: it counts as soon as there is a promise
    await running.say(record("apologised", "EARLY-WORD", "2025-11-06T12:00:00"))
    assert await standing(running, "EARLY-WORD") is None
    await filed(running, "EARLY-WORD", "2025-11-06T17:00:00")
    assert await standing(running, "EARLY-WORD") == "sent"
    status, answer = await act(running, "draft", "BY-CENTRE", reason_code="workload")
    assert status == 409 and "a letter went out on 06/11/2025 already" in answer["error"]


async def test_a_letter_ahead_of_the_promise_does_not_hide_that_it_broke(running: Inside) -> None:
    """Our own statement says nothing of the centre's work: the dossier is judged by the centre, as before."""
    await filed(running, "AHEAD", "2025-11-10T17:00:00")
    await act(running, "draft", "AHEAD", reason_code="coordination", new_due_on="2025-11-13")
    status, issued = await act(running, "issue", "AHEAD", number="16", signer="Trần Văn Bình")
    assert (status, issued["standing"], "opened" in issued["reached"]) == (200, "issued", False)
    await running.settled()
    async with running.database("dossier") as database:
        assert await database.fetchval("SELECT source FROM dossier WHERE code = 'AHEAD'") == LIVE
        assert await database.fetchval("SELECT count(*) FROM source WHERE name LIKE '/motcua%'") == 0
    await heard(running, "2025-11-11T09:00:00")
    await said(running, "AHEAD", "overdue")
    assert await standing(running, "AHEAD") == "issued"
    # the promise moves (a supplement) and breaks again: a second apology, without a second new date
    await running.say(
        record("supplement_requested", "AHEAD", "2025-11-11T10:00:00"),
        record("supplemented", "AHEAD", "2025-11-12T10:00:00", due_at="2025-11-13T17:00:00"),
    )
    await heard(running, "2025-11-14T09:00:00")
    await until(lambda: _count(running, "AHEAD", 2), "a second apology")
    status, answer = await act(running, "draft", "AHEAD", reason_code="workload", new_due_on="2025-11-18")
    assert status == 409 and "was given a new date 1 times and may be given 1" in answer["error"]
    assert (await act(running, "draft", "AHEAD", reason_code="workload"))[1]["due_at"].startswith("2025-11-13")
    assert (await act(running, "sent", "AHEAD", how="post", due_on="2025-11-10"))[1]["standing"] == "sent"


async def _count(running: Inside, code: str, wanted: int) -> bool:
    return len([one for one in await apologies(running, limit=1000) if one["dossier"] == code]) == wanted


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"new_due_on": "2025-11-14"}, "new_due_on: 14/11/2025 is not after today"),
        ({"new_due_on": "2025-11-15"}, "new_due_on: 15/11/2025 is no working day"),
        ({"reason_code": "laziness"}, "reason_code: 'laziness' is not known"),
        ({"cause": "bà Hoa, 0912.345.678"}, "cause: holds a number or an address of a person"),
    ],
)
async def test_what_a_letter_may_not_say_is_refused(running: Inside, words: dict[str, str], reason: str) -> None:
    await filed(running, "REFUSED", "2025-11-06T17:00:00")
    status, answer = await act(running, "draft", "REFUSED", **{"reason_code": "workload", **words})
    assert status == 400 and answer["error"].startswith(reason)


async def test_a_crash_between_the_action_and_its_statements_loses_nothing(running: Inside) -> None:
    """The action is committed first; whatever the journal does not know of it is told again, under the same ids."""
    await filed(running, "KILLED", "2025-11-12T17:00:00")
    await said(running, "KILLED", "overdue")
    await act(running, "draft", "KILLED", reason_code="system", new_due_on="2025-11-20")
    template = (await running.http.get(f"/v1/apologies/{UNIT}/KILLED")).json()[0]["actions"][-1]
    action = {**template, "step": "issued", "letter": {**template["letter"], "number": "17", "signer": "Trần Văn Bình"}}
    ids = [f"{UNIT}/KILLED/2025-11-12T17:00:00/{kind}" for kind in ("apologised", "extended")]
    async with running.database("dossier") as database:  # what a process leaves that dies right behind its commit
        await database.execute(
            "INSERT INTO apology_action (unit, code, due_at, step, statement_ids, action) VALUES ($1, 'KILLED', $2, 'issued', $3, $4)",
            UNIT, at("2025-11-12T17:00:00"), ids, json.dumps(action),
        )  # fmt: skip
    await said(running, "KILLED", "apologised")
    assert [id_ for _, id_ in await own_statements(running, "KILLED")] == ids
    assert await standing(running, "KILLED") == "issued"
    status, again = await act(running, "issue", "KILLED", number="17", signer="Trần Văn Bình")
    assert (status, again["standing"]) == (200, "issued")
    await running.settled()
    assert [id_ for _, id_ in await own_statements(running, "KILLED")] == ids


async def test_only_a_token_with_the_role_and_the_unit_may_act(running: Inside) -> None:
    path = running.data / "secrets" / "tokens.json"
    known = json.loads(path.read_text("utf-8"))
    for name, units, roles in (("reader", [UNIT], []), ("writer", [UNIT], ["apologist"]), ("other", ["10510"], ["apologist"])):  # fmt: skip
        known[hashlib.sha256(name.encode()).hexdigest()] = {"name": name, "units": units, "roles": roles}
    path.write_text(json.dumps(known), "utf-8")

    async def ask(token: str, method: str, where: str, body: Any = None) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await running.http.request(method, f"/v1/apologies{where}", headers=headers, json=body)).status_code

    await filed(running, "TOKENS", "2025-11-12T17:00:00")
    body = {"dossier": "TOKENS", "reason_code": "workload"}
    for token, reads, drafts, prints in (
        ("reader", 200, 403, 404),  # nobody has drafted a letter yet
        ("writer", 200, 200, 200),
        ("other", 403, 403, 403),
        ("nobody", 401, 401, 401),
    ):
        assert await ask(token, "GET", f"?unit={UNIT}") == reads, token
        assert await ask(token, "GET", f"/{UNIT}/TOKENS") == reads, token
        assert await ask(token, "POST", f"/{UNIT}/draft", body) == drafts, token
        assert await ask(token, "POST", f"/{UNIT}/letter", {"dossier": "TOKENS"}) == prints, token
    assert await ask("writer", "POST", f"/{UNIT}/draft", {**body, "dossier": "NOBODY"}) == 404
    assert await ask("writer", "GET", f"/{UNIT}/NOBODY") == 404
    assert await ask("writer", "POST", f"/{UNIT}/draft", {**body, "due_on": "2025-01-01"}) == 409
    assert await ask("writer", "POST", f"/{UNIT}/draft", {**body, "phone": "1"}) == 422
    assert await ask("writer", "GET", f"?unit={UNIT}&state=lost") == 422
    assert await ask("writer", "GET", f"?unit={UNIT}&after=nonsense") == 400


async def test_pages_filters_and_the_metric_agree_with_the_whole_list(running: Inside) -> None:
    await running.settled()
    whole = await apologies(running, limit=1000)
    assert [(one["due_at"], one["dossier"]) for one in whole] == sorted(
        (one["due_at"], one["dossier"]) for one in whole
    )
    paged, after = list[dict[str, Any]](), ""
    while after is not None:
        page = (await running.http.get("/v1/apologies", params={"unit": UNIT, "limit": 3, "after": after})).json()
        paged, after = paged + page["items"], page["next"]
    assert paged == whole and len(whole) > 6
    for name, value in (("state", "opened"), ("state", "issued"), ("field", "Hộ tịch"), ("agency", "kinh-te")):
        key = "standing" if name == "state" else name
        assert await apologies(running, **{name: value}, limit=1000) == [one for one in whole if one[key] == value], (
            name
        )
    assert {one["agency"] for one in whole} >= {"kinh-te", "van-phong"}

    async def metric_agrees() -> bool:
        text = (await running.http.get("/metrics")).text
        found = {
            line.split('state="')[1].split('"')[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith("motcua_open_apologies{") and f'unit="{UNIT}"' in line
        }
        return all(
            found.get(state, 0) == len([one for one in whole if one["standing"] == state])
            for state in ("opened", "drafted", "issued", "sent")
        )

    await until(metric_agrees, "the metric to count what the list shows")


async def test_with_and_without_an_apology_are_all_late_dossiers(running: Inside) -> None:
    counts = await counted(running)
    # by hand: LATE, PRINTED, BY-CENTRE, BY-CENTRE-2, EARLY-WORD, AHEAD, KILLED have a word of apology
    assert counts["late_with_apology"] == 7
    late = (await running.figures("2025-11-01", "2025-11-30"))["total"]
    assert sum(counts.values()) == late["c10"] + late["c13"]
    unknown = await running.http.get(
        "/v1/reports/counts", params={"unit": UNIT, "from": "2025-11-01", "to": "2025-11-30", "name": "c99"}
    )
    assert unknown.status_code == 400 and "unknown column 'c99'" in unknown.json()["error"]
