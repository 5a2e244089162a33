"""Figures of the built-in board as people here write them."""

from __future__ import annotations

import pytest

from services.reporting.board.domain import lasting


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 giây"), (119, "119 giây"), (120, "2 phút"), (5_400, "90 phút"), (7_200, "2 giờ"), (90_000, "25 giờ"),
        (172_800, "2 ngày"), (28_541_106, "330 ngày"), (172_800_000, "2.000 ngày"),
    ],
)  # fmt: skip
def test_a_span_of_time_is_told_in_a_unit_that_can_be_grasped(seconds: int, shown: str) -> None:
    assert lasting(seconds) == shown
