"""Mapping files: what they make of a sheet, and how their mistakes are named."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from services.dossier.files import OpenedFile, SheetMapping, load_mapping, open_file, stored_mapping
from shared.events.statements import Facts, Kind
from shared.rules import RuleError
from shared.settings import RULES

NOW = datetime.fromisoformat("2026-01-05T09:00:00+07:00")
UNITS = {"10966", "10510"}
knows_unit = UNITS.__contains__

SHEET = """SỔ THEO DÕI;;;;;
Số phiếu;Ngày vào sổ;Ngày ra;Tình hình;Nơi nộp;Kết quả
H24-1;03.11.25 08:30;05.11.25;Xong;Quầy;Giấy xác nhận
H24-2;04.11.25 10:00;;Còn;Cổng;
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+07:00")


def mapping(tmp_path: Path, text: str) -> SheetMapping:
    path = tmp_path / "mapping.yaml"
    path.write_text(text)
    return load_mapping(path, knows_unit)


def opened(tmp_path: Path, sheet: str, text: str, unit: str | None = "10966") -> OpenedFile:
    path = tmp_path / "so.csv"
    path.write_text(sheet)
    return open_file(path, knows_unit=knows_unit, now=NOW, unit=unit, mapping=mapping(tmp_path, text))


def refusals(file: OpenedFile) -> list[tuple[int, str, str]]:
    return [(item.line, item.refused.field, item.refused.reason) for item in file.items() if item.refused]


