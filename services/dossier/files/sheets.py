"""A dossier sheet: one row a dossier as of the export, turned into its statements (contracts.md §3)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from services.dossier.files.columns import COLUMNS, EMPTY, LONG, Unfit, fold, tidy
from services.dossier.files.dates import Moment
from services.dossier.files.headings import Heading
from services.dossier.files.items import MAX_RAW_BYTES, Heard, Item
from services.dossier.files.mapping import SheetMapping
from services.dossier.files.rows import Row
from shared.events.statements import Facts, Kind, Refused, Statement, lies_ahead

MAX_CODE_IN_ID = 120
SOURCE = "/sheet/"
"""Sheets of one unit are one source: this and the unit."""
PLAIN_FACTS = (
    "procedure", "procedure_name", "field", "agency", "channel", "service_level", "applicant",
    "fee_due", "paid_online", "digitised_input",
)  # fmt: skip
TOTALS = {"tong", "tong so", "tong cong", "cong"}

Said = tuple[Kind, datetime | None, Facts]
"""One statement of a row; without a time it is known as of the export only."""


@dataclass(frozen=True, slots=True)
class DossierRow:
    """A row that can be taken: whose it is, what it says, and a digest by which a changed row is a new one."""

    unit: str
    code: str
    said: tuple[Said, ...]

    def statements(self, export: datetime) -> tuple[Statement, ...]:
        """The row's statements under ids of one export: the same file again gives duplicates, a later export wins.

        At one instant and kind the fold goes by id, so the export stands before the digest.
        """
        source, stem, tail = f"{SOURCE}{self.unit}", self._stem(), f"{_compact(export)}/{self._digest()}"
        return tuple(
            Statement(
                source=source,
                id=f"{stem}/{kind}/{tail}",
                kind=kind,
                unit=self.unit,
                dossier=self.code,
                time=time or export,
                facts=facts,
            )
            for kind, time, facts in self.said
        )

    def _stem(self) -> str:
        """The code, or its hash where it does not fit: ids travel in a header, which has no place for Vietnamese."""
        if len(self.code) <= MAX_CODE_IN_ID and self.code.isascii():
            return self.code.replace(" ", "_")
        return hashlib.sha256(self.code.encode()).hexdigest()[:32]

    def _digest(self) -> str:
        return hashlib.blake2b(msgspec.json.encode((self.unit, self.code, self.said)), digest_size=4).hexdigest()


class RowReader:
    """Reads rows under one heading; a row that cannot be taken is refused whole."""

    def __init__(
        self,
        heading: Heading,
        knows_unit: Callable[[str], bool],
        now: datetime,
        unit: str | None,
        mapping: SheetMapping | None = None,
    ) -> None:
        mapping = mapping or SheetMapping()
        self._columns = [(COLUMNS[name], heading.columns[name]) for name in COLUMNS if name in heading.columns]
        self._knows_unit, self._now, self._mapping = knows_unit, now, mapping
        self._constants = {**mapping.constants, "unit": unit} if unit else mapping.constants
        self._readers = {name: mapping.reader(column) for name, column in COLUMNS.items()}

    def cells(self, row: Row) -> dict[str, str]:
        """The filled cells of known columns; all others, and with them names and numbers of citizens, are dropped."""
        filled = {}
        for column, indices in self._columns:
            for index in indices:
                if index < len(row.cells) and row.cells[index] and (cell := tidy(row.cells[index])) not in EMPTY:
                    filled[column.name] = cell
                    break
        return filled

    def judge(self, cells: Mapping[str, str]) -> DossierRow:
        """What a row says; raises `Refused` naming the column."""
        if "code" not in cells:
            raise Refused("code", "is missing", "every row needs the code of its dossier")
        if self._constants:
            cells = {**self._constants, **cells}
        unit = self._known_unit(cells.get("unit"))
        values = {name: self._read(name, cell) for name, cell in cells.items() if name != "unit"}
        steps = self._steps(values)
        return DossierRow(unit, values["code"], tuple(_say(values, steps)))

    def source(self, cells: Mapping[str, str]) -> str:
        """The source of a row that was refused; empty when it names no unit that is known."""
        try:
            return f"{SOURCE}{self._known_unit({**self._constants, **cells}.get('unit'))}"
        except Refused:
            return ""

    def _known_unit(self, code: str | None) -> str:
        if code is None:
            raise Refused("unit", "is missing", "fill the column, or name the unit of the whole sheet")
        code = self._mapping.unit(code)
        for known in (code, code.zfill(5)):  # spreadsheets drop leading zeros: 00004 becomes 4
            if self._knows_unit(known):
                return known
        raise Refused(
            "unit", f"unknown unit {code[:40]!r}", "use the five-digit code of a commune or ward since 01/07/2025"
        )

    def _read(self, name: str, cell: str) -> Any:
        try:
            return self._readers[name](cell)
        except Unfit as unfit:
            raise Refused(name, unfit.reason, unfit.advice) from unfit

    def _steps(self, values: Mapping[str, Any]) -> dict[Kind, datetime]:
        """When each step of the row happened, in the order of the steps; refuses what cannot have happened."""
        at: dict[Kind, datetime] = {}
        for kind, name in _step_columns(values):
            moment: Moment | None = values.get(name)
            if moment is not None:
                at[kind] = moment.behind(*at.values())
        received, outcome = at.get(Kind.RECEIVED), values.get("outcome")
        if received is None and Kind.SUBMITTED not in at:
            raise Refused(
                "received_at", "is missing", "give the day of reception, or of submission while not yet received"
            )
        if received is not None and lies_ahead(received, self._now):
            raise Refused(
                "received_at", "lies in the future", "send the reception when it has happened; check the clock"
            )
        if outcome and "finished_at" not in values:
            raise Refused("finished_at", "is missing although there is an outcome", "give the day of the outcome")
        if not outcome and "finished_at" in values:
            raise Refused(
                "outcome", "is missing although there is a finished_at", "say how it ended, or leave both empty"
            )
        if received is not None and outcome and at[Kind(outcome)] < received:
            raise Refused("finished_at", "finished_at before received_at", "correct one of the two dates")
        return at


class Sheet:
    """A sheet whose rows can be read again and again."""

    kind: Literal["sheet"] = "sheet"

    def __init__(
        self, rows: Callable[[], Iterable[Row]], total: int, reader: RowReader, now: datetime, as_of: datetime | None
    ) -> None:
        self._rows, self._reader, self.total = rows, reader, total
        self._heard = Heard(now, as_of)
        self._export = as_of or self._newest(now)

    def items(self) -> Iterator[Item]:
        for line, cells, judged in self._judged():
            key = cells.get("code", "")[:200]
            if isinstance(judged, Refused):
                yield Item(line=line, refused=judged, raw=_raw(cells), key=key, source=self._reader.source(cells))
                continue
            statements = judged.statements(self._export)
            for statement in statements:
                self._heard.note(statement)
            yield Item(line=line, statements=statements, key=key, source=f"{SOURCE}{judged.unit}")

    def sources(self) -> Mapping[str, datetime]:
        return self._heard.sources()

    def _judged(self) -> Iterator[tuple[int, dict[str, str], DossierRow | Refused]]:
        for row in self._rows():
            cells = self._reader.cells(row)
            if row.refused is not None:
                yield row.line, cells, row.refused
            elif cells and not _is_total(row, cells):
                try:
                    yield row.line, cells, self._reader.judge(cells)
                except Refused as refused:
                    yield row.line, cells, refused

    def _newest(self, now: datetime) -> datetime:
        """The newest instant of the file, which stands for the export where no one says when that was."""
        happened = (
            time
            for _, _, judged in self._judged()
            if isinstance(judged, DossierRow)
            for _, time, _ in judged.said
            if time is not None and time <= now
        )
        return max(happened, default=now)


def unit_of(source: str) -> str | None:
    """The unit of a source of sheets; `None` for any other source."""
    return source.removeprefix(SOURCE) if source.startswith(SOURCE) else None


def _step_columns(values: Mapping[str, Any]) -> Iterator[tuple[Kind, str]]:
    """Columns that tell a step; a row without reception is a dossier that was submitted only."""
    yield (Kind.RECEIVED, "received_at") if "received_at" in values else (Kind.SUBMITTED, "submitted_at")
    yield Kind.SUPPLEMENT_REQUESTED, "paused_at"
    yield Kind.SUPPLEMENTED, "resumed_at"
    if outcome := values.get("outcome"):
        yield Kind(outcome), "finished_at"


def _say(values: Mapping[str, Any], steps: Mapping[Kind, datetime]) -> Iterator[Said]:
    due: Moment | None = values.get("due_at")
    submitted: Moment | None = values.get("submitted_at")
    due_at = due.by_end_of_office() if due else None
    result: bool | None = values.get("digitised_result")
    outcome = values.get("outcome") or None
    facts = Facts(
        submitted_at=submitted.at if submitted else None,
        received_at=steps.get(Kind.RECEIVED),
        due_at=due_at,
        digitised_result=None if outcome else result,
        **{name: values[name] for name in PLAIN_FACTS if name in values},
    )
    # the answer repeats the promise: without it the fold would move a date that already is the newest one
    said_at_step = {Kind.RECEIVED: facts, Kind.SUBMITTED: facts, Kind.SUPPLEMENTED: Facts(due_at=due_at)}
    if outcome:
        said_at_step[Kind(outcome)] = Facts(digitised_result=result)
    for kind, at in steps.items():
        yield kind, at, said_at_step.get(kind, Facts())
    if "rating" in values:
        yield Kind.RATED, steps[Kind(outcome)] if outcome else None, Facts(rating=values["rating"])


def _is_total(row: Row, cells: Mapping[str, str]) -> bool:
    dated = "received_at" in cells or "submitted_at" in cells
    return not dated and any(fold(tidy(cell)) in TOTALS for cell in row.cells if 0 < len(cell) < LONG)


def _raw(cells: Mapping[str, str]) -> bytes:
    """The known columns as JSON, so that a kept row can be understood without its heading."""
    short = {name: cell[:200].encode("utf-8", "replace").decode() for name, cell in cells.items()}
    return msgspec.json.encode(short)[:MAX_RAW_BYTES]


def _compact(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
