"""What one item of a packet says: hand-written items, hand-written statements."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from services.dossier.domain import fold
from services.dossier.messages import FINDING
from services.dossier.portal.items import PacketItem
from services.dossier.portal.rules import load_portal_rules
from services.dossier.portal.translating import Context, translate
from shared.events.dossiers import Snapshot
from shared.events.statements import Refused, Remark, Statement
from shared.localtime import LOCAL
from shared.rules import RuleError
from shared.settings import RULES

NOW = datetime(2025, 11, 10, 8, tzinfo=LOCAL)
CODE = "H24.99-251103-0101"
LAW = load_portal_rules(RULES)


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=LOCAL)


def dossier(status: Any = "4", **more: Any) -> dict[str, Any]:
    return {
        "MaHoSo": CODE, "MaTTHC": "1.004873", "TenLinhVuc": "Hộ tịch", "KenhThucHien": "2", "TrangThaiHoSo": status,
        "NgayTiepNhan": "20251103083000", "NgayHenTra": "20251106170000", **more,
    }  # fmt: skip


def progress(status: Any, when: str, **more: Any) -> dict[str, Any]:
    return {"MaHoSo": CODE, "TrangThai": status, "ThoiDiemXuLy": when, "NguoiXuLy": "B", **more}


def said(item: dict[str, Any], known: list[Statement] | None = None, generation: int = 2) -> list[Statement]:
    context = Context(
        rules=LAW, unit="10966", source="/dvcqg/10966", generation=generation, now=NOW,
        known=snapshot(known) if known else None,
    )  # fmt: skip
    return translate(PacketItem(item), context)


def snapshot(statements: list[Statement]) -> Snapshot:
    folded = fold(statements)
    return Snapshot(
        unit="10966", dossier=CODE, revision=len(statements), source="", recorded_at=NOW, state=folded.state,
        timeline=list(folded.timeline), findings=list(folded.findings),
    )  # fmt: skip


def kinds(statements: list[Statement]) -> list[tuple[str, datetime]]:
    return [(one.kind.value, one.time) for one in statements]


class TestADossier:
    def test_of_each_status(self) -> None:
        reception = ("received", at("202511030830"))
        assert kinds(said(dossier("2"))) == [reception]
        assert kinds(said(dossier(4))) == [reception, ("processing", at("202511030830"))]
        ended = {"NgayKetThucXuLy": "20251105090000"}
        assert kinds(said(dossier("7", **ended))) == [reception, ("withdrawn", at("202511050900"))]
        assert kinds(said(dossier(8, **ended))) == [reception, ("stopped", at("202511050900"))]
        assert kinds(said(dossier("9", **ended))) == [reception, ("completed", at("202511050900"))]
        given = {**ended, "NgayTra": "2025-11-06T08:00:00.000"}
        assert kinds(said(dossier("10", **given)))[1:] == [
            ("completed", at("202511050900")), ("handed_over", at("202511060800")),
        ]  # fmt: skip
        assert kinds(said(dossier("1", NgayNopHoSo="20251103"))) == [("submitted", at("202511030000"))]
        assert kinds(said(dossier("3", NgayTuChoi="20251103090000"))) == [("refused", at("202511030900"))]

    def test_facts_are_read_in_every_type_that_senders_use(self) -> None:
        for yes, no in (("1", "0"), (1, 0), (True, False), ("True", "False")):
            facts = said(dossier(HoSoCoThanhPhanSoHoa=yes, HinhThuc=no, DuocThanhToanTrucTuyen=3))[0].facts
            assert (facts.digitised_input, facts.postal_return) == (True, False)
            assert (facts.fee_due, facts.paid_online) == (True, False)
        facts = said(dossier(LoaiDoiTuong=2, MucDo="4", TaiLieuNop=[{"DuocTaiSuDung": 2}, "junk"]))[0].facts
        assert (facts.applicant, facts.service_level, facts.reused_data) == ("business", "full", True)
        assert (facts.channel, facts.field, facts.due_at) == ("online", "Hộ tịch", at("202511061700"))

    def test_a_supplement_brings_its_new_promise_and_keeps_it_after_the_answer(self) -> None:
        asked = {"NgayBoSung": "20251104100000", "NgayHenTraMoi": "20251110170000"}
        first = said(dossier("5", DanhSachHoSoBoSung=[asked]))
        assert kinds(first)[1:] == [("supplement_requested", at("202511041000"))]
        assert fold(first).state.due_at == at("202511101700")
        later = said(progress("4", "20251105100000"), known=first)
        assert fold(first + later).state.due_at == at("202511101700"), "the pause does not move it once more"
        answered = said(
            dossier("4", DanhSachHoSoBoSung=[{**asked, "NgayTiepNhanBoSung": "20251105100000"}]), known=first
        )
        state = fold(first + answered).state
        assert (state.is_waiting, state.due_at) == (False, at("202511101700"))

    def test_the_first_promise_repeated_every_night_is_no_news(self) -> None:
        asked = {"NgayBoSung": "20251104100000", "NgayHenTraMoi": "20251110170000"}
        known = said(dossier("5", DanhSachHoSoBoSung=[asked]))
        assert said(dossier("9", NgayKetThucXuLy="20251107103000"), known=known)[0].kind == "completed"

    def test_the_same_again_says_nothing_and_an_older_one_does_not_reopen(self) -> None:
        first = said(dossier("4"))
        assert said(dossier("4"), known=first) == []
        known = first + said(dossier("9", NgayKetThucXuLy="20251105090000"), known=first)
        assert {one.id for one in said(dossier("4"), known=known)} <= {one.id for one in first}

    def test_a_new_packet_that_goes_back_reopens_and_says_that_it_had_no_time(self) -> None:
        known = said(dossier("9", NgayKetThucXuLy="20251105090000"))
        back = said(dossier("4"), known=known)
        assert kinds(back) == [("processing", NOW)]
        assert fold(known + back).findings == ["reopened", "time_not_said"]

    def test_a_changed_field_is_a_correction_from_now_on(self) -> None:
        known = said(dossier("4"))
        (changed,) = said(dossier("4", TenLinhVuc="Chứng thực"), known=known)
        assert (changed.kind, changed.time, changed.facts.field, changed.facts.channel) == (
            "updated", NOW, "Chứng thực", None,
        )  # fmt: skip
        (again,) = said(dossier("4"), known=[*known, changed])
        assert again.facts.field == "Hộ tịch", "a correction may be taken back"

    def test_a_repetition_in_decomposed_letters_is_a_repetition(self) -> None:
        known = said(dossier("4", TenLinhVuc="Hộ tịch"))
        assert said(dossier("4", TenLinhVuc=unicodedata.normalize("NFD", "Hộ tịch")), known=known) == []

    def test_a_packet_without_a_channel_does_not_take_a_known_one_back(self) -> None:
        known = said(dossier("4", KenhThucHien="2"))
        first_generation = dossier("4")
        del first_generation["KenhThucHien"]
        assert said(first_generation, known=known, generation=1) == []

    def test_a_result_that_comes_after_the_end_is_not_lost(self) -> None:
        ended = {"NgayKetThucXuLy": "20251105090000"}
        known = said(dossier("9", **ended))
        assert fold(known).state.e_result is False
        with_result = dossier("9", **ended, DanhSachGiayToKetQua=[{"DuongDanTepTinKetQua": "https://example.vn/9"}])
        # the journal keeps the first statement of an id: only a new one tells anything
        later = [one for one in said(with_result, known=known) if one.id not in {old.id for old in known}]
        assert fold(known + later).state.e_result is True
        assert fold(known + later).state.finished_at == at("202511050900")

    def test_a_wait_that_is_known_already_is_not_said_anew(self) -> None:
        known = [*said(dossier("4")), *said(progress("5", "20251104100000"))]
        assert said(dossier("5"), known=known) == []

    @pytest.mark.parametrize(("price", "due"), [("15000", True), ("0", None), ("", None), (2000, True)])
    def test_a_fee_of_nothing_is_no_fee(self, price: Any, due: bool | None) -> None:
        assert said(dossier(DanhSachLePhi=[{"Gia": price}]))[0].facts.fee_due is due

    @pytest.mark.parametrize(
        ("item", "field", "reason"),
        [
            (dossier(MaHoSo=""), "MaHoSo", "is missing"),
            (dossier(MaHoSo="x" * 121), "MaHoSo", "is no dossier code"),
            (dossier(MaHoSo="Nguyễn Văn Thử"), "MaHoSo", "is no dossier code"),
            (dossier(NgayTiepNhan=None), "NgayTiepNhan", "is missing"),
            (dossier(NgayTiepNhan="20251131083000"), "NgayTiepNhan", "is not a date that exists"),
            (dossier(NgayTiepNhan="20251111083000"), "NgayTiepNhan", "lies in the future"),
            (dossier(NgayHenTra="99991231000000"), "NgayHenTra", "lies in the year 9999"),
            (dossier("17"), "TrangThaiHoSo", "is no status"),
            (dossier(None), "TrangThaiHoSo", "is missing"),
            (dossier("9"), "NgayKetThucXuLy", "is missing"),
            (dossier("7", NgayKetThucXuLy="20251102090000"), "NgayKetThucXuLy", "before the reception"),
            (dossier("3"), "NgayTuChoi", "is missing"),
            (progress("4", ""), "ThoiDiemXuLy", "is missing"),
            (progress("0", "20251105100000"), "TrangThai", "is no status"),
        ],
    )
    def test_what_cannot_be_is_refused_by_the_portals_own_field(
        self, item: dict[str, Any], field: str, reason: str
    ) -> None:
        with pytest.raises(Refused, match=reason) as refused:
            said(item)
        assert refused.value.field == field


class TestLies:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("Yêu cầu bổ sung hồ sơ", "supplement_requested"),
            ("YÊU CẦU THỰC HIỆN NGHĨA VỤ TÀI CHÍNH", "payment_requested"),
            ("Dừng xử lý theo đề nghị", "stopped"),
            ("Đã bổ sung, giải quyết xong", "completed"),
            ("Chuyển trả kết quả", "completed"),
            ("", "completed"),
        ],
    )
    def test_a_nine_is_what_its_text_tells(self, text: str, kind: str) -> None:
        (one,) = said(progress("9", "20251104150000", NoiDungXuLy=text))
        assert one.kind == kind
        assert (one.facts.remarks is not None) == (kind != "completed")

    def test_a_nine_beside_an_open_request_waits(self) -> None:
        item = dossier("9", DanhSachHoSoBoSung=[{"NgayBoSung": "20251104100000"}])
        folded = fold(said(item))
        assert folded.state.is_waiting
        assert folded.findings == ["not_done_as_said"]
        with_result = dossier("9", NgayKetThucXuLy="20251105090000", DanhSachHoSoBoSung=[{"NgayBoSung": "20251104"}])
        assert fold(said(with_result)).state.outcome == "completed", "an end date is believed"

    @pytest.mark.parametrize(
        ("number", "is_dummy"), [("000000001", True), ("111111111", True), ("030090000001", False)]
    )
    def test_a_dummy_identity_is_flagged_and_dropped(self, number: str, is_dummy: bool) -> None:
        statements = said(dossier(DinhDanhCHS=[{"LoaiDinhDanh": "2", "SoDinhDanh": number}]))
        assert (fold(statements).findings == ["dummy_identity"]) == is_dummy
        assert number not in repr(statements)

    def test_the_first_generation_has_no_channel_and_is_not_blamed_for_it(self) -> None:
        item = dossier()
        del item["KenhThucHien"]
        assert fold(said(item, generation=1)).findings == []
        assert fold(said(item, generation=2)).findings == ["channel_missing"]


class TestProgress:
    def test_its_key_tells_officers_apart_and_names_none(self) -> None:
        one, other = (said(progress("4", "20251104150000", NguoiXuLy=name))[0] for name in ("Trần Thị B", "Lê C"))
        assert one.id != other.id
        assert "Trần" not in repr(one)
        assert said(progress(4, "2025-11-04T15:00:00", NguoiXuLy="Trần Thị B"))[0].id == one.id


def test_what_is_kept_of_a_refused_item_names_nobody() -> None:
    item = PacketItem(
        {"MaHoSo": CODE, "ChuHoSo": "Nguyễn Văn Thử", "NgayTiepNhan": "0900000001", "TrangThai": 4, "MaTTHC": "Bà B"}
    )
    kept = b'{"MaHoSo":"H24.99-251103-0101","NgayTiepNhan":"(dropped)","TrangThai":"4","MaTTHC":"(dropped)"}'
    assert item.redacted() == kept


def test_every_remark_has_a_text() -> None:
    assert set(Remark) <= set(FINDING)


def test_a_wrong_rule_is_named_with_its_line(tmp_path: Path) -> None:
    text = (RULES / "portal.yaml").read_text("utf-8")
    (tmp_path / "portal.yaml").write_text(
        text.replace('"0{6,}[0-9]{0,3}"', '"0{6,}("').replace('"1": direct', '"1": phone')
    )
    with pytest.raises(RuleError) as wrong:
        load_portal_rules(tmp_path)
    assert "channel.1" in str(wrong.value)
    assert "is no regular expression" in str(wrong.value)
