"""How a CSV sheet is read: encodings, headings, the source it becomes, files that are none."""

import gzip
import tracemalloc
import zipfile
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from services.dossier.files import FileUnreadable
from services.dossier.files.columns import COLUMNS, column_of, fold
from shared.events.statements import Facts, Kind
from tests.unit.dossier.filing import (
    BA_DINH,
    BINH_GIANG,
    DONE_ROW,
    HEADING,
    OPEN_ROW,
    THANH_DONG,
    Open,
    a_record,
    at,
    by_kind,
    csv_of,
    read,
    refusals,
    said,
)

WITH_DIACRITICS = OPEN_ROW | {"field": "Hộ tịch", "procedure_name": "Đăng ký kết hôn ở xã"}


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_a_sheet_may_come_in_every_unicode(self, opened: Open, encoding: str) -> None:
        mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
        facts = said(opened((mark + csv_of(WITH_DIACRITICS)).encode(encoding)))[0].facts
        assert (facts.field, facts.procedure_name) == ("Hộ tịch", "Đăng ký kết hôn ở xã")

    def test_windows_1258_becomes_composed_vietnamese(self, opened: Open) -> None:
        # Windows-1258 writes a letter and its tone apart: ộ is ô (F4) and a dot below (F2)
        content = csv_of(OPEN_ROW | {"field": "FIELD"}).encode().replace(b"FIELD", b"H\xf4\xf2 ti\xf2ch")
        assert said(opened(content))[0].facts.field == "Hộ tịch"

    def test_decomposed_text_and_invisible_signs_are_tidied(self, opened: Open) -> None:
        row = OPEN_ROW | {"code": "\u200bH24-1\u00a0", "field": "Ho\u0323\u0302  ti\u0323ch\x00"}
        (statement,) = said(opened(row))
        assert (statement.dossier, statement.facts.field) == ("H24-1", "Hộ tịch")

    def test_one_bad_byte_in_a_utf_8_sheet_costs_its_own_row_only(self, opened: Open) -> None:
        lines = csv_of(WITH_DIACRITICS, WITH_DIACRITICS, WITH_DIACRITICS).encode().splitlines()
        lines[2] = lines[2].replace("ộ".encode(), b"\xf4\xf2")
        file = opened(b"\n".join(lines))
        assert refusals(file) == [(3, "row", "is not UTF-8 text")]
        assert [one.facts.field for one in said(file)] == ["Hộ tịch", "Hộ tịch"]

    def test_text_in_no_known_encoding_cannot_be_read(self, opened: Open) -> None:
        content = csv_of(OPEN_ROW | {"field": "FIELD"}).encode().replace(b"FIELD", "登録申請".encode("shift-jis"))
        with pytest.raises(FileUnreadable, match=r"unknown encoding.*CSV UTF-8"):
            opened(content)

    def test_utf_16_that_breaks_off_cannot_be_read(self, opened: Open) -> None:
        with pytest.raises(FileUnreadable, match="UTF-16"):
            opened(csv_of(OPEN_ROW).encode("utf-16")[:-1])


VIETNAMESE_ROW = {
    "Mã hồ sơ": "H24-1",
    "Mã đơn vị": "10966",
    "Mã TTHC": "1.004873",
    "Tên thủ tục": "Đăng ký khai sinh",
    "Lĩnh vực": "Hộ tịch",
    "Phòng chuyên môn": "van-phong",
    "Hình thức tiếp nhận": "Trực tuyến",
    "Mức độ": "Toàn trình",
    "Loại đối tượng": "Người dân",
    "Ngày nộp": "02/11/2025",
    "Ngày tiếp nhận": "03/11/2025 08:30",
    "Ngày hẹn trả": "06/11/2025",
    "Ngày yêu cầu bổ sung": "",
    "Ngày bổ sung": "",
    "Ngày kết thúc": "05/11/2025 16:00",
    "Kết quả": "Đã giải quyết",
    "Có phí": "Có",
    "Thanh toán trực tuyến": "Không",
    "Số hóa hồ sơ": "x",
    "Số hóa kết quả": "0",
    "Mức độ hài lòng": "5",
}


