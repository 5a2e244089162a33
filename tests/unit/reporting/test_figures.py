"""Form II.06a by hand, and its sheet read back."""

from __future__ import annotations

import io
from datetime import date, datetime

import pytest
from python_calamine import CalamineWorkbook

from services.reporting.documents import write_xlsx
from services.reporting.domain import Figures, FiguresDoNotBalance, check_balance, figures
from services.reporting.forms import load_forms
from shared.localtime import LOCAL
from shared.settings import RULES

BEGIN, END = date(2025, 9, 15), date(2025, 12, 14)
BIRTHS = {
    "field": "Hộ tịch",
    "c3": 22,
    "c4": 12,
    "c5": 7,
    "c6": 3,
    "c7": 15,
    "c8": 9,
    "c9": 4,
    "c10": 2,
    "c11": 7,
    "c12": 6,
    "c13": 1,
}
LAND = {
    "field": "Đất đai",
    "c3": 6,
    "c4": 1,
    "c5": 0,
    "c6": 5,
    "c7": 2,
    "c8": 0,
    "c9": 0,
    "c10": 2,
    "c11": 4,
    "c12": 0,
    "c13": 4,
}
NOTHING = {"field": "Chứng thực", **{f"c{number}": 0 for number in range(3, 14)}}


def by_hand() -> Figures:
    return figures("10966", BEGIN, END, [LAND, NOTHING, BIRTHS])


def test_rows_are_sorted_empty_fields_left_out_and_the_total_is_their_sum() -> None:
    assert by_hand().rows == [BIRTHS, LAND]
    assert by_hand().total == {
        "c3": 28, "c4": 13, "c5": 7, "c6": 8, "c7": 17, "c8": 9, "c9": 4, "c10": 4, "c11": 11, "c12": 6, "c13": 5,
    }  # fmt: skip
    check_balance(by_hand())


@pytest.mark.parametrize("wrong", [{"c13": 8}, {"c6": 4}, {"c8": 20}, {"c11": 8}, {"c12": -1, "c13": 8}])
def test_figures_that_contradict_each_other_are_never_closed(wrong: dict[str, int]) -> None:
    with pytest.raises(FiguresDoNotBalance, match="Hộ tịch"):
        check_balance(figures("10966", BEGIN, END, [{**BIRTHS, **wrong}]))


def test_the_sheet_has_the_official_headings_thirteen_numbered_columns_and_totals_that_agree() -> None:
    made = [
        write_xlsx(load_forms(RULES).newest("II.06a").rules, by_hand().as_json(), unit_name="xã Bình Giang", period="2025-Q4",
                   created=datetime(2025, 12, 15, 8, tzinfo=LOCAL))
        for _ in range(2)
    ]  # fmt: skip
    assert made[0] == made[1]
    rows = CalamineWorkbook.from_filelike(io.BytesIO(made[0])).get_sheet_by_index(0).to_python()
    assert rows[0][0] == "Biểu số II.06a/VPCP/KSTT"
    assert "xã Bình Giang" in rows[0][8]
    assert rows[2][0].startswith("TÌNH HÌNH, KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH")
    assert "Quý IV/2025" in rows[3][0] and "15/09/2025" in rows[3][0] and "14/12/2025" in rows[3][0]
    assert rows[4][:3] == ["TT", "Lĩnh vực, công việc giải quyết theo cấp", "Số lượng hồ sơ tiếp nhận"]
    assert (rows[4][6], rows[4][10]) == ("Số lượng hồ sơ đã giải quyết", "Số lượng hồ sơ đang giải quyết")
    assert rows[6][2:4] == ["Tổng số", "Trong kỳ: Trực tuyến"]
    assert rows[7] == [f"({number})" for number in range(1, 14)]
    assert rows[8] == [1, "Hộ tịch", 22, 12, 7, 3, 15, 9, 4, 2, 7, 6, 1]
    assert rows[9] == [2, "Đất đai", 6, 1, 0, 5, 2, 0, 0, 2, 4, 0, 4]
    assert rows[10][2:] == [28, 13, 7, 8, 17, 9, 4, 4, 11, 6, 5]
