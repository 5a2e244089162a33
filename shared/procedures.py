"""The catalogue of procedures: what each is called, since when, and how long it may take per channel.

Data of `procedures/*.yaml`, keyed by the national code without suffixes. Statutory and committed time are kept apart;
a published number without a unit is no limit until a person confirms one. No clock is read here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from shared.clocks import Counting, DueTime, NonworkingReceipt, OnPause
from shared.limits import Limit, parse_limits
from shared.rules import Lines, Loc, RuleError, RuleModel, RuleProblem, load_located

CODE = re.compile(r"^(\d\.\d{6})(?=$|[.\s])")
CHANNELS = ("direct", "online", "post")
FOLDER, CLOCKS = "procedures", "clocks.yaml"
FOREVER = date.max


def normalise_code(text: str) -> str | None:
    """The national code of a written one: province, agency and service suffixes go (`2.000815.000.00.00.H55`).

    `None` for a local procedure's free code (`TS_lop1.000.00.00.H22`), which only a person can map.
    """
    found = CODE.match(text.strip())
    return found[1] if found else None


def normalise_name(text: str, code: str = "") -> str:
    """A name in NFC and single spaces, without its own code and a trailing full stop."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if code:
        plain = re.sub(rf"\s*[(\[]?{re.escape(code)}[)\]]?[\s.:–-]*$", "", plain)
        plain = re.sub(rf"^[(\[]?{re.escape(code)}[)\]]?[\s.:–-]*", "", plain)
    return plain.rstrip(" .")


def _limits(text: str) -> str:
    parse_limits(text)
    return text


def _name(text: str) -> str:
    if text != normalise_name(text):
        raise ValueError("must be in Unicode NFC, with single spaces and no full stop at its end (write it so)")
    return text


LimitText = Annotated[str, AfterValidator(_limits)]
Code = Annotated[str, Field(pattern=r"^\d\.\d{6}$")]


class Level(StrEnum):
    MINISTRY = "ministry"
    PROVINCE = "province"
    COMMUNE = "commune"
    OTHER = "other"


class ByChannel(RuleModel):
    """Times per channel: `all`, or those channels on which the procedure is offered."""

    all: LimitText | None = None
    direct: LimitText | None = None
    online: LimitText | None = None
    post: LimitText | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.all is not None and any((self.direct, self.online, self.post)):
            raise ValueError("`all` stands alone (remove it, or the single channels)")
        return self

    def offers(self, channel: str) -> bool:
        return self.all is not None or getattr(self, channel) is not None

    def limits(self, channel: str) -> tuple[Limit, ...]:
        """One limit a case; empty when none was stated."""
        return parse_limits(self.all or getattr(self, channel) or "")


class Validity(RuleModel):
    """The days on which something holds, both inclusive."""

    valid_from: date
    valid_to: date = FOREVER

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from (correct one of the two)")
        return self

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day <= self.valid_to


class Version(Validity):
    """What held for a procedure between two days."""

    decision: str = ""
    published: ByChannel = ByChannel()
    """As the portal gives it, with its gaps."""
    confirmed: ByChannel = ByChannel()
    """What a person confirmed where the published one is silent or has no unit; `confirmed_by` says from what."""
    confirmed_by: str = ""
    committed: ByChannel = ByChannel()
    """The city's cut, which the slip states; never longer than the law allows."""
    on_pause: OnPause | None = None
    restart_limit: LimitText | None = None
    supplement_once: bool = False

    @model_validator(mode="after")
    def _sourced(self) -> Self:
        if self.confirmed != ByChannel() and not self.confirmed_by:
            raise ValueError("confirmed needs confirmed_by (say from which text)")
        return self


class Alias(RuleModel):
    """An older code of the same procedure; open ends where the change's day was not found."""

    code: Code
    valid_from: date = date.min
    valid_to: date = FOREVER


class ProcedureRules(RuleModel):
    code: Code
    name: Annotated[str, AfterValidator(_name)]
    field: str
    field_code: str | None = Field(default=None, pattern=r"^G\d{2}-[A-Z]{2}\d{2}$")
    levels: Annotated[tuple[Level, ...], Field(min_length=1)]
    vertical: bool = False
    """Of tax, police, insurance …, partly received at the centre (*ngành dọc*)."""
    aliases: tuple[Alias, ...] = ()
    versions: Annotated[tuple[Version, ...], Field(min_length=1)]


class ProcedureFile(RuleModel):
    """One file of `procedures/`."""

    id: str
    source: str
    procedures: tuple[ProcedureRules, ...]


class Intake(RuleModel):
    online: LimitText
    direct: LimitText
    post: LimitText


class ClockVersion(Validity):
    """How limits were counted between two days."""

    intake: Intake
    count_receipt_day: bool
    due_time: DueTime
    nonworking_receipt: NonworkingReceipt
    same_day_until: time
    on_pause: OnPause

    @property
    def counting(self) -> Counting:
        return Counting(
            count_receipt_day=self.count_receipt_day,
            due_time=self.due_time,
            nonworking_receipt=self.nonworking_receipt,
            same_day_until=self.same_day_until,
        )

    def intake_limit(self, channel: str) -> Limit:
        """The first answer's limit; an unknown channel counts as direct, as in form II.06a."""
        return parse_limits(getattr(self.intake, channel if channel in CHANNELS else "direct"))[0]


