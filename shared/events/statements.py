"""What the one-stop centre says: statements about dossiers (contracts.md §3).

A statement carries the facts known at one moment; a fact that is absent says nothing. Facts that this module does not
know, and with them everything personal that a sender may add, are dropped when a statement is read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol, TypeVar

import msgspec

from shared.events.advice import what_to_write
from shared.events.envelope import Instant
from shared.localtime import local_date

CLOCKS_MAY_DIFFER = timedelta(minutes=5)
"""How far two machines' clocks may be apart; `motcua` warns of its own when it is further off."""

TYPE_PREFIX = "vn.motcua.onestop."
TYPE_SUFFIX = ".v1"
MAX_RECORD_BYTES = 256 * 1024
"""A statement is a few hundred bytes; what is larger is a mistake or an attack and is refused by name."""


class Kind(StrEnum):
    """The kinds of statements, in the order in which those of one instant are folded (contracts.md §3, Folding)."""

    SUBMITTED = "submitted"
    REFUSED = "refused"
    RECEIVED = "received"
    PROCESSING = "processing"
    SUPPLEMENT_REQUESTED = "supplement_requested"
    PAYMENT_REQUESTED = "payment_requested"
    SUPPLEMENTED = "supplemented"
    EXTENDED = "extended"
    APOLOGISED = "apologised"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"
    COMPLETED = "completed"
    HANDED_OVER = "handed_over"
    RATED = "rated"
    UPDATED = "updated"


RANK: dict[Kind, int] = {kind: rank for rank, kind in enumerate(Kind)}

FINISHES = {Kind.COMPLETED, Kind.HANDED_OVER, Kind.RETURNED, Kind.WITHDRAWN, Kind.STOPPED}


class Remark(StrEnum):
    """What a door found odd about an item that it took; it becomes a finding of the dossier."""

    NOT_DONE_AS_SAID = "not_done_as_said"
    """Said to be done (status 9), while the rest of the item tells of a wait or a stop."""
    RESULT_IS_INPUT = "result_is_input"
    """A submitted file poses as the electronic result."""
    DUMMY_IDENTITY = "dummy_identity"
    CHANNEL_MISSING = "channel_missing"
    TIME_NOT_SAID = "time_not_said"
    """A change without its date: it happened, for all we know, when we were told."""


Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=4000)]


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every fact that a statement may carry; `None` says nothing."""

    procedure: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    procedure_name: Text | None = None
    field: Annotated[str, msgspec.Meta(max_length=400)] | None = None
    agency: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    channel: Literal["direct", "online", "post"] | None = None
    service_level: Literal["full", "partial", "none"] | None = None
    applicant: Literal["citizen", "business", "agency", "other"] | None = None
    submitted_at: Instant | None = None
    received_at: Instant | None = None
    due_at: Instant | None = None
    extended_due_at: Instant | None = None
    fee_due: bool | None = None
    paid_online: bool | None = None
    digitised_input: bool | None = None
    digitised_result: bool | None = None
    e_result: bool | None = None
    reused_data: bool | None = None
    postal_return: bool | None = None
    cross_boundary: bool | None = None
    certified_copy: Literal["paper", "electronic"] | None = None
    result_file: bool | None = None
    inter_agency: bool | None = None
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)] | None = None
    reason: Text | None = None
    reason_code: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    internal_received_at: Instant | None = None
    internal_due_at: Instant | None = None
    internal_finished_at: Instant | None = None
    remarks: Annotated[tuple[Remark, ...], msgspec.Meta(max_length=len(Remark))] | None = None


class DossierData(Facts, frozen=True, kw_only=True, omit_defaults=True):
    """`data` of a record about a dossier."""

    unit: Short
    dossier: Short


class DossierRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record about a dossier as its sender writes it: one CloudEvent in JSON."""

    id: Short
    source: Short
    type: Short
    time: Instant
    data: DossierData
    subject: str | None = None
    specversion: str = "1.0"
    correlationid: Annotated[str, msgspec.Meta(max_length=200)] = ""


class HasKeys(Protocol):
    """The keys that a record of any kind carries."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def correlationid(self) -> str: ...
    @property
    def time(self) -> datetime: ...


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted statement: who says it (`source`, `id`: the key for ever), about which dossier, when it happened."""

    source: str
    id: str
    kind: Kind
    unit: str
    dossier: str
    time: datetime
    facts: Facts = Facts()
    correlation: str = ""

    @property
    def code(self) -> str:
        """What it speaks of."""
        return self.dossier


class Refused(ValueError):
    """A statement that cannot be taken: the field at fault, why, and what the sender can do."""

    def __init__(self, field: str, reason: str, advice: str = "") -> None:
        super().__init__(f"{field}: {reason}" + (f" ({advice})" if advice else ""))
        self.field, self.reason, self.advice = field, reason, advice


Read = TypeVar("Read")
_records = msgspec.json.Decoder(DossierRecord)
_fact_names = Facts.__struct_fields__
_encode = msgspec.json.Encoder().encode