class TestHeadings:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_the_delimiter_is_told_by_the_heading(self, opened: Open, delimiter: str) -> None:
        row = OPEN_ROW | {"procedure_name": "Cấp; đổi, gia hạn\tthẻ"}
        (statement,) = said(opened(csv_of(row, delimiter=delimiter)))
        assert statement.facts.procedure_name == "Cấp; đổi, gia hạn thẻ"

    @pytest.mark.parametrize("plain", [False, True], ids=["with diacritics", "without"])
    def test_a_vietnamese_sheet_is_understood(self, opened: Open, plain: bool) -> None:
        row = {fold(name).upper() + " " if plain else name: cell for name, cell in VIETNAMESE_ROW.items()}
        kinds = by_kind(opened(csv_of(row, heading=list(row))))
        assert list(kinds) == [Kind.RECEIVED, Kind.COMPLETED, Kind.RATED]
        assert kinds[Kind.RECEIVED].facts == Facts(
            procedure="1.004873", procedure_name="Đăng ký khai sinh", field="Hộ tịch", agency="van-phong",
            channel="online", service_level="full", applicant="citizen", submitted_at=at("2025-11-02T00:00:00"),
            received_at=at("2025-11-03T08:30:00"), due_at=at("2025-11-06T17:00:00"),
            fee_due=True, paid_online=False, digitised_input=True,
        )  # fmt: skip
        assert kinds[Kind.COMPLETED].facts == Facts(digitised_result=False)
        assert kinds[Kind.RATED].facts == Facts(rating=5)

    @pytest.mark.parametrize(
        ("words", "column"),
        [
            ("Số hồ sơ", "code"), ("ma  so ho so", "code"), ("Mã thủ tục", "procedure"), ("Kênh tiếp nhận", "channel"),
            ("Ngày hẹn trả kết quả", "due_at"), ("NGÀY TRẢ KẾT QUẢ", "finished_at"), ("ngày hoàn thành", "finished_at"),
            ("Ngày tiếp nhận (dd/mm/yyyy)", "received_at"), ("Received_At", "received_at"), ("Trạng thái", "outcome"),
        ],
    )  # fmt: skip
    def test_headings_have_aliases(self, words: str, column: str) -> None:
        found = column_of(words)
        assert found is not None and found[0] == column

    def test_no_heading_means_two_columns(self) -> None:
        headings = Counter(fold(words) for column in COLUMNS.values() for words in {column.name, *column.headings})
        assert [words for words, count in headings.items() if count > 1] == []

    def test_the_columns_are_those_of_the_contract(self) -> None:
        assert list(COLUMNS) == HEADING

    @pytest.mark.parametrize(
        ("cell", "channel"),
        [("Trực tiếp", "direct"), ("truc tuyen", "online"), ("Bưu chính công ích", "post"), ("DIRECT", "direct")],
    )
    def test_values_come_in_vietnamese_too(self, opened: Open, cell: str, channel: str) -> None:
        assert said(opened(OPEN_ROW | {"channel": cell}))[0].facts.channel == channel

    @pytest.mark.parametrize(
        ("cell", "kind"),
        [("Hoàn thành", Kind.COMPLETED), ("Đã trả kết quả", Kind.COMPLETED), ("Trả lại", Kind.RETURNED),
         ("Công dân yêu cầu rút hồ sơ", Kind.WITHDRAWN), ("Dừng xử lý", Kind.STOPPED)],
    )  # fmt: skip
    def test_outcomes_come_in_vietnamese_too(self, opened: Open, cell: str, kind: Kind) -> None:
        assert kind in by_kind(opened(DONE_ROW | {"outcome": cell}))

    def test_a_status_of_an_open_dossier_is_no_outcome(self, opened: Open) -> None:
        assert list(by_kind(opened(OPEN_ROW | {"outcome": "Đang giải quyết"}))) == [Kind.RECEIVED]

    def test_of_two_columns_with_one_meaning_the_stronger_filled_one_counts(self, opened: Open) -> None:
        heading = ["Mã hồ sơ", "Ngày tiếp nhận", "Ngày trả kết quả", "Ngày kết thúc", "Kết quả"]
        rows = "A,03/11/2025,07/11/2025,05/11/2025,hoàn thành\nB,03/11/2025,07/11/2025,,hoàn thành\n"
        file = opened(",".join(heading) + "\n" + rows, unit=BINH_GIANG)
        finishes = [one.time.date() for one in said(file) if one.kind is Kind.COMPLETED]
        assert finishes == [date(2025, 11, 5), date(2025, 11, 7)]

    def test_titles_above_and_numbers_below_the_heading_are_skipped(self, opened: Open) -> None:
        text = (
            "SỔ THEO DÕI HỒ SƠ;;\n;;\nMã hồ sơ;Mã đơn vị;Ngày tiếp nhận\n(1);(2);(3)\n"
            "A;10966;03/11/2025\n;;\nB;10966;04/11/2025\n"
        )
        assert [(item.line, item.key) for item in opened(text).items()] == [(5, "A"), (7, "B")]

    @pytest.mark.parametrize("missing", ["code", "received_at", "unit"])
    def test_a_missing_column_is_named_with_its_accepted_headings(self, opened: Open, missing: str) -> None:
        heading = [name for name in HEADING if name != missing]
        with pytest.raises(FileUnreadable) as unreadable:
            opened(csv_of(heading=heading))
        assert unreadable.value.reason == f"misses the required column {missing}"
        assert COLUMNS[missing].headings[0] in unreadable.value.advice

    @pytest.mark.parametrize(("missing", "present"), [("finished_at", "outcome"), ("outcome", "finished_at")])
    def test_an_outcome_and_its_date_need_each_other(self, opened: Open, missing: str, present: str) -> None:
        with pytest.raises(FileUnreadable, match=f"misses the required column {missing}"):
            opened(csv_of(heading=["code", "unit", "received_at", present]))

    def test_all_other_columns_may_be_missing(self, opened: Open) -> None:
        (statement,) = said(opened("code,received_at\nA,2025-11-03\n", unit=THANH_DONG))
        assert (statement.unit, statement.facts) == (THANH_DONG, Facts(received_at=at("2025-11-03T00:00:00")))

    def test_the_given_unit_fills_empty_cells_only(self, opened: Open) -> None:
        file = opened(OPEN_ROW | {"unit": ""}, OPEN_ROW, unit=THANH_DONG)
        assert [one.unit for one in said(file)] == [THANH_DONG, BINH_GIANG]

    def test_a_unit_whose_leading_zeros_a_spreadsheet_dropped_is_found(self, opened: Open) -> None:
        assert said(opened(OPEN_ROW | {"unit": "4"}))[0].unit == BA_DINH

    def test_a_sheet_of_nothing_but_its_heading_is_empty(self, opened: Open) -> None:
        file = opened(csv_of())
        assert (list(file.items()), dict(file.sources()), file.total) == ([], {}, 0)


