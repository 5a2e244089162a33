"""The catalogue: what the rule files hold, what they refuse, and what a published sheet hides."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from services.cli import app
from shared.limits import Limit, LimitUnit, parse_limits
from shared.procedure_sheet import UnreadableSheet, check_sheet
from shared.procedures import load_catalogue, load_clock_rules, normalise_code, normalise_name
from shared.rules import RuleError

RULES = Path(__file__).parents[3] / "deploy" / "rules"
catalogue = load_catalogue(RULES)
IN_FORCE = date(2025, 11, 3)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("2.000815", "2.000815"),
        ("2.000815.H19", "2.000815"),
        ("2.000815.000.00.00.H55", "2.000815"),
        ("2.000815.01", "2.000815"),
        (" 1.004873 ", "1.004873"),
        ("TS_lop1.000.00.00.H22", None),
        ("2.0008155", None),
        ("", None),
    ],
)
def test_suffixes_are_no_part_of_a_code(written: str, code: str | None) -> None:
    assert normalise_code(written) == code


def test_a_name_loses_its_code_its_full_stop_and_its_double_spaces() -> None:
    assert normalise_name("Tham vấn  trong\nđánh giá (1.010736)", "1.010736") == "Tham vấn trong đánh giá"
    assert normalise_name("1.010736 - Tham vấn.", "1.010736") == "Tham vấn"
    assert normalise_name("Tham va\u0302\u0301n") == "Tham vấn"


@pytest.mark.parametrize(
    ("old", "new"),
    [("1.003559", "1.004873"), ("1.001640", "1.001193"), ("2.001682", "1.001612"), ("1.009122", "1.013225")],
)
def test_an_older_code_finds_its_procedure(old: str, new: str) -> None:
    found = catalogue.find(f"{old}.000.00.00.H24", IN_FORCE)
    assert found is not None and found.procedure.code == new


@pytest.mark.parametrize(
    ("code", "channel", "limits"),
    [
        ("1.004837", "online", "3 ngày làm việc"),
        ("1.013225", "direct", "15 ngày"),
        ("1.013225", "online", "20 ngày"),
        ("1.013978", "post", "20 ngày làm việc"),
        ("1.001612", "direct", "3 ngày làm việc"),  # confirmed: the published field is silent
        ("1.000894", "direct", "trong ngày / 5 ngày làm việc"),
        ("2.001159", "online", "1 giờ"),
    ],
)
def test_a_statutory_limit_belongs_to_a_channel(code: str, channel: str, limits: str) -> None:
    found = catalogue.find(code, IN_FORCE)
    assert found is not None and found.statutory(channel) == parse_limits(limits)


def test_a_number_without_a_unit_is_no_limit_and_an_absent_channel_is_not_offered() -> None:
    birth, copies = catalogue.find("1.001193", IN_FORCE), catalogue.find("2.000815", IN_FORCE)
    assert birth is not None and birth.statutory("direct") == () and birth.is_offered("online")
    assert copies is not None and copies.is_offered("direct") and not copies.is_offered("online")


def test_the_civil_status_law_of_2026_ends_the_versions_known_now() -> None:
    assert catalogue.find("1.004873", date(2027, 2, 28)) is not None
    assert catalogue.find("1.004873", date(2027, 3, 1)) is None
    assert catalogue.find("1.004837", date(2025, 6, 30)) is None


def test_the_catalogue_holds_every_common_procedure_of_a_ward() -> None:
    fields = Counter(one.field for one in catalogue.procedures.values())
    assert len(catalogue.procedures) == 73
    assert (fields["Hộ tịch"], fields["Chứng thực"], fields["Đất đai"], fields["Hoạt động xây dựng"]) == (20, 9, 7, 5)
    assert fields["Thành lập và hoạt động doanh nghiệp (hộ kinh doanh)"] == 5


def test_the_simulator_plays_procedures_of_the_catalogue() -> None:
    scenario = YAML(typ="safe").load(RULES / "simulation" / "haiphong-2025.yaml")
    for played in scenario["procedures"]:
        found = catalogue.find(played["code"], date.fromisoformat(scenario["begin"]))
        assert found is not None, played["code"]
        assert (found.procedure.name, found.procedure.field) == (played["name"], played["field"])
        # its own head says: calendar days are converted to working days, numbers without a unit taken as such
        for channel, limit in (("direct", played["limit"]), ("online", played.get("limit_online", played["limit"]))):
            stated = found.statutory(channel)
            fits = (abs(limit - _working_days(one)) < 1 for one in stated)
            assert not stated or any(fits), (played["code"], channel)


def _working_days(limit: Limit) -> float:
    return limit.amount * 5 / 7 if limit.unit is LimitUnit.DAY else limit.amount


HEAD = 'id: test\nsource: "thử"\nprocedures:\n'
ONE = """  - code: "{code}"
    name: "{name}"
    field: "Hộ tịch"
    levels: [commune]
    versions:
      - valid_from: 2025-07-01
        published: {{all: "{time}"}}
