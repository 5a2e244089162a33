"""The CloudEvents envelope: how any event of the system is written and read as bytes; it knows no event's content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from shared.correlation import TRACEPARENT, current_cause

BATCH_TYPE = "application/cloudevents-batch+json"
"""Media type of several events as one JSON array (CloudEvents 1.0, JSON format §4)."""

MAX_CORRELATION = 200
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant on the wire always carries its offset; a naive one is refused when decoded."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A CloudEvents 1.0 event whose `data` is kept as raw JSON until its type is known."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str = ""
    time: Instant
    datacontenttype: str = "application/json"
    correlationid: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def correlation(self) -> str:
        """The id under which everything that one record caused can be found in logs, events and mails."""
        return self.correlationid or self.id


class Marks(msgspec.Struct, frozen=True):
    """What an event is found by; all of it is empty for bytes that are no event."""

    id: str = ""
    correlationid: str = ""
    traceparent: str = ""

    @property
    def correlation(self) -> str:
        """As an envelope's; empty when no record could have it: what was refused may hold anything."""
        found = self.correlationid or self.id
        return found if len(found) <= MAX_CORRELATION and found.isprintable() else ""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One event ready for its stream: where it goes, its idempotency key and its bytes."""

    stream: str
    subject: str
    id: str
    body: bytes


Decoded = TypeVar("Decoded")
_envelopes = msgspec.json.Decoder(Envelope)
_marks = msgspec.json.Decoder(Marks)
_encoder = msgspec.json.Encoder()


def decode_envelope(body: bytes) -> Envelope:
    """Read the envelope of one event; raises `ValueError` (`msgspec.DecodeError`) naming the offending path."""
    return decode_bounded(_envelopes.decode, body)


def decode_bounded(decode: Callable[[bytes | msgspec.Raw], Decoded], body: bytes | msgspec.Raw) -> Decoded:
    """Decode JSON; nesting that exhausts the interpreter is bad input (`ValueError`), not a failure of the batch."""
    try:
        return decode(body)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def marks_of(body: bytes) -> Marks:
    """What to find these bytes by, whatever they are: also what could not be taken is looked for."""
    try:
        return decode_bounded(_marks.decode, body)
    except ValueError:
        return Marks()


def encode_event(
    *,
    type: str,
    id: str,
    source: str,
    subject: str,
    time: datetime,
    data: Any,
    correlation: str = "",
) -> bytes:
    """Write one event as bytes; `data` is a struct of this package or plain JSON values.

    Without a `correlation` it is found under the request that caused it, else under its own id.
    """
    cause = current_cause()
    correlation = correlation or cause.correlation or id
    traceparent = cause.traceparent_of(correlation)
    return _encoder.encode(
        {
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": type,
            "subject": subject,
            "time": time,
            "datacontenttype": "application/json",
            "correlationid": correlation,
            **({TRACEPARENT: traceparent} if traceparent else {}),
            "data": data,
        }
    )


def read_data(envelope: Envelope) -> Mapping[str, Any]:
    """The event's data as plain values, for readers that filter on any field (alert rules)."""
    decoded: Mapping[str, Any] = decode_bounded(msgspec.json.decode, envelope.data)
    return decoded