class TestSources:
    def test_a_sheet_is_heard_up_to_its_newest_statement_per_unit(self, opened: Open) -> None:
        file = opened(DONE_ROW, OPEN_ROW | {"unit": THANH_DONG, "due_at": "2025-12-31"})
        list(file.items())
        assert dict(file.sources()) == {
            "/sheet/10966": at("2025-11-05T16:00:00"),
            "/sheet/10510": at("2025-11-03T08:30:00"),
        }

    def test_a_statement_ahead_of_now_does_not_count_as_heard(self, opened: Open) -> None:
        file = opened(DONE_ROW | {"finished_at": "2095-11-05T16:00:00+07:00"})
        list(file.items())
        assert dict(file.sources()) == {"/sheet/10966": at("2025-11-03T08:30:00")}

    def test_the_given_as_of_wins(self, opened: Open) -> None:
        file = opened(DONE_ROW, as_of=at("2025-11-30T12:00:00"))
        list(file.items())
        assert dict(file.sources()) == {"/sheet/10966": at("2025-11-30T12:00:00")}


class TestFilesThatCannotBeRead:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "is empty"),
            (b" \n\n", "is empty"),
            (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "neither text nor an XLSX"),
            (b"PK\x03\x04" + b"junk" * 50, "broken XLSX"),
            (b"\x1f\x8b" + b"junk" * 50, "broken gzip"),
            (gzip.compress(a_record().encode(), mtime=0)[:-9], "broken gzip"),
            (gzip.compress(gzip.compress(b"code\n", mtime=0), mtime=0), "packed twice"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Excel file"),
            (b"just a letter to the centre\n", "misses the required columns code, unit, received_at"),
            (a_record().encode("utf-16"), "record file in UTF-16"),
            (b'{"madonvi": "000.10.66.H24", "service": "DongBoHoSoMC", "data": []}', "national-portal packet"),
            (b'[\n {\n  "MaHoSo": "H24.99-251103-0101"}]', "national-portal packet"),
        ],
    )  # fmt: skip
    def test_it_is_said_why(self, opened: Open, content: bytes, reason: str) -> None:
        with pytest.raises(FileUnreadable, match=reason):
            opened(content)

    def test_an_archive_that_is_no_workbook_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "so.xlsx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("word/document.xml", "<x/>")
        with pytest.raises(FileUnreadable, match="not an XLSX workbook"):
            read(path)

    def test_a_file_that_is_not_there_is_named_as_its_owner_calls_it(self, tmp_path: Path) -> None:
        with pytest.raises(FileUnreadable, match=r"^so-thang-11\.xlsx: cannot be opened"):
            read(tmp_path / "upload-0001", name="so-thang-11.xlsx")
        with pytest.raises(FileUnreadable, match="cannot be opened"):
            read(tmp_path)


def test_a_large_sheet_streams_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    row = csv_of(DONE_ROW).splitlines()[1]
    with path.open("w") as file:
        file.write(",".join(HEADING) + "\n")
        file.writelines(row.replace("0012", str(n)) + "\n" for n in range(20_000))
    tracemalloc.start()
    opened = read(path, as_of=datetime(2025, 12, 1, tzinfo=UTC))
    count = sum(len(item.statements) for item in opened.items())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, opened.total) == (40_000, 20_000)
    assert peak < 8_000_000
