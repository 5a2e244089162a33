"""Small sheets and records for tests of files, and what was read of them."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from services.dossier.files import Item, OpenedFile, open_file
from shared.events.statements import Kind, Statement

NOW = datetime.fromisoformat("2026-01-05T09:00:00+07:00")
BINH_GIANG, THANH_DONG, BA_DINH = "10966", "10510", "00004"
UNITS = {BINH_GIANG, THANH_DONG, BA_DINH}

HEADING = [
    "code",
    "unit",
    "procedure",
    "procedure_name",
    "field",
    "agency",
    "channel",
    "service_level",
    "applicant",
    "submitted_at",
    "received_at",
    "due_at",
    "paused_at",
    "resumed_at",
    "finished_at",
    "outcome",
    "fee_due",
    "paid_online",
    "digitised_input",
    "digitised_result",
    "rating",
]
OPEN_ROW = {"code": "H24.103-251103-0012", "unit": BINH_GIANG, "received_at": "2025-11-03T08:30:00+07:00"}
DONE_ROW = OPEN_ROW | {"finished_at": "2025-11-05T16:00:00+07:00", "outcome": "completed"}
Open = Callable[..., OpenedFile]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+07:00")


def csv_of(*rows: dict[str, str], heading: Sequence[str] = HEADING, delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, heading, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


Open = Callable[..., OpenedFile]


def said(file: OpenedFile) -> list[Statement]:
    return [statement for item in file.items() for statement in item.statements]


def refusals(file: OpenedFile) -> list[tuple[int, str, str]]:
    return [(item.line, item.refused.field, item.refused.reason) for item in file.items() if item.refused]


def only(file: OpenedFile) -> Item:
    (item,) = file.items()
    return item


def by_kind(file: OpenedFile) -> dict[Kind, Statement]:
    return {statement.kind: statement for statement in said(file)}


def read(path: Path, **options: Any) -> OpenedFile:
    return open_file(path, knows_unit=UNITS.__contains__, now=NOW, **options)


def a_record(n: int = 1, **data: Any) -> str:
    facts = {"unit": BINH_GIANG, "dossier": f"H24-{n}", "received_at": "2025-11-03T08:30:00+07:00"} | data
    event = {
        "specversion": "1.0", "id": f"r-{n}", "source": "/onestop/31/10966", "type": "vn.motcua.onestop.received.v1",
        "time": f"2025-11-03T08:30:{n:02d}+07:00", "data": facts,
    }  # fmt: skip
    return json.dumps(event, ensure_ascii=False)
