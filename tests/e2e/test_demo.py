"""The demo, played until the third quarter is closed: what it prints and what it leaves must tell the same figures."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from tests.e2e.running import MOTCUA

DAYS_UNTIL_Q3_IS_CLOSED = 77  # 1 July to 15 September
FIELDS = re.compile(r"^│(?P<cells>.+)│$")


def tables(printed: str) -> dict[str, list[dict[str, int]]]:
    """Rows of every II.06a table by its title, the total last."""
    found: dict[str, list[dict[str, int]]] = {}
    title = ""
    for line in printed.splitlines():
        if line.startswith("II.06a"):
            title = line.strip()
            found[title] = []
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        if title and line.startswith("│") and len(cells) == 12 and all(cell.isdigit() for cell in cells[1:]):
            found[title].append({f"c{number}": int(cell) for number, cell in enumerate(cells[1:], 3)})
    return found


@pytest.mark.slow
def test_the_demo_prints_balanced_reports_and_leaves_the_same_figures_as_files(place: Path) -> None:
    data = place / "demo"
    done = subprocess.run(
        [MOTCUA, "demo", "--data", data, "--days", str(DAYS_UNTIL_Q3_IS_CLOSED)],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    printed = tables(done.stdout)
    assert sorted(printed) == [
        "II.06a · Phường Thành Đông · 2025-07-01 → 2025-09-14",
        "II.06a · Xã Bình Giang · 2025-07-01 → 2025-09-14",
    ]
    for rows in printed.values():
        *fields, total = rows
        assert len(fields) >= 5 and total["c3"] > 100
        assert total == {column: sum(row[column] for row in fields) for column in total}
        for row in rows:
            assert row["c3"] == row["c4"] + row["c5"] + row["c6"] == row["c7"] + row["c11"]
            assert row["c7"] == row["c8"] + row["c9"] + row["c10"]
            assert row["c11"] == row["c12"] + row["c13"]
            assert row["c6"] == 0  # the units were founded on the first day of the period
    sheets = sorted((data / "out" / "reports").glob("II.06a_*_2025-Q3_v1.xlsx"))
    assert [path.name.split("_")[1] for path in sheets] == ["10510", "10966"]
    for path in sheets:
        for other in ("docx", "pdf"):
            assert path.with_suffix(f".{other}").stat().st_size > 10_000
        checked = subprocess.run([MOTCUA, "report", "verify", path], capture_output=True, text=True, timeout=60)
        assert checked.returncode == 0 and checked.stdout.startswith("genuine"), checked.stderr
    for path, title in zip(sheets, sorted(printed), strict=True):
        rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
        (total,) = [row for row in rows if "Tổng số" in row[:2] and any(isinstance(cell, float) for cell in row)]
        assert [int(cell) for cell in total if isinstance(cell, float)] == list(printed[title][-1].values())
    for unit in ("10510", "10966"):
        alerts = [
            json.loads(line) for line in (data / "out" / "alerts" / f"{unit}.jsonl").read_text("utf-8").splitlines()
        ]
        assert {"dossier-overdue", "dossier-due-soon", "report-closed"} <= {one["rule"] for one in alerts}
        # a day of warnings is one message: one working day, one line
        assert len([one for one in alerts if one["rule"] == "dossier-due-soon"]) <= 55
    assert "Lịch báo cáo · Xã Bình Giang" in done.stdout and "quá hạn" not in done.stdout.split("Lịch báo cáo")[1]
    assert "BG-T2" in done.stdout and "kỳ kế hoạch" in done.stdout
    again = subprocess.run([MOTCUA, "demo", "--data", place], capture_output=True, text=True, timeout=60)
    assert (
        again.returncode == 2 and again.stderr.count("\n") == 1 and "holds something that is not a demo" in again.stderr
    )
