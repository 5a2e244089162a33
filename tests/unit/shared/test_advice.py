"""What a sender is told to write instead, field by field."""

from __future__ import annotations

import pytest

from shared.events.advice import what_to_write
from shared.events.petitions import PetitionRecord
from shared.events.statements import DossierRecord


@pytest.mark.parametrize(
    ("field", "advice"),
    [
        ("data.channel", "use one of: direct, online, post"),
        ("data.rating", "send a whole number from 1 to 5, without quotes"),
        ("data.fee_due", "send true or false, without quotes"),
        ("data.due_at", "write it as 2025-11-03T08:30:00+07:00"),
        ("time", "write it as 2025-11-03T08:30:00+07:00"),
        ("id", "send text of 1 to 200 characters"),
        ("data.field", "send text of at most 400 characters"),
        ("data", "send an object; needed: unit, dossier"),
        ("data.remarks", "send a list of at most 5"),
        ("data.remarks[3]", "use one of: not_done_as_said, result_is_input, dummy_identity, channel_missing, time_not_said"),
        ("", "send an object; needed: id, source, type, time, data"),
        ("data.nobody.knows[...].this", "see docs/integrate for the record's shape"),
        ("id.deeper", "see docs/integrate for the record's shape"),
    ],
)  # fmt: skip
def test_the_type_says_what_would_do(field: str, advice: str) -> None:
    assert what_to_write(DossierRecord, field) == advice


def test_petitions_have_their_own() -> None:
    assert what_to_write(PetitionRecord, "data.class") == "use one of: rules, staff"
    assert what_to_write(PetitionRecord, "data.satisfied") == "send true or false, without quotes"
