"""The contract for machines: written files are current, and a schema's verdict agrees with the door's."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.contract import asyncapi, json_schemas
from shared.events.records import encode_record, parse_record
from shared.events.statements import Refused
from shared.settings import RULES
from shared.topology import (
    ACCOUNTS,
    CITY,
    STREAMS,
    alert_subject,
    centre_account,
    dead_subject,
    dossier_subject,
    onestop_subject,
    petition_subject,
    plan_subject,
    report_subject,
    source_subject,
)
from shared.workdays import load_calendar
from simulation.scenario import load_scenario
from simulation.stream import simulate
from tests.bus.subjects import covers
from tests.inside import record

FOLDER = Path(__file__).parents[3] / "docs" / "integrate"
NOW = datetime.fromisoformat("2026-01-05T09:00:00+07:00")
SCHEMAS = {name: Draft202012Validator(schema) for name, schema in json_schemas().items()}


NOBODY_SAYS = {"inspection.v1.*.*"}
"""Held for inspections (contracts.md §2); no service says any yet."""


def addresses(*actions: str) -> list[str]:
    """Every address of a stream's message with its words filled in, of unit 10966."""
    found = list[str]()
    for one in asyncapi()["operations"].values():
        channel = asyncapi()["channels"][one["channel"]["$ref"].rpartition("/")[2]]
        if (actions and one["action"] not in actions) or channel["address"].startswith("_INBOX."):
            continue
        prefix = channel["address"].replace("{unit}", "10966").rpartition("{")[0]
        [words] = [place["enum"] for place in channel["parameters"].values() if "enum" in place]
        found += [prefix + word for word in words]
    return found


def takes(body: bytes) -> bool:
    """The door's verdict."""
    try:
        parse_record(body, knows_unit={"10966"}.__contains__, now=NOW)
    except Refused:
        return False
    return True


def petition(**facts: Any) -> dict[str, Any]:
    one = record("petition.received", "P-1", "2025-11-03", **facts)
    del one["data"]["dossier"]
    return {**one, "data": {**one["data"], "petition": "P-1"}}


def without(one: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in names}


GOOD = record("received", "A-1", "2025-11-03", due_at="2025-11-06", channel="online", rating=5, fee_due=False)


class TestFiles:
    @pytest.mark.parametrize("name", [*json_schemas(), "asyncapi"])
    def test_what_is_written_is_what_the_code_does(self, name: str) -> None:
        path = FOLDER / "asyncapi.json" if name == "asyncapi" else FOLDER / "schemas" / f"{name}.json"
        made = asyncapi() if name == "asyncapi" else json_schemas()[name]
        assert json.loads(path.read_text("utf-8")) == made, f"{path.name} is stale; run: motcua schemas"

    @pytest.mark.parametrize("name", json_schemas())
    def test_each_is_a_schema(self, name: str) -> None:
        Draft202012Validator.check_schema(json_schemas()[name])

    def test_the_asyncapi_document_points_to_files_and_channels_that_are_there(self) -> None:
        said = json.dumps(asyncapi())
        references = set(re.findall(r'"\$ref": "([^"]+)"', said))
        files = {one for one in references if not one.startswith("#")}
        assert {(FOLDER / one).is_file() for one in files} == {True}
        channels = {one.removeprefix("#/channels/") for one in references - files}
        assert channels == set(asyncapi()["channels"])

    def test_every_address_is_a_subject_of_one_stream_and_every_subject_has_an_address(self) -> None:
        places = {address: [(stream, subject) for stream, subjects in STREAMS.items() for subject in subjects
                            if covers(subject, address)] for address in addresses()}  # fmt: skip
        assert {address: len(found) for address, found in places.items()} == dict.fromkeys(addresses(), 1)
        subjects = {subject for found in places.values() for _, subject in found}
        assert {one for of_stream in STREAMS.values() for one in of_stream} - subjects == NOBODY_SAYS

    def test_nothing_has_two_shapes(self) -> None:
        assert len(set(addresses())) == len(addresses())

    def test_what_is_sent_is_exactly_what_the_accounts_of_centre_and_city_may_say(self) -> None:
        city = next(one for one in ACCOUNTS if one.name == CITY)
        allowed = (*centre_account("10966").publish, "report.v1.10966.acknowledged")
        assert "report.v1.*.acknowledged" in city.publish
        for address in addresses("send"):
            assert any(covers(one, address) for one in allowed), address
        assert {one.split(".")[0] for one in addresses("send")} == {"onestop", "report"}

    def test_an_address_is_where_the_services_say_it(self) -> None:
        said_at = {
            "onestop.v1.10966.petition.received": onestop_subject("10966", "petition.received"),
            "dossier.v1.10966.overdue": dossier_subject("10966", "overdue"),
            "petition.v1.10966.answered": petition_subject("10966", "answered"),
            "source.v1.10966.silent": source_subject("10966", "silent"),
            "plan.v1.10966.target_missed": plan_subject("10966", "target_missed"),
            "report.v1.10966.restated": report_subject("10966", "restated"),
            "report.v1.10966.unit_report_late": report_subject("10966", "unit_report_late"),
            "alert.v1.10966.decided": alert_subject("10966", "decided"),
            "dead.v1.reporting": dead_subject("reporting"),
        }
        assert said_at.keys() <= set(addresses())
        assert [one for one, subject in said_at.items() if one != subject] == []


