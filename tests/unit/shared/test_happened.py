"""A reception in the future: refused, unless the sender's clock is only a little ahead of ours."""

from __future__ import annotations

import pytest

from shared.events.statements import Refused, check_happened
from tests.inside import at

NOW = at("2025-11-20T09:00:00")


@pytest.mark.parametrize("when", ["2025-11-20T08:00:00", "2025-11-20T09:00:01", "2025-11-20T09:05:00"])
def test_a_reception_by_a_clock_up_to_five_minutes_ahead_has_happened(when: str) -> None:
    check_happened("data.received_at", at(when), NOW)


@pytest.mark.parametrize("when", ["2025-11-20T09:05:01", "2025-11-20T10:00:00"])
def test_a_reception_further_ahead_is_refused(when: str) -> None:
    with pytest.raises(Refused, match="lies in the future"):
        check_happened("data.received_at", at(when), NOW)
