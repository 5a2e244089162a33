"""`motcua report calendar`, `hand-in`, `check`, `request` as a person at the centre types them."""

from __future__ import annotations

import json

from services.cli.client import Client
from tests.e2e.running import Running

UNIT = "10966"
Q4 = ("--unit", UNIT, "--period", "2025-Q4")


def test_a_clerk_looks_at_the_calendar_takes_a_report_in_and_checks_it(shared_system: Running) -> None:
    window, system = ("--from", "2025-12-01", "--to", "2025-12-31"), shared_system
    Client.find(system.data).wait_until_digested()  # what is owed is opened by a task of its own
    assert len(json.loads(system.run("report", "calendar", "--unit", UNIT, *window, "--json"))) == 10
    printed = system.run("report", "calendar", "--unit", UNIT, *window)
    assert "Lịch báo cáo · Xã Bình Giang" in printed and "15/09 – 14/12/2025" in printed
    assert "→ Văn phòng Ủy ban nhân dân thành phố" in printed and "theo quy định" in printed

    paper = (
        "--from",
        "kinh-te",
        "--number",
        "45/BC-KT",
        "--date",
        "2025-12-15",
        "--on",
        "2025-12-16",
        "--figure",
        "c3=0",
    )
    received = "received kinh-te/ttpvhcc/II.06a/2025-Q4 on 2025-12-16, due 2025-12-15: late\n"
    assert system.run("report", "hand-in", *Q4, *paper) == received
    assert system.run("report", "hand-in", *Q4, *paper) == received
    looked = system.run("report", "check", *Q4, "--from", "kinh-te", "--only-look")
    assert "Phòng Kinh tế · II.06a · Quý IV/2025" in looked and "checked" not in looked
    assert system.run("report", "check", *Q4, "--from", "kinh-te").endswith("checked kinh-te/ttpvhcc/II.06a/2025-Q4\n")
    assert "đã kiểm tra (nhận 16/12, muộn)" in system.run("report", "calendar", "--unit", UNIT, *window)

    system.run("report", "hand-in", *Q4, "--from", "van-phong", "--figure", "c3=many", expect=2)
    system.run("report", "hand-in", *Q4, "--from", "ubnd", expect=2)
    asked = ("--of", "kinh-te", "--from", "2026-01-01", "--to", "2026-02-28", "--document", "Công văn 12/UBND")
    assert system.run("report", "request", "--unit", UNIT, *asked).startswith(
        "asked kinh-te/ttpvhcc/II.06a/2026-01-01--2026-02-28, due 20"
    )
