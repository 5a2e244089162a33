import csv
import gzip
import io
import json
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xlsxwriter

from services.dossier.domain import fold as fold_statements
from services.dossier.files import FileUnreadable, Item, OpenedFile, open_file
from services.dossier.files.columns import COLUMNS, column_of, fold
from shared.events.statements import MAX_RECORD_BYTES, Facts, Kind, Statement, encode_statement

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


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+07:00")


def csv_of(*rows: dict[str, str], heading: Sequence[str] = HEADING, delimiter: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, heading, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


Open = Callable[..., OpenedFile]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Opens text, bytes or sheet rows as a file whose name says nothing about what it is."""

    def open_(*content: str | bytes | dict[str, str], **options: Any) -> OpenedFile:
        path = tmp_path / "handed-in"
        if content and isinstance(content[0], str | bytes):
            path.write_bytes(content[0].encode() if isinstance(content[0], str) else content[0])
        else:
            path.write_text(csv_of(*content), newline="")  # type: ignore[arg-type]
        return open_file(path, knows_unit=UNITS.__contains__, now=NOW, **options)

    return open_


def said(file: OpenedFile) -> list[Statement]:
    return [statement for item in file.items() for statement in item.statements]


def refusals(file: OpenedFile) -> list[tuple[int, str, str]]:
    return [(item.line, item.refused.field, item.refused.reason) for item in file.items() if item.refused]


def only(file: OpenedFile) -> Item:
    (item,) = file.items()
    return item


def by_kind(file: OpenedFile) -> dict[Kind, Statement]:
    return {statement.kind: statement for statement in said(file)}


class TestWhatARowStandsFor:
    def test_an_open_dossier_is_its_reception_with_all_facts(self, opened: Open) -> None:
        row = OPEN_ROW | {
            "procedure": "1.004873", "procedure_name": "Xác nhận tình trạng hôn nhân", "field": "Hộ tịch",
            "agency": "van-phong", "channel": "online", "service_level": "full", "applicant": "citizen",
            "submitted_at": "2025-11-02T20:00:00+07:00", "due_at": "2025-11-06T17:00:00+07:00",
            "fee_due": "true", "paid_online": "false", "digitised_input": "1",
        }  # fmt: skip
        item = only(opened(row))
        assert item.line == 2 and item.key == "H24.103-251103-0012"
        (statement,) = item.statements
        assert (statement.kind, statement.time) == (Kind.RECEIVED, at("2025-11-03T08:30:00"))
        assert (statement.source, statement.unit, statement.dossier) == ("/sheet/10966", BINH_GIANG, item.key)
        assert statement.facts == Facts(
            procedure="1.004873", procedure_name="Xác nhận tình trạng hôn nhân", field="Hộ tịch", agency="van-phong",
            channel="online", service_level="full", applicant="citizen", submitted_at=at("2025-11-02T20:00:00"),
            received_at=at("2025-11-03T08:30:00"), due_at=at("2025-11-06T17:00:00"),
            fee_due=True, paid_online=False, digitised_input=True,
        )  # fmt: skip

    def test_a_pause_and_its_answer_carry_the_promise_as_it_stands(self, opened: Open) -> None:
        row = OPEN_ROW | {
            "due_at": "2025-11-12T17:00:00+07:00",
            "paused_at": "2025-11-04T10:00:00+07:00",
            "resumed_at": "2025-11-10T08:00:00+07:00",
        }
        kinds = by_kind(opened(row))
        assert list(kinds) == [Kind.RECEIVED, Kind.SUPPLEMENT_REQUESTED, Kind.SUPPLEMENTED]
        assert kinds[Kind.SUPPLEMENT_REQUESTED].time == at("2025-11-04T10:00:00")
        assert kinds[Kind.SUPPLEMENTED].time == at("2025-11-10T08:00:00")
        assert kinds[Kind.RECEIVED].facts.due_at == at("2025-11-12T17:00:00")
        assert kinds[Kind.SUPPLEMENTED].facts == Facts(due_at=at("2025-11-12T17:00:00"))

    @pytest.mark.parametrize("outcome", ["completed", "returned", "withdrawn", "stopped"])
    def test_an_outcome_is_said_at_the_finish_with_what_is_known_of_the_result(
        self, opened: Open, outcome: str
    ) -> None:
        kinds = by_kind(opened(DONE_ROW | {"outcome": outcome, "digitised_result": "x", "digitised_input": "x"}))
        assert kinds[Kind(outcome)].time == at("2025-11-05T16:00:00")
        assert kinds[Kind(outcome)].facts == Facts(digitised_result=True)
        assert kinds[Kind.RECEIVED].facts.digitised_result is None

    def test_a_rating_is_said_at_the_finish(self, opened: Open) -> None:
        rated = by_kind(opened(DONE_ROW | {"rating": "4"}))[Kind.RATED]
        assert (rated.time, rated.facts) == (at("2025-11-05T16:00:00"), Facts(rating=4))

    def test_a_rating_of_an_open_dossier_is_known_as_of_the_export(self, opened: Open) -> None:
        rated = by_kind(opened(OPEN_ROW | {"rating": "5"}, as_of=at("2025-11-30T12:00:00")))[Kind.RATED]
        assert rated.time == at("2025-11-30T12:00:00")

    def test_a_row_without_reception_is_a_submission(self, opened: Open) -> None:
        row = {"code": "A", "unit": BINH_GIANG, "submitted_at": "2025-11-02T20:00:00+07:00", "channel": "online"}
        (statement,) = said(opened(row))
        assert (statement.kind, statement.time) == (Kind.SUBMITTED, at("2025-11-02T20:00:00"))
        assert statement.facts == Facts(channel="online", submitted_at=at("2025-11-02T20:00:00"))

    def test_a_row_without_a_due_date_promises_nothing(self, opened: Open) -> None:
        assert only(opened(OPEN_ROW)).statements[0].facts.due_at is None

    def test_every_statement_of_a_sheet_can_be_sent_as_a_record(self, opened: Open) -> None:
        full = DONE_ROW | {"due_at": "2025-11-06", "paused_at": "2025-11-04", "resumed_at": "2025-11-05", "rating": "5"}
        sheet = said(opened(full))
        assert said(opened(b"\n".join(map(encode_statement, sheet)))) == [with_correlation(one) for one in sheet]


def with_correlation(statement: Statement) -> Statement:
    return msgspec.structs.replace(statement, correlation=statement.id)


class TestDates:
    @pytest.mark.parametrize(
        "text",
        [
            "2025-11-03T08:30:00+07:00", "2025-11-03T01:30:00Z", "2025-11-03T01:30:00.000+00:00", "2025-11-03 08:30",
            "2025-11-03T08:30", "2025-11-03 08:30:00", "03/11/2025 08:30", "3/11/2025 8:30", "03-11-2025 08:30:00",
            "08:30 03/11/2025", "03/11/2025 8h30",
        ],
    )  # fmt: skip
    def test_a_sheet_may_write_an_instant_in_many_ways(self, opened: Open, text: str) -> None:
        assert said(opened(OPEN_ROW | {"received_at": text}))[0].time == at("2025-11-03T08:30:00")

    @pytest.mark.parametrize("text", ["2025-11-03", "03/11/2025"])
    def test_a_reception_without_a_time_is_at_midnight_and_a_promise_at_the_end_of_office(
        self, opened: Open, text: str
    ) -> None:
        (statement,) = said(opened(OPEN_ROW | {"received_at": text, "due_at": text}))
        assert statement.time == at("2025-11-03T00:00:00")
        assert statement.facts.due_at == at("2025-11-03T17:00:00")

    def test_a_finish_without_a_time_on_the_day_of_reception_is_not_before_it(self, opened: Open) -> None:
        kinds = by_kind(opened(DONE_ROW | {"finished_at": "03/11/2025"}))
        assert kinds[Kind.COMPLETED].time == kinds[Kind.RECEIVED].time == at("2025-11-03T08:30:00")

    def test_a_finish_without_a_time_stays_behind_an_answer_of_that_day(self, opened: Open) -> None:
        row = DONE_ROW | {
            "paused_at": "2025-11-04 09:00",
            "resumed_at": "2025-11-05 14:00",
            "finished_at": "2025-11-05",
        }
        assert by_kind(opened(row))[Kind.COMPLETED].time == at("2025-11-05T14:00:00")

    @pytest.mark.parametrize(
        "text",
        ["31/02/2026", "2025-02-29", "2025-11-03T24:00:00+07:00", "2025-11-03T08:30:00+25:00", "11/13/2025", "hôm qua",
         "45964.35", "31/12/9999", "0000-00-00", "9999-12-31T00:00:00+07:00"],
    )  # fmt: skip
    def test_a_date_that_does_not_exist_refuses_its_row(self, opened: Open, text: str) -> None:
        assert refusals(opened(OPEN_ROW | {"due_at": text})) == [(2, "due_at", f"is not a date that exists: {text!r}")]


class TestRefusedRows:
    @pytest.mark.parametrize(
        ("change", "field", "reason"),
        [
            ({"code": ""}, "code", "is missing"),
            ({"unit": ""}, "unit", "is missing"),
            ({"unit": "99999"}, "unit", "unknown unit '99999'"),
            ({"unit": "Xã Bình Giang"}, "unit", "unknown unit 'Xã Bình Giang'"),
            ({"received_at": ""}, "received_at", "is missing"),
            ({"received_at": "2026-01-05T09:00:01+07:00"}, "received_at", "lies in the future"),
            ({"finished_at": "2025-11-03T08:29:59+07:00"}, "finished_at", "finished_at before received_at"),
            ({"finished_at": "02/11/2025"}, "finished_at", "finished_at before received_at"),
            ({"finished_at": ""}, "finished_at", "is missing although there is an outcome"),
            ({"outcome": ""}, "outcome", "is missing although there is a finished_at"),
            ({"outcome": "đang xử lý"}, "outcome", "is missing although there is a finished_at"),
            ({"outcome": "lost"}, "outcome", "unknown value 'lost'"),
            ({"channel": "fax"}, "channel", "unknown value 'fax'"),
            ({"service_level": "cao"}, "service_level", "unknown value 'cao'"),
            ({"applicant": "robot"}, "applicant", "unknown value 'robot'"),
            ({"fee_due": "maybe"}, "fee_due", "is neither yes nor no: 'maybe'"),
            ({"rating": "0"}, "rating", "is not a rating from 1 to 5: '0'"),
            ({"rating": "6"}, "rating", "is not a rating from 1 to 5: '6'"),
            ({"rating": "4.5"}, "rating", "is not a rating from 1 to 5: '4.5'"),
            ({"code": "A" * 201}, "code", "is 201 characters long"),
            ({"field": "A" * 401}, "field", "is 401 characters long"),
        ],
    )
    def test_a_row_that_cannot_be_true_is_refused_whole_and_alone(
        self, opened: Open, change: dict[str, str], field: str, reason: str
    ) -> None:
        neighbour = OPEN_ROW | {"code": "neighbour"}
        file = opened(neighbour, DONE_ROW | change, neighbour)
        assert refusals(file) == [(3, field, reason)]
        assert [item.line for item in file.items() if item.statements] == [2, 4]

    def test_what_is_only_unusual_is_taken(self, opened: Open) -> None:
        row = OPEN_ROW | {
            "procedure": "unheard-of", "field": "Phong thủy", "agency": "no-such-agency",
            "paused_at": "2025-10-01T00:00:00+07:00", "submitted_at": "2025-12-01T00:00:00+07:00",
        }  # fmt: skip
        assert refusals(opened(row)) == []

    def test_a_refused_row_keeps_known_columns_and_no_citizen(self, opened: Open) -> None:
        heading = [*HEADING, "Họ tên", "Số điện thoại"]
        row = DONE_ROW | {"outcome": "lost", "Họ tên": "Nguyễn Văn Thử", "Số điện thoại": "0900000001"}
        item = only(opened(csv_of(row, heading=heading)))
        assert json.loads(item.raw) == DONE_ROW | {"outcome": "lost"}
        assert item.key == "H24.103-251103-0012"

    def test_what_is_kept_of_a_row_is_bounded(self, opened: Open) -> None:
        row = dict.fromkeys(HEADING, "ế" * 5000)
        item = only(opened(row))
        assert item.refused is not None and len(item.raw) <= 4096 and len(item.key) <= 200

    def test_empty_rows_and_totals_are_no_dossiers(self, opened: Open) -> None:
        file = opened(OPEN_ROW, {}, {"code": "-"}, {"procedure": "Tổng cộng", "rating": "17"}, OPEN_ROW | {"code": "B"})
        assert [(item.line, item.key) for item in file.items()] == [(2, "H24.103-251103-0012"), (6, "B")]


class TestHalfRows:
    def test_too_few_and_too_many_cells_refuse_their_own_rows(self, opened: Open) -> None:
        lines = csv_of(OPEN_ROW, OPEN_ROW | {"code": "B"}).splitlines()
        file = opened("\n".join([lines[0], lines[1], "C,10966,1.004873", lines[2] + ",more,still", lines[2]]))
        assert refusals(file) == [
            (3, "row", "has 3 cells where the heading has 21"),
            (4, "row", "has 23 cells where the heading has 21"),
        ]
        assert [item.line for item in file.items() if item.statements] == [2, 5]

    def test_empty_cells_behind_the_heading_do_no_harm(self, opened: Open) -> None:
        head, row = csv_of(OPEN_ROW).splitlines()
        assert refusals(opened(f"{head}\n{row},,,\n")) == []

    def test_a_quoted_line_break_is_part_of_its_cell_and_lines_count_as_in_an_editor(self, opened: Open) -> None:
        broken = OPEN_ROW | {"procedure_name": "Xác nhận\r\ntình trạng\nhôn nhân"}
        file = opened(OPEN_ROW, broken, OPEN_ROW | {"code": "C"}, OPEN_ROW | {"code": ""})
        assert [item.line for item in file.items()] == [2, 3, 6, 7]
        assert said(file)[1].facts.procedure_name == "Xác nhận tình trạng hôn nhân"

    def test_a_quotation_mark_that_is_never_closed_costs_its_own_row_only(self, opened: Open) -> None:
        lines = csv_of(*(OPEN_ROW | {"code": f"D{n}", "procedure_name": "Cấp, đổi"} for n in range(5))).splitlines()
        lines[2] = lines[2].replace('đổi"', "đổi")
        file = opened("\n".join(lines))
        assert [(line, field) for line, field, _ in refusals(file)] == [(3, "row")]
        assert [item.key for item in file.items() if item.statements] == ["D0", "D2", "D3", "D4"]

    def test_an_open_quotation_mark_without_any_other_costs_its_own_row_only(self, opened: Open) -> None:
        lines = csv_of(*(OPEN_ROW | {"code": f"D{n}"} for n in range(5000))).splitlines()
        lines[1] = lines[1].replace("D0,", '"D0,')
        file = opened("\n".join(lines))
        assert [line for line, _, _ in refusals(file)] == [2]
        assert len(said(file)) == 4999

    def test_a_file_cut_within_a_row_loses_that_row_only(self, opened: Open) -> None:
        text = csv_of(OPEN_ROW, OPEN_ROW | {"code": "B", "procedure_name": "Cấp, đổi"})
        file = opened(text[: text.index("đổi")])
        assert [line for line, _, _ in refusals(file)] == [3]
        assert len(said(file)) == 1

    def test_a_title_of_any_length_above_the_heading_is_skipped(self, opened: Open) -> None:
        assert [item.line for item in opened("x" * 300_000 + "\n" + csv_of(OPEN_ROW)).items()] == [3]

    def test_a_line_without_end_is_refused_without_being_held(self, opened: Open) -> None:
        head, row = csv_of(OPEN_ROW).splitlines()
        file = opened("\n".join([head, "x" * 3_000_000, row]))
        assert refusals(file) == [(2, "row", "cannot be split into cells: line longer than 262,144 characters")]
        assert [item.line for item in file.items() if item.statements] == [3]


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


class TestIds:
    def ids(self, file: OpenedFile) -> list[str]:
        return [statement.id for statement in said(file)]

    def test_the_same_file_again_gives_the_same_ids(self, opened: Open) -> None:
        assert self.ids(opened(DONE_ROW)) == self.ids(opened(DONE_ROW))

    def test_an_id_names_dossier_kind_and_export(self, opened: Open) -> None:
        (first, last) = self.ids(opened(DONE_ROW))
        assert first.startswith("H24.103-251103-0012/received/20251105T090000Z/")
        assert last.startswith("H24.103-251103-0012/completed/20251105T090000Z/")
        assert len(first.rpartition("/")[2]) == 8

    def test_without_as_of_the_newest_instant_that_is_not_ahead_stands_for_the_export(self, opened: Open) -> None:
        mistyped = DONE_ROW | {"code": "B", "finished_at": "2095-11-05T16:00:00+07:00", "due_at": "2025-12-31"}
        (first, *_) = self.ids(opened(DONE_ROW, mistyped))
        assert "/20251105T090000Z/" in first

    def test_the_given_as_of_is_the_export(self, opened: Open) -> None:
        assert "/20251130T050000Z/" in self.ids(opened(OPEN_ROW, as_of=at("2025-11-30T12:00:00")))[0]

    def test_a_later_export_sorts_behind_an_earlier_one(self, opened: Open) -> None:
        early = self.ids(opened(OPEN_ROW, as_of=at("2025-11-30T12:00:00")))[0]
        late = self.ids(opened(OPEN_ROW | {"due_at": "2025-11-10"}, as_of=at("2025-12-01T00:00:00")))[0]
        assert early < late

    def test_a_changed_row_of_the_same_export_is_not_dropped(self, opened: Open) -> None:
        as_of = at("2025-11-30T12:00:00")
        before = self.ids(opened(OPEN_ROW, as_of=as_of))
        after = self.ids(opened(OPEN_ROW | {"due_at": "2025-11-10"}, as_of=as_of))
        assert before[0].rpartition("/")[0] == after[0].rpartition("/")[0] and before != after

    def test_a_dossier_twice_in_one_file_is_one_when_equal_and_two_when_not(self, opened: Open) -> None:
        ids = self.ids(opened(OPEN_ROW, OPEN_ROW, OPEN_ROW | {"channel": "post"}))
        assert ids[0] == ids[1] != ids[2]

    def test_the_way_a_value_is_written_does_not_matter(self, opened: Open) -> None:
        other = OPEN_ROW | {"received_at": "03/11/2025 08:30", "channel": "trực tuyến"}
        assert self.ids(opened(OPEN_ROW | {"channel": "online"})) == self.ids(opened(other))

    @pytest.mark.parametrize("code", ["H24 " + "9" * 190, "Sổ hộ tịch 12/2025", "Đ" * 200])
    def test_ids_are_short_and_without_vietnamese_whatever_the_code(self, opened: Open, code: str) -> None:
        (statement,) = said(opened(OPEN_ROW | {"code": code}))
        assert statement.dossier == code
        assert len(statement.id) <= 200 and statement.id.isascii() and " " not in statement.id


class TestFolded:
    def test_the_promise_of_a_sheet_is_not_moved_by_its_pause(self, opened: Open) -> None:
        row = OPEN_ROW | {"due_at": "2025-11-12", "paused_at": "2025-11-04", "resumed_at": "2025-11-10"}
        state = fold_statements(said(opened(row))).state
        assert (state.due_at, state.waiting_since) == (at("2025-11-12T17:00:00"), None)

    def test_a_later_export_wins_in_whatever_order_the_two_arrive(self, opened: Open) -> None:
        november = said(
            opened(OPEN_ROW | {"due_at": "2025-11-06", "paused_at": "2025-11-04"}, as_of=at("2025-11-05T00:00:00"))
        )
        answered = DONE_ROW | {"due_at": "2025-11-12", "paused_at": "2025-11-04", "resumed_at": "2025-11-05"}
        december = said(opened(answered, as_of=at("2025-12-01T00:00:00")))
        for statements in (november + december, december + november):
            state = fold_statements(statements).state
            assert (state.due_at, state.outcome) == (at("2025-11-12T17:00:00"), "completed")


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


def sheet_file(path: Path, fill: Callable[[Any, Any], None]) -> Path:
    with xlsxwriter.Workbook(path) as workbook:
        fill(workbook, workbook.add_worksheet())
    return path


def read(path: Path, **options: Any) -> OpenedFile:
    return open_file(path, knows_unit=UNITS.__contains__, now=NOW, **options)


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


def a_record(n: int = 1, **data: Any) -> str:
    facts = {"unit": BINH_GIANG, "dossier": f"H24-{n}", "received_at": "2025-11-03T08:30:00+07:00"} | data
    event = {
        "specversion": "1.0", "id": f"r-{n}", "source": "/onestop/31/10966", "type": "vn.motcua.onestop.received.v1",
        "time": f"2025-11-03T08:30:{n:02d}+07:00", "data": facts,
    }  # fmt: skip
    return json.dumps(event, ensure_ascii=False)


class TestRecords:
    def test_one_record_a_line_and_blank_lines_skipped(self, opened: Open) -> None:
        file = opened(f"\n{a_record(1)}\r\n\n   \n{a_record(2)}")
        assert file.kind == "records" and file.total == 5
        assert [(item.line, item.key, len(item.statements)) for item in file.items()] == [
            (2, "H24-1", 1),
            (5, "H24-2", 1),
        ]

    def test_a_byte_order_mark_does_no_harm(self, opened: Open) -> None:
        assert only(opened("\ufeff" + a_record())).key == "H24-1"

    def test_gzip_is_told_by_content(self, opened: Open) -> None:
        assert only(opened(gzip.compress(a_record().encode()))).key == "H24-1"

    def test_a_json_array_of_records_is_taken_too(self, opened: Open) -> None:
        file = opened(f"[\n {a_record(1)},\n\n {a_record(2, unit='99999')}, 7,\n{a_record(3)}\n]")
        assert [(item.line, item.key) for item in file.items()] == [(2, "H24-1"), (4, "H24-2"), (4, ""), (5, "H24-3")]
        assert refusals(file)[0] == (4, "data.unit", "unknown unit '99999'")
        assert len(said(file)) == 2

    def test_a_broken_array_cannot_be_read(self, opened: Open) -> None:
        with pytest.raises(FileUnreadable, match="not a valid JSON array"):
            opened(f"[{a_record()}, {{")

    def test_one_record_written_over_many_lines_is_one_record(self, opened: Open) -> None:
        item = only(opened("\n" + json.dumps(json.loads(a_record()), indent=1)))
        assert (item.line, item.key) == (2, "H24-1")

    def test_each_bad_line_is_refused_alone_with_its_line(self, opened: Open) -> None:
        lines = [a_record(1), "{not json", a_record(2, dossier=None), a_record(3, unit="1"), a_record(4)]
        file = opened("\n".join(lines))
        assert [(line, field) for line, field, _ in refusals(file)] == [
            (2, "record"),
            (3, "data.dossier"),
            (4, "data.unit"),
        ]
        assert [one.dossier for one in said(file)] == ["H24-1", "H24-4"]

    def test_a_refused_record_is_kept_with_its_dossier_code(self, opened: Open) -> None:
        line = a_record(7, received_at="2025-02-30T00:00:00+07:00")
        item = only(opened(line))
        assert (item.key, item.raw) == ("H24-7", line.encode())

    def test_bytes_that_are_no_text_refuse_their_line_alone(self, opened: Open) -> None:
        bad = a_record(2, field="FIELD").encode().replace(b"FIELD", b"H\xf4\xf2")
        file = opened(b"\n".join([a_record(1).encode(), bad, a_record(3).encode()]))
        assert refusals(file) == [(2, "record", "is not UTF-8 text")]
        assert [one.dossier for one in said(file)] == ["H24-1", "H24-3"]

    def test_a_record_without_end_is_refused_without_being_held(self, opened: Open) -> None:
        content = "\n".join([a_record(1), '{"x": "' + "y" * 30_000_000 + '"}', a_record(2)])
        file = opened(content)
        tracemalloc.start()
        items = list(file.items())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [item.line for item in items] == [1, 2, 3]
        assert refusals(file) == [(2, "record", f"is longer than {MAX_RECORD_BYTES:,} bytes")]
        assert len(items[1].raw) == 4096 and peak < 4_000_000

    def test_each_source_is_heard_up_to_its_newest_statement(self, opened: Open) -> None:
        other = json.loads(a_record(2)) | {"source": "/elsewhere", "time": "2095-01-01T00:00:00+07:00"}
        file = opened(f"{a_record(9)}\n{a_record(3)}\n{json.dumps(other)}")
        list(file.items())
        assert dict(file.sources()) == {"/onestop/31/10966": at("2025-11-03T08:30:09")}


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


class TestRealLogs:
    def test_the_receipt_sheet_gives_exactly_the_refusals_that_are_known(self, shared_data: Path) -> None:
        folder = shared_data / "receipt"
        items = list(read(folder / "dossiers.csv").items())
        refused = [
            {"line": item.line, "code": item.key, "reason": item.refused.reason} for item in items if item.refused
        ]
        assert refused == json.loads((folder / "refused.json").read_text())
        assert sum(bool(item.statements) for item in items) == 1432

    def test_the_receipt_records_are_all_taken(self, shared_data: Path) -> None:
        file = read(shared_data / "receipt" / "records.jsonl.gz")
        assert refusals(file) == [] and len(said(file)) == 11111


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
