"""Workbooks as sheets."""

import gzip
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.dossier.files import FileUnreadable
from shared.events.statements import Facts, Kind
from tests.unit.dossier.filing import BA_DINH, BINH_GIANG, at, by_kind, only, read, refusals


def sheet_file(path: Path, fill: Callable[[Any, Any], None]) -> Path:
    with xlsxwriter.Workbook(path) as workbook:
        fill(workbook, workbook.add_worksheet())
    return path


class TestXlsx:
    def test_cells_of_every_type_are_read(self, tmp_path: Path) -> None:
        def fill(workbook: Any, sheet: Any) -> None:
            day_and_time = workbook.add_format({"num_format": "dd/mm/yyyy hh:mm"})
            day = workbook.add_format({"num_format": "dd/mm/yyyy"})
            sheet.write_row(
                0, 0, ["code", "unit", "received_at", "due_at", "fee_due", "digitised_input", "rating", "channel"]
            )
            sheet.write_row(1, 0, [101004113298, 4])
            sheet.write_datetime(1, 2, datetime(2025, 11, 3, 8, 37, 41), day_and_time)
            sheet.write_datetime(1, 3, datetime(2025, 11, 6), day)
            sheet.write_row(1, 4, [True, 0, 5, "Trực tiếp"])

        kinds = by_kind(read(sheet_file(tmp_path / "so.csv", fill)))
        received = kinds[Kind.RECEIVED]
        assert (received.dossier, received.unit, received.time) == ("101004113298", BA_DINH, at("2025-11-03T08:37:41"))
        assert received.facts == Facts(
            received_at=at("2025-11-03T08:37:41"), due_at=at("2025-11-06T17:00:00"),
            fee_due=True, digitised_input=False, channel="direct",
        )  # fmt: skip
        assert kinds[Kind.RATED].facts.rating == 5

    def test_a_heading_merged_over_rows_and_columns_is_found_below_its_title(self, tmp_path: Path) -> None:
        def fill(workbook: Any, sheet: Any) -> None:
            sheet.merge_range("B1:H1", "SỔ THEO DÕI HỒ SƠ NĂM 2025")
            sheet.merge_range("B4:B5", "STT")
            sheet.merge_range("C4:C5", "Mã hồ sơ")
            sheet.merge_range("D4:E4", "Ngày")
            sheet.merge_range("F4:G4", "Giải quyết")
            sheet.write_row("D5", ["tiếp nhận", "hẹn trả", "Ngày kết thúc", "Kết quả"])
            sheet.write_row("B6", ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)"])
            sheet.write_row("B7", [1, "H24-1", "03/11/2025", "06/11/2025", "05/11/2025", "Hoàn thành"])
            sheet.write_row("B9", [2, "H24-2", "32/11/2025"])
            sheet.write("B10", "Tổng cộng")

        file = read(sheet_file(tmp_path / "so.xlsx", fill), unit=BINH_GIANG)
        assert file.kind == "sheet"
        assert refusals(file) == [(9, "received_at", "is not a date that exists: '32/11/2025'")]
        assert [(item.line, item.key) for item in file.items() if item.statements] == [(7, "H24-1")]
        kinds = by_kind(file)
        assert kinds[Kind.RECEIVED].facts.due_at == at("2025-11-06T17:00:00")
        assert kinds[Kind.COMPLETED].time == at("2025-11-05T00:00:00")

    def test_the_worksheet_with_the_heading_is_taken_wherever_it_stands(self, tmp_path: Path) -> None:
        def fill(workbook: Any, sheet: Any) -> None:
            sheet.write(0, 0, "Ghi chú")
            second = workbook.add_worksheet("Sổ")
            second.write_row(0, 0, ["code", "unit", "received_at"])
            second.write_row(1, 0, ["A", BINH_GIANG, "2025-11-03"])

        assert only(read(sheet_file(tmp_path / "so.xlsx", fill))).key == "A"

    def test_a_missing_column_is_named(self, tmp_path: Path) -> None:
        path = sheet_file(tmp_path / "so.xlsx", lambda _, sheet: sheet.write_row(0, 0, ["code", "unit"]))
        with pytest.raises(FileUnreadable, match=r"misses the required column received_at.*ngày tiếp nhận"):
            read(path)

    def test_an_xlsx_may_be_gzipped(self, tmp_path: Path) -> None:
        def fill(_: Any, sheet: Any) -> None:
            sheet.write_row(0, 0, ["code", "unit", "received_at"])
            sheet.write_row(1, 0, ["A", BINH_GIANG, "2025-11-03"])

        path = sheet_file(tmp_path / "so.xlsx", fill)
        path.write_bytes(gzip.compress(path.read_bytes()))
        assert only(read(path)).key == "A"
