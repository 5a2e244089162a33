"""A live centre is told to stop, as people, shells and containers do it."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.cli.simulating import _play
from services.cli.stopping import Stop
from shared.events.records import Record
from shared.events.statements import Kind, Statement
from simulation.stream import Said

NOW = datetime.now(UTC)


def one(number: int, ahead: timedelta) -> Said[Record]:
    at = NOW + ahead
    statement = Statement(source="/s", id=str(number), kind=Kind.RECEIVED, unit="10966", dossier=f"A-{number}", time=at)
    return Said(statement=statement, said_at=at)


def told() -> Iterator[Said[Record]]:
    """A thousand an hour ago, and one that lies a day ahead."""
    yield from (one(number, timedelta(hours=-1)) for number in range(1000))
    yield one(1000, timedelta(days=1))


class Sender:
    """Takes everything; the signal comes while it has the first batch in hand."""

    def __init__(self, *signals: int) -> None:
        self.signals, self.closed, self.batches = signals, False, 0

    def send(self, statements: Sequence[Record]) -> Counter[str]:
        self.batches += 1
        for number in self.signals:
            os.kill(os.getpid(), number)
        return Counter(accepted=len(statements))

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_after_the_batch_in_hand_with_its_counts(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    sender = Sender(number)
    assert _play(told(), sender, None) == 0
    said = capsys.readouterr()
    assert said.out == "500 accepted, 0 duplicate, 0 rejected, 0 unanswered\n"
    assert (sender.closed, sender.batches) == (True, 1)


@pytest.mark.timeout(30)
def test_it_stops_where_its_shell_had_interrupts_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    """What a shell without job control puts into the background inherits SIGINT as ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert _play(told(), Sender(signal.SIGINT), None) == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN, "what was inherited is put back"
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().out == "500 accepted, 0 duplicate, 0 rejected, 0 unanswered\n"


def test_asked_twice_the_batch_in_hand_is_broken_off(capsys: pytest.CaptureFixture[str]) -> None:
    sender = Sender(signal.SIGINT, signal.SIGINT)
    assert _play(told(), sender, None) == 0
    assert capsys.readouterr().out == "0 accepted, 0 duplicate, 0 rejected, 0 unanswered\n"
    assert sender.closed


def test_nothing_is_asked_by_itself() -> None:
    with Stop() as stop:
        assert not stop.asked