"""


def folder_with(place: Path, **files: str) -> Path:
    (place / "procedures").mkdir()
    for name, text in files.items():
        (place / "procedures" / f"{name}.yaml").write_text(HEAD + text, "utf-8")
    return place


def problems(place: Path, **files: str) -> list[str]:
    with pytest.raises(RuleError) as caught:
        load_catalogue(folder_with(place, **files))
    return [str(one).replace(f"{place}/procedures/", "") for one in caught.value.problems]


def one(code: str = "1.000001", name: str = "Đăng ký", time: str = "3 ngày") -> str:
    return ONE.format(code=code, name=name, time=time)


def test_a_code_in_two_files_is_refused_with_file_line_and_field(tmp_path: Path) -> None:
    [said] = problems(tmp_path, a=one(), b=one(code="1.000002", name="Khác") + one())
    assert said == "b.yaml:11: procedures[1].code: 1.000001 stands twice, also in a.yaml (remove one)"


def test_a_name_under_two_codes_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, a=one() + one(code="1.000002", name="ĐĂNG KÝ")) == [
        "a.yaml:12: procedures[1].name: is also the name of 1.000001 (one of them is another page's: ask)"
    ]


def test_versions_that_overlap_and_limits_that_say_nothing_are_refused(tmp_path: Path) -> None:
    later = '      - valid_from: 2026-01-01\n        published: {all: "ba ngày"}\n'
    assert "a.yaml:12: procedures[0].versions[1].published.all: 'ba ngày' is no limit" in " ".join(
        problems(tmp_path, a=one() + later)
    )
    (tmp_path / "procedures" / "a.yaml").write_text(HEAD + one() + later.replace("ba ngày", "3 ngày"), "utf-8")
    with pytest.raises(RuleError, match=r"a\.yaml:11: procedures\[0\]\.versions\[1\]\.valid_from: .* has no end"):
        load_catalogue(tmp_path)


def test_a_confirmed_limit_needs_its_text(tmp_path: Path) -> None:
    confirmed = one() + '        confirmed: {all: "3 ngày làm việc"}\n'
    assert "confirmed needs confirmed_by" in " ".join(problems(tmp_path, a=confirmed))


def test_clock_rules_hold_since_the_decree() -> None:
    rules = load_clock_rules(RULES)
    assert rules.on(date(2025, 6, 30)) is None
    found = rules.on(date(2025, 7, 1))
    assert found is not None
    assert [str(found.intake_limit(channel)) for channel in ("online", "direct", "post")] == [
        "8 giờ làm việc", "1 ngày làm việc", "1 ngày làm việc",
    ]  # fmt: skip


SHEET = """code,name,field,level,decision,ministry,t_direct,t_online,t_post
1.000001,Một,Hộ tịch,Cấp xã,1/QĐ,bo,3 Ngày làm việc,3 Ngày làm việc,3 Ngày làm việc
1.000002.H19,"Hai
dòng.",Hộ tịch,"Cấp tỉnh, Cấp xã",1/QĐ,bo,05 ngày,05 ngày làm việc,
1.000003,Ba  (1.000003),Hộ tịch,Cấp xã,,bo,1,1200,Không có thông tin
1.000004,Bốn,Hộ tịch,Cấp xã,1/QĐ,bo,8 Giờ,5 / 30 ngày làm việc,5 năm
1.000001,Một nữa,Hộ tịch,Cấp xã,1/QĐ,bo,,,
1.000005,Sáu,Hộ tịch,Cấp huyện,1/QĐ,bo,1 giờ,1 giờ,1 giờ
1.000006,Bảy,Hộ tịch,Cấp xã,1/QĐ,bo,2 ngày,2 ngày,2 ngày
1.000007,bảy.,Hộ tịch,Cấp xã,1/QĐ,bo,2 ngày,2 ngày,2 ngày
TS_lop1,Tám,Hộ tịch,Cấp xã,1/QĐ,bo,2 ngày,2 ngày,2 ngày
1.000008,Chín,Hộ tịch,Cấp xã
"""
TRAPS = [
    (2, "code", "code_twice"),
    (3, "code", "code_suffix"), (3, "name", "name_full_stop"), (3, "name", "name_line_break"),
    (3, "t_direct", "time_by_channel"), (3, "t_direct", "unit_mixed"), (3, "t_post", "channel_absent"),
    (5, "decision", "decision_missing"), (5, "name", "name_has_code"), (5, "name", "name_spaces"),
    (5, "t_direct", "time_by_channel"), (5, "t_direct", "unit_unknown"), (5, "t_online", "number_impossible"),
    (5, "t_online", "unit_unknown"), (5, "t_post", "no_information"),
    (6, "t_direct", "time_by_channel"), (6, "t_direct", "unit_hour"), (6, "t_online", "several_limits"),
    (6, "t_post", "time_unreadable"),
    (7, "code", "code_twice"), (7, "t_direct", "time_missing"),
    (8, "level", "level_unknown"), (8, "t_direct", "unit_hour"), (8, "t_online", "unit_hour"), (8, "t_post", "unit_hour"),
    (9, "name", "name_shared"), (10, "name", "name_full_stop"), (10, "name", "name_shared"),
    (11, "code", "code_local"), (12, "row", "bad_row"),
]  # fmt: skip


def test_every_trap_of_a_sheet_is_named_with_its_line(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(SHEET, "utf-8")
    checked = check_sheet(sheet)
    assert [(trap.line, trap.column, trap.code) for trap in checked.traps] == TRAPS
    assert (checked.read, [row.line for row in checked.rows]) == (10, [3, 5])


def test_an_import_writes_a_file_that_the_catalogue_takes(tmp_path: Path) -> None:
    sheet, out = tmp_path / "sheet.csv", tmp_path / "procedures" / "nhap.yaml"
    sheet.write_text(SHEET, "utf-8")
    out.parent.mkdir()
    command = ["procedures", "import", str(sheet), "--out", str(out), "--valid-from", "2026-07-20"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 3, done.output
    assert f"{sheet}: line 7: code: 1.000001 stands also on line 2" in done.output
    taken = load_catalogue(tmp_path)
    assert sorted(taken.procedures) == ["1.000002", "1.000003"]
    found = taken.find("1.000002", date(2026, 7, 20))
    assert found is not None and found.procedure.name == "Hai dòng"
    assert (str(found.statutory("direct")[0]), str(found.statutory("online")[0])) == ("5 ngày", "5 ngày làm việc")
    assert not found.is_offered("post")
    assert taken.find("1.000002", date(2026, 7, 19)) is None
    assert type(CliRunner().invoke(app, command).exception).__name__ == "CommandFailed"


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", "Tên".encode("utf-16")])
def test_what_is_no_sheet_of_procedures_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableSheet, match=r"columns missing|is not UTF-8"):
        check_sheet(path)


def test_the_published_sheet_has_the_traps_that_were_counted_by_hand(shared_data: Path) -> None:
    """The figures of the study of the portal's 588 pages, not of this code."""
    checked = check_sheet(shared_data / "procedures_commune.csv")
    counts = Counter(trap.code for trap in checked.traps)
    assert checked.read == 588
    assert (counts["unit_unknown"], counts["no_information"], counts["time_missing"]) == (386, 58, 13)
    assert (counts["time_by_channel"], counts["name_shared"]) == (46, 10 + 7)
    assert len({trap.line for trap in checked.traps if trap.code == "not_nfc"}) == 25


def test_the_published_times_have_the_units_that_were_counted_by_hand(shared_data: Path) -> None:
    with (shared_data / "procedures_commune.csv").open(encoding="utf-8-sig", newline="") as file:
        times = [row[f"t_{name}"] for row in csv.DictReader(file) for name in ("direct", "online", "post")]
    units = Counter(limit.unit.value for text in times for limit in parse_limits(text))
    assert units == {"working_day": 695, "day": 245, "hour": 59, "unknown": 386}
