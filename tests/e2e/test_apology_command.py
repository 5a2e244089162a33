"""`motcua apology` from the first list to the published letter, on a real `motcua up`."""

from __future__ import annotations

import io
import json
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import docx

from shared.localtime import LOCAL
from shared.settings import RULES
from shared.workdays import load_calendar
from tests.e2e.running import Running

UNIT, CODE = "10966", "H24.103-260101-0001"


def listed(system: Running, *arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(system.run("apology", "list", "--unit", UNIT, "--json", *arguments)))


def test_a_letter_is_drafted_issued_sent_and_published_by_commands(system: Running, place: Path) -> None:
    now = datetime.now(LOCAL)
    due_at, new_day = now - timedelta(days=2), load_calendar(RULES).add_working_days(now.date(), 3)
    received = {
        "specversion": "1.0", "id": "1", "source": "/onestop/31/10966", "type": "vn.motcua.onestop.received.v1",
        "subject": CODE, "time": (now - timedelta(days=5)).isoformat(),
        "data": {"unit": UNIT, "dossier": CODE, "field": "Hộ tịch", "agency": "kinh-te", "due_at": due_at.isoformat()},
    }  # fmt: skip
    with system.http as http:
        assert http.post("/v1/records", json=received).json()["accepted"] == 1
    until = time.monotonic() + 60
    while not (found := listed(system)) and time.monotonic() < until:
        pass
    assert [(one["dossier"], one["standing"]) for one in found] == [(CODE, "opened")]

    about = ("--unit", UNIT, "--dossier", CODE)
    refused = system.run("apology", "issue", *about, "--number", "1", "--signer", "A", expect=2)
    assert refused == ""
    system.run("apology", "draft", *about, "--out", place / "letter.txt", expect=2)
    assert (
        listed(system)[0]["standing"] == "opened"
    )  # a file that cannot be a letter is refused before anything is done
    said = system.run("apology", "draft", *about, "--reason", "workload", "--new-date", str(new_day), "--out", place / "draft.pdf")  # fmt: skip
    assert f"{CODE}, promised for {due_at:%d/%m/%Y}: drafted" in said
    assert (place / "draft.pdf").read_bytes().startswith(b"%PDF")
    letter = place / "letter.docx"
    said = system.run("apology", "issue", *about, "--number", "12", "--signer", "Trần Văn Bình", "--applicant", "Bà Hoa", "--out", letter)  # fmt: skip
    assert "issued" in said
    same = ("apology", "issue", *about, "--number", "12", "--signer", "Trần Văn Bình")
    assert "issued" in system.run(*same)
    system.run(*same, "--without-new-date", expect=2)  # the date is out
    assert any(one.text == "Kính gửi: Bà Hoa" for one in docx.Document(io.BytesIO(letter.read_bytes())).paragraphs)
    assert "sent" in system.run("apology", "sent", *about, "--how", "counter")
    assert "published" in system.run("apology", "published", *about, "--promise", f"{due_at:%Y-%m-%d}")
    [one] = listed(system, "--state", "published", "--agency", "kinh-te")
    assert (one["number"], one["new_due_at"][:10]) == ("12", str(new_day))
    assert "Đã công khai" in system.run("apology", "list", "--unit", UNIT)
    assert listed(system, "--state", "opened") == []
