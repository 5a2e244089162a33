"""What a row stands for, and which rows are refused."""

import json

import msgspec
import pytest

from services.dossier.domain import fold as fold_statements
from services.dossier.files import OpenedFile
from shared.events.statements import Facts, Kind, Statement, encode_statement
from tests.unit.dossier.filing import (
    BINH_GIANG,
    DONE_ROW,
    HEADING,
    OPEN_ROW,
    Open,
    at,
    by_kind,
    csv_of,
    only,
    refusals,
    said,
)


def with_correlation(statement: Statement) -> Statement:
    return msgspec.structs.replace(statement, correlation=statement.id)


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
            ({"received_at": "2026-01-05T09:05:01+07:00"}, "received_at", "lies in the future"),
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
