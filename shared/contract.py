"""The contract for machines, made from the code's own types: JSON Schemas (draft 2020-12) and AsyncAPI 3.0.

What goes in is described as the doors read it: a schema never refuses what a door takes. What a schema cannot say (known
units, dates within reason, a reception that lies in the future) the doors still judge.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from shared import topology
from shared.events.dossiers import DossierEvent, DossierSaid
from shared.events.envelope import Instant
from shared.events.petition_snapshots import PetitionEvent, PetitionSaid
from shared.events.petitions import PetitionKind, PetitionRecord
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


class DossierMessage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A CloudEvent about a dossier."""

    id: str
    source: str
    type: str
    time: Instant
    data: DossierSaid
    subject: str
    specversion: str
    datacontenttype: str
    correlationid: str


class PetitionMessage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A CloudEvent about a petition."""

    id: str
    source: str
    type: str
    time: Instant
    data: PetitionSaid
    subject: str
    specversion: str
    datacontenttype: str
    correlationid: str


def json_schemas() -> dict[str, Json]:
    """Every schema by the name of its file, without suffix."""
    return {
        "dossier-statement": _schema(DossierRecord, (f"{TYPE_PREFIX}{kind}{TYPE_SUFFIX}" for kind in Kind)),
        "petition-statement": _schema(PetitionRecord, (f"{TYPE_PREFIX}{kind}{TYPE_SUFFIX}" for kind in PetitionKind)),
        "receipts": {"$schema": DRAFT, **msgspec.json.schema(list[Receipt])},
        "dossier-event": _schema(DossierMessage, (f"vn.motcua.dossier.{event}.v1" for event in DossierEvent)),
        "petition-event": _schema(PetitionMessage, (f"vn.motcua.petition.{event}.v1" for event in PetitionEvent)),
    }


def _schema(shape: type, types: Iterable[str]) -> Json:
    schema: Json = {"$schema": DRAFT, **msgspec.json.schema(shape)}
    schema["$defs"][shape.__name__]["properties"]["type"] = {"enum": list(types)}
    return schema


def asyncapi() -> Json:
    """AsyncAPI 3.0 from the side of a centre: what it sends, what it is answered, and what others may hear."""
    spoken = (
        ("dossierStatement", "onestop.v1.{unit}.{kind}", "dossier-statement", list(Kind), "send"),
        ("petitionStatement", "onestop.v1.{unit}.{kind}", "petition-statement", list(PetitionKind), "send"),
        ("receipts", "_INBOX.centre.{unit}.{inbox}", "receipts", None, "receive"),
        ("dossierEvent", "dossier.v1.{unit}.{kind}", "dossier-event", list(DossierEvent), "receive"),
        ("petitionEvent", "petition.v1.{unit}.{kind}", "petition-event", list(PetitionEvent), "receive"),
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Một Cửa",
            "version": "1",
            "description": "Subjects of NATS JetStream; docs/integrate/README.md",
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(address, schema, kinds) for name, address, schema, kinds, _ in spoken},
        "operations": {
            f"{action}{name[:1].upper()}{name[1:]}": {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
            for name, _, _, _, action in spoken
        },
    }


def _channel(address: str, schema: str, kinds: list[Any] | None) -> Json:
    parameters: Json = {
        "unit": {"description": "five-digit code of the commune or ward", "examples": list(topology.PILOTS)}
    }
    if kinds is None:
        parameters["inbox"] = {"description": "named by the sender in the header Motcua-Receipt-To"}
    else:
        parameters["kind"] = {"enum": [str(kind) for kind in kinds]}
    message = {"contentType": "application/json", "payload": {"$ref": f"schemas/{schema}.json"}}
    return {"address": address, "parameters": parameters, "messages": {schema: message}}
