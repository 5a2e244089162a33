"""What the law says of apologies, as data: the form by date, how many new dates, the words of the letter."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.documents import Administration
from shared.procedures import Validity, overlaps
from shared.rules import Lines, Loc, RuleError, RuleModel, RuleProblem, load_located

FILE, FOLDER = "apologies.yaml", "apologies"

When = Literal["ahead", "past", "open", "finished", "new_date", "no_new_date", "extended_before"]
OF_UNIT = frozenset({"kind", "name", "KIND", "NAME", "province"})
OF_LETTER = frozenset(
    [
        "issuer",
        "applicant",
        "dossier",
        "procedure",
        "received",
        "due",
        "agency",
        "cause",
        "finished",
        "new_due",
        "return_place",
        "extension",
        "extensions",
        "extended_before",
    ]
)


class NewDate(RuleModel):
    """What a new date must be."""

    working_day: bool
    time: time
    """The time of day at which the result is promised, for a person gives a day."""


class FormVersion(Validity):
    """The paper that an apology is between two days."""

    circular: str
    form: str
    title_vi: str
    letter: str = Field(pattern=r"^[a-z0-9-]+$")
    extensions: int = Field(ge=0)
    new_date: NewDate
    written_by: int = Field(ge=0)


def _at_least_one(versions: tuple[FormVersion, ...]) -> tuple[FormVersion, ...]:
    if not versions:
        raise ValueError("there is no version (write one with valid_from, circular, form, title_vi and letter)")
    return versions


class Agency(RuleModel):
    """A department's name, and what single units call theirs."""

    name_vi: str
    units: dict[str, str] = Field(default_factory=dict)


class Applicants(RuleModel):
    """How the letter speaks to each kind of applicant."""

    citizen: str
    business: str
    agency: str
    other: str


class ApologyFile(RuleModel):
    """`apologies.yaml`."""

    id: str
    # not min_length: pydantic would say of one wrong version that there is none
    versions: Annotated[tuple[FormVersion, ...], AfterValidator(_at_least_one)]
    reasons: dict[str, str]
    agencies: dict[str, Agency]
    agency_unknown_vi: str
    applicants: Applicants


class Line(RuleModel):
    """A paragraph; printed when every word of `when` holds."""

    text_vi: str
    when: tuple[When, ...] = ()


class FactLine(Line):
    """A line of the list: a label and what it says."""

    label_vi: str


class LetterTexts(RuleModel):
    """`apologies/<letter>.yaml`: the words of one form."""

    id: str
    issuer: Administration
    issuer_name_vi: str
    return_place_vi: str
    opening: tuple[Line, ...]
    facts: tuple[FactLine, ...]
    closing: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ApologyRules:
    """The forms, the causes, the names, and the words of each letter."""

    versions: Sequence[FormVersion]
    reasons: Mapping[str, str]
    agencies: Mapping[str, Agency]
    agency_unknown: str
    applicants: Mapping[str, str]
    texts: Mapping[str, LetterTexts]

    def on(self, day: date) -> FormVersion | None:
        """The form in force on a day; `None` where none is."""
        return next((one for one in self.versions if one.holds_on(day)), None)

    def of(self, circular: str, form: str) -> FormVersion | None:
        """The form by its key; numbers alone mean different papers under different circulars."""
        return next((one for one in self.versions if (one.circular, one.form) == (circular, form)), None)

    def agency_name(self, agency: str | None, unit: str) -> str:
        """What a unit calls its department; the slug itself where no name is known."""
        if agency is None:
            return self.agency_unknown
        known = self.agencies.get(agency)
        return known.units.get(unit, known.name_vi) if known else agency


def load_apology_rules(rules_root: Path) -> ApologyRules:
    """`apologies.yaml` and the letters that it names; raises `RuleError` with file, line and field."""
    rules, lines = load_located(rules_root / FILE, ApologyFile)
    problems = [*overlaps(rules.versions, ("versions",), lines), *_same_key(rules.versions, lines)]
    texts = dict[str, LetterTexts]()
    for index, version in enumerate(rules.versions):
        path = rules_root / FOLDER / f"{version.letter}.yaml"
        if not path.is_file():
            reason = f"there is no file {FOLDER}/{version.letter}.yaml (write it, or correct the name)"
            problems.append(lines.problem(("versions", index, "letter"), reason))
        elif version.letter not in texts:
            texts[version.letter], of_letter = load_located(path, LetterTexts)
            problems += _unknown_words(texts[version.letter], of_letter)
    if problems:
        raise RuleError(problems)
    return ApologyRules(
        versions=rules.versions,
        reasons=rules.reasons,
        agencies=rules.agencies,
        agency_unknown=rules.agency_unknown_vi,
        applicants=rules.applicants.model_dump(),
        texts=texts,
    )


def _same_key(versions: Sequence[FormVersion], lines: Lines) -> Iterator[RuleProblem]:
    seen = set[tuple[str, str]]()
    for index, one in enumerate(versions):
        if (one.circular, one.form) in seen:
            reason = f"form {one.form} of {one.circular} stands twice (a letter is found by circular and form)"
            yield lines.problem(("versions", index, "form"), reason)
        seen.add((one.circular, one.form))


def _unknown_words(texts: LetterTexts, lines: Lines) -> Iterator[RuleProblem]:
    of_letter = OF_UNIT | OF_LETTER
    places: list[tuple[Loc, str, Iterable[str]]] = [(("return_place_vi",), texts.return_place_vi, OF_UNIT)]
    for part in ("opening", "facts", "closing"):
        places += [((part, n, "text_vi"), one.text_vi, of_letter) for n, one in enumerate(getattr(texts, part))]
    of_issuer = OF_UNIT | {"number", "addressee", "agency"}
    for owner, said in [
        (("default",), texts.issuer.default),
        *((("units", u), d) for u, d in texts.issuer.units.items()),
    ]:
        for name, value in said.model_dump(exclude_none=True).items():
            for text in value if isinstance(value, list) else [value]:
                places.append((("issuer", *owner, name), text, of_issuer))
    for loc, text, known in places:
        try:
            words = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        except ValueError as error:
            yield lines.problem(loc, f"{error} (write {{word}}, and {{{{ for a brace)")
            continue
        for word in sorted(words - set(known)):
            yield lines.problem(loc, f"{{{word}}} is no word known here (use one of: {', '.join(sorted(known))})")