class ClockRules(RuleModel):
    """`clocks.yaml`."""

    id: str
    versions: Annotated[tuple[ClockVersion, ...], Field(min_length=1)]

    def on(self, day: date) -> ClockVersion | None:
        """The version in force on a day; none before the first."""
        return next((one for one in self.versions if one.holds_on(day)), None)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A procedure as it stood on one day."""

    procedure: ProcedureRules
    version: Version

    def statutory(self, channel: str) -> tuple[Limit, ...]:
        """The law's limits, one a case: confirmed ones, else those published with a unit; empty when nobody knows."""
        limits = self.version.confirmed.limits(channel) or self.version.published.limits(channel)
        return tuple(one for one in limits if one.is_known)

    def committed(self, channel: str) -> tuple[Limit, ...]:
        """The city's limits, one a case; empty when it made no cut."""
        return tuple(one for one in self.version.committed.limits(channel) if one.is_known)

    def is_offered(self, channel: str) -> bool:
        """Whether the published page names this channel; a page without any time says nothing about channels."""
        published = self.version.published
        return published == ByChannel() or published.offers(channel)

    @property
    def restart_limit(self) -> Limit | None:
        return parse_limits(self.version.restart_limit)[0] if self.version.restart_limit else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Catalogue:
    """Procedures by code, older codes included."""

    procedures: Mapping[str, ProcedureRules]
    aliases: Mapping[str, Sequence[tuple[Alias, str]]] = field(default_factory=dict)

    def find(self, code: str, on: date) -> Found | None:
        """The procedure that a written code meant on a day, as it stood then; `None` for a foreign or not yet written one."""
        key = normalise_code(code)
        procedure = self.procedures.get(key or "") or self._renamed(key, on)
        if procedure is None:
            return None
        version = next((one for one in procedure.versions if one.holds_on(on)), None)
        return Found(procedure=procedure, version=version) if version else None

    def _renamed(self, code: str | None, on: date) -> ProcedureRules | None:
        for alias, target in self.aliases.get(code or "", ()):
            if alias.valid_from <= on <= alias.valid_to:
                return self.procedures[target]
        return None


def load_catalogue(rules_root: Path) -> Catalogue:
    """The procedures of every file in `procedures/`; raises `RuleError` with every mistake of every file."""
    problems, read = list[RuleProblem](), list[tuple[ProcedureFile, Lines]]()
    for path in sorted((rules_root / FOLDER).glob("*.yaml")):
        try:
            read.append(load_located(path, ProcedureFile))
        except RuleError as error:
            problems.extend(error.problems)
    problems.extend(_clashes(read))
    if problems:
        raise RuleError(problems)
    procedures = [one for rules, _ in read for one in rules.procedures]
    aliases = defaultdict[str, list[tuple[Alias, str]]](list)
    for one in procedures:
        for alias in one.aliases:
            aliases[alias.code].append((alias, one.code))
    return Catalogue(procedures={one.code: one for one in procedures}, aliases=aliases)


def load_clock_rules(rules_root: Path) -> ClockRules:
    """The versions of `clocks.yaml`; raises `RuleError`."""
    rules, lines = load_located(rules_root / CLOCKS, ClockRules)
    if problems := list(overlaps(rules.versions, ("versions",), lines)):
        raise RuleError(problems)
    return rules


def _clashes(read: Iterable[tuple[ProcedureFile, Lines]]) -> Iterable[RuleProblem]:
    """What no single file shows: a code twice, a code that is also an alias, a name under two codes."""
    located = [
        (one, ("procedures", index), lines) for rules, lines in read for index, one in enumerate(rules.procedures)
    ]
    codes, names = dict[str, str](), dict[str, str]()
    for one, loc, lines in located:
        if one.code in codes:
            yield lines.problem((*loc, "code"), f"{one.code} stands twice, also in {codes[one.code]} (remove one)")
        elif one.name.casefold() in names:
            other = names[one.name.casefold()]
            yield lines.problem((*loc, "name"), f"is also the name of {other} (one of them is another page's: ask)")
        codes.setdefault(one.code, lines.file)
        names.setdefault(one.name.casefold(), one.code)
        yield from overlaps(one.versions, (*loc, "versions"), lines)
    for one, loc, lines in located:
        for index, alias in enumerate(one.aliases):
            if alias.code in codes:
                yield lines.problem((*loc, "aliases", index), f"{alias.code} is a procedure itself (remove one)")


def overlaps(versions: Sequence[Validity], loc: Loc, lines: Lines) -> Iterable[RuleProblem]:
    """A problem for each version that begins before the one above it ends."""
    until = date.min
    for index, version in enumerate(versions):
        if index and version.valid_from <= until:
            ends = "has no end" if until == FOREVER else f"ends on {until}"
            yield lines.problem((*loc, index, "valid_from"), f"the version above {ends} (give it an earlier valid_to)")
        until = version.valid_to
