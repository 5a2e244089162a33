"""The national portal's door on the real system: the packets of ../shared/data/packets, and what nobody may find anywhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.searching import places
from tests.inside import Inside, inside, new_folder

UNIT = "10966"
PATHS = {"v1": "/dvcqg/v1", "v2": "/dvcqg/v2", "v2-progress": "/dvcqg/v2/progress"}
PEOPLE = (
    "Nguyễn Văn Thử", "thu@example.vn", "0900000001", "030090000001", "000000001", "Trần Thị B", "Thiếu tờ khai",
)  # fmt: skip
"""What the packets say of people: the applicant, mail, phone, identities, the officer, what was asked of whom."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(packets: Path) -> AsyncIterator[Inside]:
    assert packets.is_dir()
    with new_folder() as folder:
        async with inside(folder, "2025-11-10T08:00:00") as running:
            yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def send(system: Inside, door: str, body: bytes | list[Any], **headers: str) -> tuple[int, dict[str, Any]]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await system.http.post(PATHS[door], params={"unit": UNIT}, content=content, headers=headers)
    return answer.status_code, answer.json()


def verdict(item: dict[str, Any]) -> str:
    assert (item["status"] == "rejected") == ("reason" in item) == (item["error_code"] != "0")
    return f"{item['status']}+flag" if item.get("findings") else item["status"]


async def test_every_packet_of_the_manifest_gets_its_verdict(system: Inside, packets: Path) -> None:
    manifest = json.loads((packets / "manifest.json").read_text("utf-8"))["packets"]
    found, wanted, envelopes = dict[str, Any](), dict[str, Any](), dict[str, Any]()
    for packet in manifest:
        status, answer = await send(system, packet["door"], (packets / packet["file"]).read_bytes())
        assert {"error_code", "message", "result"} == set(answer)
        found[packet["file"]] = [verdict(item) for item in answer["result"]]
        wanted[packet["file"]] = packet["verdicts"]
        envelopes[packet["file"][:2]] = (status, answer["error_code"])
    assert found == wanted
    assert envelopes["00"] == (200, "0")
    assert envelopes["11"] == (200, "1"), "a refused item must be seen by software that reads the code alone"
    assert envelopes["13"] == (200, "4"), "an unknown service"
    assert envelopes["28"] == (200, "0"), "an empty array is accepted: there is nothing to do"
    assert envelopes["29"] == (400, "2"), "no JSON"


async def test_the_figures_are_what_the_packets_mean(system: Inside) -> None:
    await system.settled()
    total = (await system.figures("2025-11-01", "2025-11-10"))["total"]
    # by hand. Received on 03/11: V1 0012, 0015, 0017, 12's; V2 0101-0104, 0106-0108, 0110. 0105 was refused, 0016, 0109
    # and 0111 rejected, 14's never came. Without a channel or in V1: direct; the seven others of V2 online.
    assert (total["c4"], total["c5"], total["c6"], total["c3"]) == (7, 5, 0, 12)
    # done: 0104 without a due date and 0106 withdrawn on time, 0108 early (05/11 before 06/11); 0012 was re-opened
    assert (total["c8"], total["c9"], total["c10"], total["c7"]) == (1, 2, 0, 3)
    # open: 0012 is due on the 10th itself, 0102 waits (said as 9); the seven others were due on 06/11
    assert (total["c13"], total["c12"], total["c11"]) == (7, 2, 9)


async def test_findings_are_listed_with_their_dossiers(system: Inside) -> None:
    found = set[tuple[str, str]]()
    after = ""
    while True:
        page = (await system.http.get("/v1/findings", params={"unit": UNIT, "after": after, "limit": 2})).json()
        found |= {(one["dossier"][-4:], one["code"]) for one in page["items"]}
        if (after := page["next"]) is None:
            break
    assert found >= {
        ("0012", "reopened"), ("0102", "not_done_as_said"), ("0104", "no_due_date"), ("0107", "dummy_identity"),
        ("0108", "result_is_input"), ("0110", "channel_missing"),
    }  # fmt: skip
    only = (await system.http.get("/v1/findings", params={"unit": UNIT, "code": "reopened"})).json()["items"]
    assert [one["dossier"] for one in only] == ["000.10.66.H24-251103-0012"]
    assert only[0]["text"] == "Hồ sơ được mở lại sau khi kết thúc"


async def test_a_result_that_is_an_input_is_no_electronic_result(system: Inside) -> None:
    async with system.database("dossier") as database:
        rows = await database.fetch("SELECT code, snapshot->'state'->>'e_result' AS e_result FROM dossier")
    results = {row["code"][-4:]: row["e_result"] for row in rows}
    assert (results["0108"], results["0012"]) == ("false", "true")


async def test_nothing_about_people_is_found_anywhere(
    system: Inside, caplog: pytest.LogCaptureFixture, packets: Path
) -> None:
    caplog.set_level("DEBUG")
    # refused once more, now that log lines are looked at; both rest in DEAD
    await send(system, "v1", (packets / "09-v1-no-code.json").read_bytes())
    await send(system, "v2", (packets / "29-v2-not-json.json").read_bytes() + "Nguyễn Văn Thử".encode())
    everywhere = await places(system, caplog.text)
    assert "dead_letter_kept" in everywhere["logs"], "log lines are looked at"
    assert "000.10.66.H24-251103-0012" in everywhere["journal"], "the places hold what was said"
    assert everywhere["applicant"] == "", "without a key file no name is kept, not even sealed"
    assert "31083000" in everywhere["refused bodies"], "what was refused can still be judged by an operator"
    found = [(name, person) for name, text in everywhere.items() for person in PEOPLE if person in text]
    assert found == []


async def test_the_token_may_stand_in_the_session_and_is_limited_to_its_unit(system: Inside, packets: Path) -> None:
    packet = json.loads((packets / "00-v1-new.json").read_text("utf-8"))
    packet["session"] = system.system.token
    known = await system.http.post("/dvcqg/v1", params={"unit": UNIT}, json=packet, headers={"Authorization": ""})
    assert known.status_code == 401, "a header that is sent is the one that counts"
    del system.http.headers["Authorization"]
    try:
        answer = await system.http.post("/dvcqg/v1", params={"unit": UNIT}, json=packet)
        assert (answer.status_code, answer.json()["error_code"]) == (200, "0")
        refused = await system.http.post("/dvcqg/v1", params={"unit": UNIT}, json={**packet, "session": "s"})
        assert refused.status_code == 401
    finally:
        system.http.headers["Authorization"] = f"Bearer {system.system.token}"
    unnamed = await system.http.post("/dvcqg/v1", json=packet)
    assert unnamed.status_code == 400
    assert "unit" in unnamed.json()["message"], "a token of all units must say for which one it speaks"
    unknown = await system.http.post("/dvcqg/v1", params={"unit": "99999"}, json=packet)
    assert (unknown.status_code, unknown.json()["error_code"]) == (400, "2")
    assert '"99999"' not in (await system.http.get("/metrics")).text, "a label is never what somebody sent"
