"""A server that died is told as a sentence: who, how, what to do, and the end of its log."""

from __future__ import annotations

from services.embedded import Death

ADVICE = "although nobody stopped it; start again, nothing that got a receipt is lost"


def test_a_killed_server_and_one_that_ended_by_itself_are_told_in_one_line() -> None:
    assert str(Death(name="nats", code=-9, lines=())) == f"nats was killed by SIGKILL {ADVICE}"
    full = Death(name="postgres", code=1, lines=("starting", "PANIC: could not write: No space left on device"))
    assert str(full) == (
        f"postgres ended with code 1 {ADVICE}; its last words: PANIC: could not write: No space left on device"
    )