class TestSchemasAndDoorsAgree:
    def test_on_everything_that_a_simulated_centre_says(self) -> None:
        scenario = load_scenario(RULES / "simulation" / "haiphong-2025.yaml")
        said = simulate(["10966"], 7, date(2025, 11, 1), date(2025, 11, 7), load_calendar(RULES), scenario)
        bodies = [encode_record(one.statement if hasattr(one, "statement") else one) for one in said]
        assert len(bodies) > 100
        for body in bodies:
            assert takes(body)
            assert SCHEMAS["dossier-statement"].is_valid(json.loads(body)), body

    @pytest.mark.parametrize(
        ("one", "good"),
        [
            (GOOD, True),
            ({**GOOD, "data": {**GOOD["data"], "something_of_mine": [1]}}, True),
            ({**GOOD, "data": {**GOOD["data"], "channel": None}}, True),
            (without(GOOD, "subject", "specversion"), True),
            (without(GOOD, "id"), False),
            (without(GOOD, "time"), False),
            ({**GOOD, "id": ""}, False),
            ({**GOOD, "id": "x" * 201}, False),
            ({**GOOD, "type": "vn.motcua.onestop.arrived.v1"}, False),
            ({**GOOD, "data": without(GOOD["data"], "unit")}, False),
            ({**GOOD, "data": without(GOOD["data"], "dossier")}, False),
            ({**GOOD, "data": {**GOOD["data"], "channel": "pigeon"}}, False),
            ({**GOOD, "data": {**GOOD["data"], "rating": 6}}, False),
            ({**GOOD, "data": {**GOOD["data"], "fee_due": "yes"}}, False),
            ({**GOOD, "data": []}, False),
        ],
    )
    def test_on_records_about_dossiers(self, one: dict[str, Any], good: bool) -> None:
        assert takes(json.dumps(one).encode()) is good
        assert SCHEMAS["dossier-statement"].is_valid(one) is good

    @pytest.mark.parametrize(
        ("one", "good"),
        [
            (petition(), True),
            (petition(complex=True, **{"class": "staff"}), True),
            (petition(**{"class": "somebody"}), False),
            (petition(reason_code="too_hard"), False),
            ({**petition(), "type": "vn.motcua.onestop.petition.lost.v1"}, False),
        ],
    )
    def test_on_records_about_petitions(self, one: dict[str, Any], good: bool) -> None:
        assert takes(json.dumps(one).encode()) is good
        assert SCHEMAS["petition-statement"].is_valid(one) is good

    def test_what_a_schema_cannot_say_the_door_still_refuses(self) -> None:
        for one in (
            {**GOOD, "time": "2025-02-30T08:00:00+07:00"},
            {**GOOD, "data": {**GOOD["data"], "unit": "99999"}},
            {**GOOD, "data": {**GOOD["data"], "received_at": "2199-01-01T08:00:00+07:00"}},
        ):
            assert SCHEMAS["dossier-statement"].is_valid(one)
            assert not takes(json.dumps(one).encode())