def problems(tmp_path: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(RuleError) as error:
        mapping(tmp_path, text)
    return [(one.line, one.field, one.reason) for one in error.value.problems]


class TestWhatItMeans:
    def test_the_stored_example_explains_a_sheet_that_no_alias_knows(self, tmp_path: Path) -> None:
        path = stored_mapping(RULES, "example")
        assert path is not None
        first, second = opened(tmp_path, SHEET, path.read_text()).items()
        received, completed = first.statements
        assert (received.dossier, received.time) == ("H24-1", at("2025-11-03T08:30:00"))
        assert received.facts == Facts(received_at=at("2025-11-03T08:30:00"), channel="direct", agency="van-phong")
        assert (completed.kind, completed.time) == (Kind.COMPLETED, at("2025-11-05T00:00:00"))
        assert [one.kind for one in second.statements] == [Kind.RECEIVED]
        assert second.statements[0].facts.channel == "online"

    def test_a_mapped_heading_goes_before_a_common_one(self, tmp_path: Path) -> None:
        sheet = "Mã hồ sơ,Số hiệu riêng,Ngày tiếp nhận\nA,B,2025-11-03\n"
        (item,) = opened(tmp_path, sheet, "headings: {'số hiệu riêng': code}").items()
        assert item.key == "B"

    def test_an_ignored_heading_is_not_read(self, tmp_path: Path) -> None:
        sheet = "Mã hồ sơ,Ngày tiếp nhận,Đánh giá\nA,2025-11-03,rất tốt\n"
        assert refusals(opened(tmp_path, sheet, "source: nothing")) == [
            (2, "rating", "is not a rating from 1 to 5: 'rất tốt'")
        ]
        assert refusals(opened(tmp_path, sheet, "headings: {'Đánh giá': ignore}")) == []

    def test_constants_fill_empty_cells_and_missing_columns_only(self, tmp_path: Path) -> None:
        sheet = "code,received_at,channel\nA,2025-11-03,post\nB,2025-11-03,\n"
        text = "constants: {channel: direct, unit: '10510', fee_due: false}"
        facts = [one.facts for item in opened(tmp_path, sheet, text, unit=None).items() for one in item.statements]
        assert [(one.channel, one.fee_due) for one in facts] == [("post", False), ("direct", False)]

    def test_the_unit_that_is_named_goes_before_the_constant(self, tmp_path: Path) -> None:
        sheet = "code,received_at\nA,2025-11-03\n"
        (item,) = opened(tmp_path, sheet, "constants: {unit: '10510'}", unit="10966").items()
        assert item.statements[0].unit == "10966"

    def test_a_constant_makes_no_dossier_of_an_empty_row(self, tmp_path: Path) -> None:
        sheet = "code,received_at,channel\nA,2025-11-03,\n,,\n"
        assert len(list(opened(tmp_path, sheet, "constants: {channel: direct}").items())) == 1

    def test_values_may_be_told_for_units_flags_and_codes(self, tmp_path: Path) -> None:
        sheet = "code,unit,received_at,fee_due,procedure,rating\nA,Bình Giang,2025-11-03,Thu,KS,Tốt\n"
        text = "values: {unit: {'bình giang': '10966'}, fee_due: {Thu: true}, procedure: {KS: '1.004873'}, rating: {Tốt: 5}}"
        (item,) = opened(tmp_path, sheet, text, unit=None).items()
        received, rated = item.statements
        assert (received.unit, received.facts.fee_due, received.facts.procedure) == ("10966", True, "1.004873")
        assert rated.facts.rating == 5

    def test_a_declared_format_is_the_only_way_to_read_a_short_date(self, tmp_path: Path) -> None:
        sheet = "code,received_at\nA,11/03/2025\nB,13/11/2025\nC,2025-11-03\n"
        file = opened(tmp_path, sheet, "dates: ['%m/%d/%Y']")
        assert [item.statements[0].time for item in file.items() if item.statements] == [
            at("2025-11-03T00:00:00"),
            at("2025-11-03T00:00:00"),
        ]
        assert refusals(file) == [(3, "received_at", "is not a date as the mapping writes it: '13/11/2025'")]

    def test_a_heading_that_is_a_sign_can_be_mapped(self, tmp_path: Path) -> None:
        (item,) = opened(tmp_path, "№,Ngày tiếp nhận\nA,2025-11-03\n", "headings: {№: code}").items()
        assert item.key == "A"


class TestMistakes:
    def test_all_mistakes_are_named_with_line_and_field(self, tmp_path: Path) -> None:
        text = (
            "headings:\n  Số phiếu: kode\n  SO PHIEU: code\n"
            "values:\n  channel:\n    Cổng: onlin\n  due_at:\n    x: y\n  unit:\n    Xã: '99999'\n"
            "dates:\n  - '%d/%m'\n  - '%Q'\n  - '%d/%m/%Y %M:%H'\n"
            "constants:\n  received_at: '2025-11-03'\n  rating: 9\n"
        )
        found = problems(tmp_path, text)
        assert [(line, field) for line, field, _ in found] == [
            (2, "headings.Số phiếu"), (3, "headings.SO PHIEU"), (6, "values.channel.Cổng"), (7, "values.due_at"),
            (10, "values.unit.Xã"), (12, "dates[0]"), (13, "dates[1]"), (14, "dates[2]"),
            (16, "constants.received_at"), (17, "constants.rating"),
        ]  # fmt: skip
        reasons = [reason for *_, reason in found]
        assert reasons[0].startswith("'kode' is no column (use one of: code, unit, procedure,")
        assert reasons[1] == "is the same heading as 'Số phiếu' (case and diacritics aside; remove one)"
        assert (
            reasons[2]
            == "unknown value 'onlin' (use one of: direct (trực tiếp), online (trực tuyến), post (bưu chính))"
        )
        assert reasons[4] == "unknown unit '99999' (use its five-digit code, in quotes)"
        assert reasons[6] == "holds %Q, which is not known here (write it like %d.%m.%Y %H:%M)"

    @pytest.mark.parametrize(
        ("text", "line", "field", "reason"),
        [
            ("heading:\n  a: code\n", 1, "heading", "is not a field known here"),
            ("constants:\n  unit: '10966'\n  kode: x\n", 3, "constants.kode", "cannot be the same for all rows"),
            ("headings: [code]\n", 1, "headings", "object"),
            ("headings:\n  a: code\n  a: unit\n", 3, "", "duplicate key"),
            ("headings: {a: code\n", 2, "", "is not YAML"),
            ("", 1, "", "the file is empty"),
            ("a: &x [1]\nb: [*x, *x]\n", 2, "", "uses a YAML alias"),
            ("headings:\n" + "".join(f"  h{n}: ignore\n" for n in range(6000)), 1, "", "is larger than 65,536 bytes"),
            ("[" * 5000, 1, "", "is not YAML"),
        ],
    )  # fmt: skip
    def test_each_mistake_has_its_place(self, tmp_path: Path, text: str, line: int, field: str, reason: str) -> None:
        found = problems(tmp_path, text)
        assert found[0][:2] == (line, field)
        assert reason in found[0][2]

    def test_a_mapping_that_came_from_elsewhere_is_called_by_its_own_name(self, tmp_path: Path) -> None:
        path = tmp_path / "upload-17"
        path.write_text("headings: {a: kode}")
        with pytest.raises(RuleError, match=r"^mapping:1: headings\.a: 'kode' is no column"):
            load_mapping(path, knows_unit, "mapping")

    @pytest.mark.parametrize("name", ["../units", "/etc/passwd", "example.yaml", "", "EXAMPLE", "none-such"])
    def test_only_plain_names_of_stored_files_are_found(self, name: str) -> None:
        assert stored_mapping(RULES, name) is None
