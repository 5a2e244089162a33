"""Form files that are wrong say where; points by hand; documents of a form with the same bytes each time."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from services.reporting.documents import Paper
from services.reporting.domain import FormNotInForce, UnknownForm
from services.reporting.forms import cells_of, fill, load_forms
from services.reporting.forms.sheets import decimal, points
from shared.localtime import LOCAL
from shared.measures import Share
from shared.rules import RuleError
from shared.settings import RULES
from shared.units import load_units


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    shutil.copytree(RULES, tmp_path / "rules")
    return tmp_path / "rules"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pakn.yaml", "measure: petitions_open}", "measure: petitions_opened}", r"pakn\.yaml:\d+: rows\[6\]\.measure: unknown measure 'petitions_opened'"),
        ("td-ttpvhcc-2025.yaml", "column: c8, of: c7", "column: c88, of: c7", r"rows\[13\]\.column: unknown column 'c88'"),
        ("kpi-binh-giang-2025.yaml", "target: BG-T2}", "target: BG-T77}", r"rows\[\d+\]\.target: the plan has no target 'BG-T77'"),
        ("qd-766.yaml", "weight: 20", "weight: 21", r"weight: says 21, the maxima of its rows add up to 20"),
        ("qd-766.yaml", 'minus: ["6.1.a"', 'minus: ["6.1.z"', r"minus: '6\.1\.z' is no row that counts"),
        ("pakn.yaml", '{id: "2", label', '{id: "1", label', r"1 stands twice"),
        ("ii-06a.yaml", "[c3, c4, c5, c6]", "[c3, c4, c5]", r"groups and columns must name c3"),
        ("pakn.yaml", "shape: by_measure", "shape: by_wish", r"pakn\.yaml:2: .*expected tags: 'by_field', 'by_measure'"),
        ("pakn.yaml", 'form: "PAKN"', 'form: "II.06a"', r"pakn\.yaml:\d+: valid_from: II\.06a of .*ii-06a\.yaml holds from 2020-10-21 already"),
        ("pakn.yaml", "measure: petition_on_time_rate}", "measure: petition_on_time_rate, kind: count}", r"petition_on_time_rate is a share"),
    ],
)  # fmt: skip
def test_a_wrong_form_is_named_with_file_line_and_field(rules: Path, file: str, old: str, new: str, said: str) -> None:
    path = rules / "forms" / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(RuleError, match=said):
        load_forms(rules)


def test_the_version_in_force_on_the_last_day_is_taken_and_older_days_are_shown_but_not_closed(rules: Path) -> None:
    path = rules / "forms" / "pakn.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("valid_from: 2020-10-21", "valid_from: 2020-10-21\nvalid_to: 2025-12-31"), "utf-8")
    later = text.replace("valid_from: 2020-10-21", "valid_from: 2026-01-01").replace("Biểu PAKN", "Biểu PAKN 2026")
    (rules / "forms" / "pakn-2026.yaml").write_text(later, "utf-8")
    forms = load_forms(rules)
    numbers = [forms.find("PAKN", date(*day)).rules.number_vi for day in ((2025, 12, 31), (2026, 1, 1), (2010, 1, 1))]
    assert numbers == ["Biểu PAKN", "Biểu PAKN 2026", "Biểu PAKN"]
    with pytest.raises(FormNotInForce, match="holds 2020-10-21 – 2025-12-31, from 2026-01-01"):
        forms.find("PAKN", date(2010, 1, 1), closing=True)
    with pytest.raises(UnknownForm, match=r"known: II\.06a, KPI, PAKN"):
        forms.find("PAKN2", date(2026, 1, 1))


@pytest.mark.parametrize(
    ("hit", "base", "rule", "score"),
    [
        (3, 4, (6, 100, 0), "4.50"),
        (0, 0, (6, 100, None), None),
        (0, 0, (6, 100, 6), "6.00"),
        (0, 5, (6, 100, 6), "0.00"),
        (9, 10, (6, 90, 0), "6.00"),
        (8, 10, (6, 90, 0), "5.33"),
        (79, 100, (2, 80, 0), "1.97"),  # cut: 1.975
        (9_999, 10_000, (6, 100, 0), "5.99"),
    ],
)
def test_points_by_hand(hit: int, base: int, rule: tuple[int, int, int | None], score: str | None) -> None:
    assert decimal(points(Share(hit=hit, base=base), *rule), 2) == score
    assert points(None, *rule) is None


def test_a_third_is_cut_and_never_rounded() -> None:
    assert [decimal(Fraction(2, 3), digits) for digits in (2, 4)] == ["0.66", "0.6666"]


@pytest.mark.parametrize("code", ["KPI", "QD766", "TD-PCM@kinh-te", "PAKN"])
def test_the_documents_of_a_form_have_the_same_bytes_each_time(code: str) -> None:
    form, unit, at = load_forms(RULES).newest(code), load_units(RULES).get("10966"), datetime(2026, 1, 5, tzinfo=LOCAL)
    counts = {key: 7 if key.endswith(":base") else 3 for key in cells_of(form)}
    begin, end = date(2025, 10, 1), date(2025, 12, 31)
    sheet = fill(form, "10966", begin, end, counts, today=date(2026, 1, 5))
    sheet.check_balance()
    period = "C2025-Q4" if code == "QD766" else "2025-Q4"
    report = {"figures": sheet.as_json(), "period": period, "version": 1, "supersedes": None, "fingerprint": "f"}
    made = []
    for _ in range(2):
        paper = Paper(RULES)
        content = paper.content(form, report, unit, at)
        made.append(
            (paper.write_pdf(content, at), paper.write_docx(content, at), paper.write_xlsx(form, report, unit, at))
        )
    assert made[0] == made[1]
