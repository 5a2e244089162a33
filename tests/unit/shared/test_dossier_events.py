"""What one event about a dossier carries, from the bytes that its writer made."""

from __future__ import annotations

from datetime import datetime

from shared.events.dossiers import Snapshot, State, read_said, write_said, write_snapshot
from shared.events.envelope import decode_envelope, encode_event
from shared.localtime import LOCAL

DUE = datetime(2025, 11, 6, 17, tzinfo=LOCAL)
SNAPSHOT = Snapshot(
    unit="10966",
    dossier="H37.26.10-251103-0001",
    revision=2,
    source="/onestop/31/10966",
    recorded_at=DUE,
    state=State(status="received", due_at=DUE),
)


def test_an_event_carries_the_written_snapshot_and_what_changed() -> None:
    data = write_said(write_snapshot(SNAPSHOT), {"due_at": DUE})
    body = encode_event(
        type="vn.motcua.dossier.overdue.v1", id="1", source="/s", subject=SNAPSHOT.dossier, time=DUE, data=data
    )
    said = read_said(decode_envelope(body))
    assert said.snapshot == SNAPSHOT
    assert said.changed == {"due_at": "2025-11-06T17:00:00+07:00"}
