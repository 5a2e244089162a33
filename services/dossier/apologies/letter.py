"""The letter as PDF and DOCX, one page A4 in the layout of NĐ 30/2020/NĐ-CP; the same letter gives the same bytes.

The applicant's name comes with the request or, where the installation keeps names sealed, from there; else a blank waits
for a pen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from docx.shared import Cm, Pt

from services.dossier.apologies import messages
from services.dossier.apologies.domain import Action, Letter, Step
from services.dossier.apologies.rules import ApologyRules, LetterTexts, Line
from shared.documents import Template, issued_by, place_and_date, words_of
from shared.documents.word import CENTRE, RIGHT, new_document, set_widths, to_bytes, write, write_head, write_signature
from shared.localtime import LOCAL, local_date
from shared.units import Unit, Units

TEMPLATE = "apologies/letter.typ"
LONGEST_NAME = 320
"""Characters of a procedure's name: beyond them it would push the signature off the page."""
SIZES = ((1200, 13), (1500, 12), (10_000, 11))
"""Points of the body's type by its characters, so that a procedure's long name stays on the page (NĐ 30/2020 asks for 13)."""


class FormGone(LookupError):
    """The rules no longer hold the form of a letter; printed with another one it would not be the letter that went out."""

    def __init__(self, circular: str, form: str) -> None:
        super().__init__(
            f"form {form} of {circular} is no longer in apologies.yaml, so its letters cannot be printed "
            "(put that version back, with its days)"
        )


class LetterPress:
    """Sets letters with the words and the template of the rule folder."""

    def __init__(self, rules_root: Path, rules: ApologyRules, units: Units) -> None:
        self._rules, self._units = rules, units
        self._template = Template(rules_root, TEMPLATE)

    def pdf(self, unit: str, dossier: str, action: Action, applicant: str = "") -> bytes:
        """The letter as PDF."""
        return self._template.write_pdf(self.content(unit, dossier, action, applicant), action.at)

    def docx(self, unit: str, dossier: str, action: Action, applicant: str = "") -> bytes:
        """The letter as DOCX; the same layout and words as the PDF."""
        return write_docx(self.content(unit, dossier, action, applicant), action.at.astimezone(LOCAL))

    def addressed(self, action: Action, name: str) -> str:
        """A name as a letter addresses it: a citizen's stands behind the form of address."""
        is_citizen = action.letter is not None and action.letter.applicant == "citizen"
        return f"{self._rules.applicants['citizen']} {name}" if name and is_citizen else name

    def content(self, unit: str, dossier: str, action: Action, applicant: str = "") -> dict[str, Any]:
        """Every text of the letter; a draft has no number and no date yet. Raises `FormGone`."""
        letter, place = action.letter, self._units.get(unit)
        assert letter is not None
        version = self._rules.of(letter.circular, letter.form)
        if version is None:
            raise FormGone(letter.circular, letter.form)
        texts = self._rules.texts[version.letter]
        words = self._words(place, dossier, letter, texts)
        flags = _flags(letter, action.at)
        form_mark = messages.FORM_MARK.format(form=version.form, circular=version.circular)
        is_draft = action.step is not Step.ISSUED
        texts_of = {
            "opening": _lines(texts.opening, flags, words),
            "facts": [
                {"label": one.label_vi, "text": one.text_vi.format(**words)}
                for one in texts.facts
                if flags.issuperset(one.when)
            ],
            "closing": _lines(texts.closing, flags, words),
        }
        return {
            **texts_of,
            **self._issuer(place, letter, texts, words, applicant),
            "size": _size(texts_of),
            "place": _place(texts, place, action.at, is_draft=is_draft),
            "form_mark": messages.DRAFT_MARK.format(form_mark=form_mark) if is_draft else form_mark,
            "title": version.title_vi,
            "signer": letter.signer,
        }

    def _words(self, unit: Unit, dossier: str, letter: Letter, texts: LetterTexts) -> dict[str, Any]:
        of_unit = words_of(unit)
        return {
            **of_unit,
            "issuer": texts.issuer_name_vi,
            "applicant": self._rules.applicants.get(letter.applicant or "other", self._rules.applicants["other"]),
            "dossier": dossier,
            "procedure": _procedure(letter),
            "received": _moment(letter.received_at),
            "due": _moment(letter.due_at),
            "agency": self._rules.agency_name(letter.agency, unit.code),
            "cause": "; ".join(part for part in (letter.reason_vi, letter.cause) if part) or messages.NOT_SAID,
            "finished": _moment(letter.finished_at),
            "new_due": _moment(letter.new_due_at),
            "return_place": texts.return_place_vi.format(**of_unit),
            "extension": letter.extension,
            "extensions": letter.extensions,
            "extended_before": _moment(letter.extended_before),
        }

    def _issuer(
        self, unit: Unit, letter: Letter, texts: LetterTexts, words: dict[str, Any], applicant: str
    ) -> dict[str, Any]:
        issuer = texts.issuer.of(unit.code)
        given = {
            **words_of(unit),
            "number": letter.number or messages.NO_NUMBER,
            "agency": words["agency"],
            "addressee": applicant or f"{words['applicant']} {messages.BLANK}",
        }
        filled = issued_by(issuer, given)
        if "/" in letter.number:  # given whole, with its symbol
            filled["number"] = f"{issuer.number_vi.split('{number}')[0]}{letter.number}"
        return filled


