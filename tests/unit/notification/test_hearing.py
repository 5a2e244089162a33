"""Which part of the streams the alert rules ask for, by hand."""

from __future__ import annotations

import pytest

from services.notification.domain import Rule
from services.notification.hearing import covers, heard_subjects


def rule(event: str) -> Rule:
    return Rule(id=event, event=event, to=("lanh-dao",), template="t", where={})


def test_each_durable_gets_what_the_rules_name_of_its_part_and_one_without_rules_keeps_all() -> None:
    rules = [rule(one) for one in ("plan.report_due", "dossier.overdue", "dossier.overdue", "inspection.report_due")]
    assert heard_subjects(rules) == {
        "notification": ("dossier.v1.*.overdue",),
        "notification-inspection": ("inspection.v1.*.report_due", "plan.v1.*.report_due"),
    }
    assert heard_subjects([]) == {}


@pytest.mark.parametrize(
    ("part", "subject", "all_of_it"),
    [
        (">", "dossier.v1.*.overdue", True),
        ("dossier.v1.>", "dossier.v1.*.overdue", True),
        ("dossier.v1.*.*", "dossier.v1.*.overdue", True),
        ("dossier.v1.*.overdue", "dossier.v1.*.overdue", True),
        ("dossier.v1.10966.overdue", "dossier.v1.*.overdue", False),
        ("dossier.v1.*.overdue", "dossier.v1.*.overdue_withdrawn", False),
        ("dossier.v1.>", "dossier.v1", False),
        ("dossier.v1", "dossier.v1.*.overdue", False),
        ("petition.v1.>", "dossier.v1.*.overdue", False),
    ],
)
def test_a_subject_lies_in_another(part: str, subject: str, all_of_it: bool) -> None:
    assert covers(part, subject) is all_of_it
