"""The contract for machines, made from the code's own types: JSON Schemas (draft 2020-12) and AsyncAPI 3.0.

What goes in is described as the doors read it: a schema never refuses what a door takes. What a schema cannot say (known
units, dates within reason, a reception that lies in the future) the doors still judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from shared import topology
from shared.dead_letters import KEPT, DeadLetter
from shared.events.alerts import AlertSaid
from shared.events.dossiers import DossierSaid
from shared.events.envelope import Instant
from shared.events.owed_reports import OwedReport
from shared.events.petition_snapshots import PetitionSaid
from shared.events.petitions import PetitionKind, PetitionRecord
from shared.events.plans import TargetProgress
from shared.events.reports import (
    Acknowledgement,
    AcknowledgementAccepted,
    AcknowledgementOverdue,
    AcknowledgementRefused,
    Code,
    ReportEvent,
    SignedReport,
)
from shared.events.said import SAID, Shape, event_type
from shared.events.sources import SourceCard, SourceHeardAgain, SourceSilent
from shared.events.statements import TYPE_PREFIX, TYPE_SUFFIX, DossierRecord, Kind

Json = dict[str, Any]
DRAFT = "https://json-schema.org/draft/2020-12/schema"


class Receipt(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The verdict on one record; receipts come as an array, in any order."""

    sequence: int
    status: Literal["accepted", "duplicate", "rejected"]
    source: str = ""
    id: str = ""
    field: str = ""
    reason: str = ""
    advice: str = ""


class AcknowledgementRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What a city says of a version that it has taken."""

    id: Code
    source: Code
    type: str
    time: Instant
    data: Acknowledgement
    subject: str = ""
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    correlationid: str = ""


class Message(msgspec.Struct, kw_only=True):
    """The CloudEvent around what we say; every field is there, `traceparent` while traces are on."""

    id: str
    source: str
    type: str
    time: Instant
    subject: str
    specversion: str
    datacontenttype: str
    correlationid: str
    traceparent: str = ""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Messages of one shape on one family of subjects; `words` fill the last place of the address."""

    name: str
    address: str
    schema: str
    words: Sequence[str] = ()
    action: Literal["send", "receive"] = "receive"


EVENTS: tuple[tuple[str, Shape], ...] = (
    ("dossier", DossierSaid),
    ("petition", PetitionSaid),
    ("source-silent", SourceSilent),
    ("source-heard-again", SourceHeardAgain),
    ("source-scorecard", SourceCard),
    ("plan", TargetProgress),
    ("report", SignedReport),
    ("owed-report", OwedReport),
    ("acknowledgement-accepted", AcknowledgementAccepted),
    ("acknowledgement-refused", AcknowledgementRefused),
    ("acknowledgement-overdue", AcknowledgementOverdue),
    ("alert", AlertSaid),
)
"""The events of each shape have one schema, `<name>-event.json`, and one channel."""


def json_schemas() -> dict[str, Json]:
    """Every schema by the name of its file, without suffix."""
    return {
        "dossier-statement": _schema(DossierRecord, (f"{TYPE_PREFIX}{kind}{TYPE_SUFFIX}" for kind in Kind)),
        "petition-statement": _schema(PetitionRecord, (f"{TYPE_PREFIX}{kind}{TYPE_SUFFIX}" for kind in PetitionKind)),
        "acknowledgement": _schema(AcknowledgementRecord, [event_type(f"report.{ReportEvent.ACKNOWLEDGED}")]),
        "receipts": {"$schema": DRAFT, **msgspec.json.schema(list[Receipt])},
        "signed-report": {"$schema": DRAFT, **msgspec.json.schema(SignedReport)},
        **{f"{name}-event": _schema(_message(name, shape), map(event_type, _said_as(shape))) for name, shape in EVENTS},
        "dead-letter": _schema(_message("dead-letter", DeadLetter), [KEPT]),
    }


def _said_as(shape: Shape) -> list[str]:
    return [name for name, of in SAID.items() if of is shape]


def _message(name: str, shape: Shape) -> Shape:
    called = "".join(word.title() for word in name.split("-"))
    about = {"__doc__": f"A CloudEvent whose data is a {shape.__name__}."}
    return msgspec.defstruct(f"{called}Message", [("data", shape)], bases=(Message,), namespace=about, kw_only=True)


def _schema(shape: Shape, types: Iterable[str]) -> Json:
    schema: Json = {"$schema": DRAFT, **msgspec.json.schema(shape)}
    schema["$defs"][shape.__name__]["properties"]["type"] = {"enum": list(types)}
    return schema


def channels() -> list[Channel]:
    """Every subject that somebody outside may say or hear, with the schema of its messages."""
    return [
        Channel(
            name="dossierStatement", address="onestop.v1.{unit}.{kind}", schema="dossier-statement", words=list(Kind),
            action="send",
        ),
        Channel(
            name="petitionStatement", address="onestop.v1.{unit}.{kind}", schema="petition-statement",
            words=list(PetitionKind), action="send",
        ),
        Channel(name="receipts", address="_INBOX.centre.{unit}.{inbox}", schema="receipts"),
        *(_channel_of(name, _said_as(shape)) for name, shape in EVENTS),
        Channel(
            name="acknowledgement", address="report.v1.{unit}.{event}", schema="acknowledgement",
            words=[ReportEvent.ACKNOWLEDGED], action="send",
        ),
        Channel(name="deadLetter", address="dead.v1.{service}", schema="dead-letter", words=topology.SERVICES),
    ]  # fmt: skip


def _channel_of(name: str, said_as: Sequence[str]) -> Channel:
    families, words = zip(*(one.split(".") for one in said_as), strict=True)
    first, *rest = f"{name}-event".split("-")
    return Channel(
        name=first + "".join(word.title() for word in rest),
        address=f"{families[0]}.v1.{{unit}}.{{event}}",
        schema=f"{name}-event",
        words=words,
    )


def asyncapi() -> Json:
    """AsyncAPI 3.0 from the side of those outside: what a centre and a city send and are answered, what may be heard."""
    spoken = channels()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Một Cửa",
            "version": "1",
            "description": "Subjects of NATS JetStream; docs/integrate/README.md",
        },
        "defaultContentType": "application/json",
        "channels": {one.name: _channel(one) for one in spoken},
        "operations": {
            f"{one.action}{one.name[:1].upper()}{one.name[1:]}": {
                "action": one.action,
                "channel": {"$ref": f"#/channels/{one.name}"},
            }
            for one in spoken
        },
    }


def _channel(one: Channel) -> Json:
    known: Json = {
        "unit": {"description": "five-digit code of the commune or ward", "examples": list(topology.PILOTS)},
        "inbox": {"description": "named by the sender in the header Motcua-Receipt-To"},
    }
    words = {"enum": [str(word) for word in one.words]}
    places = [place.split("}")[0] for place in one.address.split("{")[1:]]
    message = {"contentType": "application/json", "payload": {"$ref": f"schemas/{one.schema}.json"}}
    return {
        "address": one.address,
        "parameters": {place: known.get(place, words) for place in places},
        "messages": {one.schema: message},
    }
