"""Which acknowledgement counts: every kind of wrong one has its reason, and a repetition is no second one."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from services.reporting.publication.domain import (
    PublicationRules,
    Verdict,
    Version,
    judge,
    object_name,
    read_acknowledgement,
)
from shared.events.envelope import decode_envelope
from shared.rules import load
from shared.settings import RULES

DATA = {"unit": "10966", "form": "II.06a", "period": "2025-Q4", "version": 1, "fingerprint": "f1"}


def event(**changed: Any) -> bytes:
    whole = {
        "specversion": "1.0", "id": "a1", "source": "/city", "type": "vn.motcua.report.acknowledged.v1",
        "time": "2025-12-16T08:00:00+07:00", "data": DATA,
    }  # fmt: skip
    return json.dumps({**whole, **changed}).encode()


def versions(*acknowledged: bool) -> list[Version]:
    return [Version(version=n, fingerprint=f"f{n}", is_acknowledged=was) for n, was in enumerate(acknowledged, 1)]


@pytest.mark.parametrize(
    ("data", "known", "verdict", "reason"),
    [
        ({}, versions(False), Verdict.ACCEPTED, ""),
        ({}, versions(True), Verdict.REPEATED, ""),
        ({}, versions(True, False), Verdict.REPEATED, ""),  # it counted when it came first
        ({}, versions(False, False), Verdict.REFUSED, "v1 is superseded; acknowledge v2"),
        ({}, [], Verdict.REFUSED, "no such report is closed"),
        ({"version": 3}, versions(False, False), Verdict.REFUSED, "the newest version is 2"),
        ({"fingerprint": "f9"}, versions(False), Verdict.REFUSED, "another fingerprint"),
        ({"fingerprint": "f9"}, versions(True), Verdict.REFUSED, "another fingerprint"),
        ({"unit": "10510"}, versions(False), Verdict.REFUSED, "the subject names unit 10966, data.unit is 10510"),
    ],
)
def test_the_verdict(data: dict[str, Any], known: list[Version], verdict: Verdict, reason: str) -> None:
    heard = read_acknowledgement("10966", decode_envelope(event(data={**DATA, **data})))
    for of in (known, known[::-1]):
        found, why = judge(heard, of)
        assert found is verdict
        assert reason in why and bool(why) == bool(reason)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"type": "vn.motcua.report.published.v1"}, "type is"),
        ({"time": "9999-12-31T23:59:59-14:00"}, "the year 9999"),
        ({"data": {**DATA, "version": 0}}, "version"),
        ({"data": {**DATA, "version": 2**31}}, "version"),
        ({"data": {**DATA, "period": "2025\0"}}, "period"),
        ({"data": {**DATA, "fingerprint": ""}}, "fingerprint"),
        ({"data": {}}, "missing required field"),
        ({"data": [1]}, "Expected `object`"),
        ({"source": "x" * 201}, "length <= 200"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_acknowledgement("10966", decode_envelope(event(**changed)))


def test_the_limit_is_the_newest_rule_of_the_day() -> None:
    rules = PublicationRules.model_validate({
        "acknowledgements": [
            {"form": "II.06a", "within_working_days": 3, "valid_from": date(2025, 7, 1), "source": "a"},
            {"form": "II.06a", "within_working_days": 2, "valid_from": date(2026, 1, 1), "source": "b"},
        ]
    })  # fmt: skip
    days = [rules.within("II.06a", date(*day)) for day in ((2025, 6, 30), (2025, 7, 1), (2025, 12, 31), (2026, 1, 1))]
    assert days == [None, 3, 3, 2]
    assert rules.within("other", date(2026, 1, 1)) is None
    assert load(RULES / "publication.yaml", PublicationRules).within("II.06a", date(2025, 12, 15)) == 3


def test_a_file_keeps_its_name() -> None:
    report = {"unit": "10966", "period": "2025-Q4", "form": "II.06a", "version": 2}
    assert object_name(report, "x.pdf") == "10966/2025-Q4/II.06a/v2/x.pdf"
