"""Eight dossiers of November 2025, and what they come to, counted by hand."""

from __future__ import annotations

from typing import Any

from tests.inside import record


def day(number: int, **facts: Any) -> list[dict[str, Any]]:
    """A dossier of phường or xã, by number; what happens to it is given by day of November 2025."""
    code, unit = f"H24.103-2511{facts['received']:02d}-{number:04d}", facts.get("unit", "10966")
    common = {
        name: facts[name]
        for name in ("field", "agency", "channel", "fee_due", "paid_online", "digitised_input")
        if name in facts
    }
    said = [
        record("received", code, f"2025-11-{facts['received']:02d}", unit=unit, due_at=f"2025-11-{facts['due']:02d}T17:00:00",
               procedure="1.004873", **common),
    ]  # fmt: skip
    if "waits" in facts:
        said.append(record("supplement_requested", code, f"2025-11-{facts['waits']:02d}", unit=unit))
    if "done" in facts:
        said.append(
            record("completed", code, f"2025-11-{facts['done']:02d}", unit=unit, digitised_result=True, e_result=False)
        )
    if "rating" in facts:
        said.append(record("rated", code, f"2025-11-{facts['done']:02d}T10:00:00", unit=unit, rating=facts["rating"]))
    return said


DOSSIERS = [
    day(1, received=3, due=6, done=5, rating=5, field="Hộ tịch", agency="van-phong", channel="online", fee_due=True, paid_online=True, digitised_input=True),
    day(2, received=3, due=6, done=6, rating=4, field="Hộ tịch", agency="van-phong", channel="online", fee_due=True, paid_online=False, digitised_input=True),
    day(3, received=4, due=7, done=12, rating=2, field="Đất đai", agency="kinh-te", channel="direct", fee_due=False, digitised_input=False),
    day(4, received=5, due=11, field="Đất đai", agency="kinh-te", channel="direct"),
    day(5, received=6, due=18, field="Chứng thực", agency="ttpvhcc", channel="online"),
    day(6, received=6, due=12, waits=10, field="Chứng thực", channel="online"),
    day(7, received=20, due=20, field="Hộ tịch", agency="van-phong", channel="post"),
    day(8, received=3, due=6, done=5, unit="10510", field="Hộ tịch", agency="van-phong", channel="online"),
]  # fmt: skip
"""As of 20/11/2025, xã Bình Giang: received 7, done 3 (1 early, 1 on time, 1 late), open 4: two late by 9 and 2 days, one
waits, one is due today. Online 4 of 7; satisfied 2 of 3; paid online 1 of 2."""