def _place(texts: LetterTexts, unit: Unit, at: datetime, *, is_draft: bool) -> str:
    place = texts.issuer.of(unit.code).place_vi.format(**words_of(unit))
    day = local_date(at)
    return messages.NO_DATE.format(place=place, year=day.year) if is_draft else place_and_date(place, day)


def _flags(letter: Letter, at: datetime) -> frozenset[str]:
    return frozenset({
        "ahead" if local_date(at) <= local_date(letter.due_at) else "past",
        "finished" if letter.finished_at else "open",
        "new_date" if letter.new_due_at else "no_new_date",
        *(["extended_before"] if letter.extended_before else []),
    })  # fmt: skip


def _lines(lines: Iterable[Line], flags: frozenset[str], words: dict[str, Any]) -> list[str]:
    return [one.text_vi.format(**words) for one in lines if flags.issuperset(one.when)]


def _size(body: dict[str, Any]) -> int:
    paragraphs = [*body["opening"], *body["closing"], *(one["text"] for one in body["facts"])]
    length = sum(map(len, paragraphs))
    return next((size for most, size in SIZES if length <= most), SIZES[-1][1])


def _procedure(letter: Letter) -> str:
    name = letter.procedure_name or ""
    if len(name) > LONGEST_NAME:
        name = name[: LONGEST_NAME - 1].rstrip() + "…"
    if name and letter.procedure:
        return messages.PROCEDURE.format(name=name, code=letter.procedure)
    return name or letter.procedure or messages.NOT_SAID


def _moment(instant: datetime | None) -> str:
    if instant is None:
        return messages.NOT_SAID
    local = instant.astimezone(LOCAL)
    return messages.MOMENT.format(
        hour=local.hour, minute=local.minute, day=local.day, month=local.month, year=local.year
    )


def write_docx(data: dict[str, Any], created: datetime) -> bytes:
    """The document of `LetterPress.content`."""
    document, size = new_document(data, created), data["size"]
    if size < 13:
        document.styles["Normal"].paragraph_format.space_after = Pt(1)
    write(document.add_paragraph(), data["form_mark"], RIGHT, size=10, italic=True)
    write_head(document, data)
    write(document.add_paragraph(), data["title"].upper(), CENTRE, size=14, bold=True)
    write(document.add_paragraph(), data["addressee"], CENTRE)
    for text in data["opening"]:
        write(document.add_paragraph(), text, size=size, indent=True)
    table = document.add_table(len(data["facts"]), 2)
    for row, fact in zip(table.rows, data["facts"], strict=True):
        write(row.cells[0].paragraphs[0], f"{fact['label']}:", size=size)
        row.cells[0].paragraphs[0].paragraph_format.left_indent = Cm(0.8)
        write(row.cells[1].paragraphs[0], fact["text"], size=size)
        for cell in row.cells:
            cell.paragraphs[0].paragraph_format.space_after = Pt(1)
    set_widths(table, [6.6, 9.9])
    for text in data["closing"]:
        write(document.add_paragraph(), text, size=size, indent=True)
    document.paragraphs[-1].paragraph_format.space_after = Pt(10)
    write_signature(document, data)
    return to_bytes(document)