def parse_statement(body: bytes, *, knows_unit: Callable[[str], bool], now: datetime) -> Statement:
    """Read one CloudEvent as a statement.

    Raises `Refused` naming the field for everything that contracts.md §3 lists under *Refused*; what is merely unusual
    passes. `now` judges receptions in the future.
    """
    record = decode_record(_records, body)
    kind = Kind(kind_named(record.type, RANK))
    data = record.data
    check_keys(record, "data.dossier", data.dossier)
    for name in _INSTANTS:
        if (value := getattr(data, name)) is not None:
            check_year(f"data.{name}", value)
    check_unit(data.unit, knows_unit)
    said: dict[str, Any] = {name: _tidy(value) for name in _fact_names if (value := getattr(data, name)) is not None}
    facts = Facts(**said)
    if kind is Kind.RECEIVED:
        check_happened("data.received_at", facts.received_at or record.time, now)
    if kind in FINISHES and facts.received_at and local_date(record.time) < local_date(facts.received_at):
        raise Refused(
            "time",
            f"finished on {local_date(record.time)}, before the reception on {local_date(facts.received_at)}",
            "correct the date that is wrong; dates are compared, not times",
        )
    return Statement(
        source=record.source,
        id=record.id,
        kind=kind,
        unit=data.unit,
        dossier=tidy_text(data.dossier),
        time=record.time,
        facts=facts,
        correlation=record.correlationid,
    )


def encode_statement(statement: Statement) -> bytes:
    """Write a statement as the CloudEvent of contracts.md §3; it holds known facts only."""
    return _encode(
        {
            "specversion": "1.0",
            "id": statement.id,
            "source": statement.source,
            "type": f"{TYPE_PREFIX}{statement.kind.value}{TYPE_SUFFIX}",
            "subject": statement.dossier,
            "time": statement.time,
            "datacontenttype": "application/json",
            "correlationid": statement.correlation or statement.id,
            "data": {"unit": statement.unit, "dossier": statement.dossier, **msgspec.to_builtins(statement.facts)},
        }
    )


def decode_record(decoder: msgspec.json.Decoder[Read], body: bytes) -> Read:
    """Decode one record of any kind; raises `Refused` naming the field at fault, never anything else."""
    if len(body) > MAX_RECORD_BYTES:
        raise Refused("record", f"is {len(body):,} bytes long", f"a record has at most {MAX_RECORD_BYTES:,} bytes")
    try:
        return decoder.decode(body)
    except UnicodeDecodeError as error:
        raise Refused("record", "is not UTF-8 text", "save or send it as UTF-8") from error
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        if path:
            field = path.strip("`.")
        elif "required field" in reason:
            field = reason.split("`")[1]
        else:
            field = "record"
        if "required field" in reason:
            missing = reason.split("`")[1]
            field = missing if field in ("record", missing) else f"{field}.{missing}"
            reason = "is missing"
        raise Refused(field, _say(reason), what_to_write(decoder.type, "" if field == "record" else field)) from error
    except msgspec.DecodeError as error:
        raise Refused("record", f"is not valid JSON: {error}", "send one complete JSON object a record") from error
    except RecursionError as error:  # no DecodeError: it would fail the whole batch, at every delivery
        raise Refused("record", "is nested too deeply", "send the flat record of contracts.md §3") from error


def check_keys(record: HasKeys, field: str, code: str) -> None:
    """Refuse what would be legal JSON and still hurt the whole batch in the database or on the bus."""
    for name, value in (("id", record.id), ("source", record.source), (field, code)):
        if not value.strip() or _CONTROL.search(value):
            raise Refused(name, "is blank or holds control characters", "send the key as plain text")
    if _CONTROL.search(record.correlationid):
        raise Refused("correlationid", "holds control characters", "send it as plain text or leave it out")
    check_year("time", record.time)


def check_year(name: str, value: datetime) -> None:
    """Refuse an instant in a year that no record can speak of."""
    if not 1900 <= value.year <= 2199:
        raise Refused(name, f"lies in the year {value.year}", "send a date between 1900 and 2199")


def check_unit(unit: str, knows_unit: Callable[[str], bool]) -> None:
    """Refuse a unit that nobody knows."""
    if not knows_unit(unit):
        raise Refused(
            "data.unit", f"unknown unit {unit!r}", "use the five-digit code of a commune or ward since 01/07/2025"
        )


def lies_ahead(instant: datetime, now: datetime) -> bool:
    """True when an instant cannot have happened; the clock of a sender may be a few minutes ahead of ours."""
    return instant > now + CLOCKS_MAY_DIFFER


def check_happened(name: str, received_at: datetime, now: datetime) -> None:
    """Refuse a reception in the future."""
    if lies_ahead(received_at, now):
        raise Refused(name, "lies in the future", "send the reception when it has happened; check the clock")


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_INSTANTS = tuple(name for name in Facts.__struct_fields__ if name.endswith("_at"))


def _say(reason: str) -> str:
    if "timezone component" in reason:
        return "has no offset"
    if "RFC3339" in reason:
        return "is not a date that exists, written as RFC 3339"
    return reason[:1].lower() + reason[1:]


def kind_named(type_: str, known: Collection[str]) -> str:
    """The kind that a record's type names; raises `Refused` with those that are `known`."""
    name = type_.removeprefix(TYPE_PREFIX).removesuffix(TYPE_SUFFIX)
    if type_ == f"{TYPE_PREFIX}{name}{TYPE_SUFFIX}" and name in known:
        return name
    raise Refused(
        "type", f"unknown kind {type_!r}", f"use {TYPE_PREFIX}<kind>{TYPE_SUFFIX} with one of: {', '.join(known)}"
    )


def _tidy(value: object) -> object:
    return tidy_text(value) if isinstance(value, str) else value


def tidy_text(text: str) -> str:
    """NFC and single spaces: 25 of 588 published procedure names are neither (domain.md §8.3)."""
    if text.isascii() and "  " not in text and "\0" not in text and text == text.strip():
        return text
    text = text.replace("\0", " ")  # legal in JSON, refused by PostgreSQL together with the rest of its batch
    return " ".join(unicodedata.normalize("NFC", text).split())
