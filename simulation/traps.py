"""What real senders do wrong (domain.md §4.5) and what the doors answer: something for a vendor to try, one trap at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.events.envelope import BATCH_TYPE
from simulation.requests import Dossier, Item, packed


class Door(StrEnum):
    """Where a step is sent to."""

    V1 = "/dvcqg/v1"
    V2 = "/dvcqg/v2"
    V2_PROGRESS = "/dvcqg/v2/progress"
    RECORDS = "/v1/records"

    @property
    def media_type(self) -> str:
        """Of the body: records are CloudEvents, packets are plain JSON."""
        return BATCH_TYPE if self is Door.RECORDS else "application/json"


@dataclass(frozen=True, slots=True)
class Step:
    """One request, and what is answered to each of its items.

    `expected` holds `accepted`, `duplicate`, `rejected: <field>`, or `accepted + <finding>`; a packet that is refused as a
    whole has the single answer `refused <error_code>`.
    """

    door: Door
    body: bytes
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trap:
    """What a sender does, and the requests that do it, in order; no trap needs another one."""

    name: str
    what: str
    steps: tuple[Step, ...]


def all_traps(unit: str, now: datetime) -> list[Trap]:
    """Every trap, about dossiers of `unit` that were received a week before `now`; another second makes other dossiers."""
    return [make(Dossier(unit, now, number)) for number, make in enumerate(_TRAPS, 1)]


def _v1(service: str, *items: Item, expect: Sequence[str] = ("accepted",)) -> Step:
    envelope = {"madonvi": "000.10.66.H24", "service": service, "isUpdating": "False", "data": items}
    return Step(Door.V1, _json(envelope), tuple(expect))


def _dossiers(*items: Item, expect: Sequence[str] = ("accepted",)) -> Step:
    return Step(Door.V2, _json(items), tuple(expect))


def _lines(*items: Item, expect: Sequence[str] = ("accepted",)) -> Step:
    return Step(Door.V2_PROGRESS, _json(items), tuple(expect))


def _records(*items: Item, expect: Sequence[str] = ("accepted",)) -> Step:
    return Step(Door.RECORDS, _json(items), tuple(expect))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _same_again(it: Dossier) -> Trap:
    new = it.packet()
    return Trap(
        "same-again",
        "a nightly run sends the same dossier once more",
        (_v1("DongBoHoSoMC", new), _v1("DongBoHoSoMC", new, expect=["duplicate"])),
    )


def _line_again(it: Dossier) -> Trap:
    line = it.progress(4, it.at(1))
    return Trap(
        "line-again",
        "the same line of progress: code, time, status and officer are equal",
        (_dossiers(it.packet()), _v1("CapNhatTienDoHoSoMC", line), _lines(line, expect=["duplicate"])),
    )


def _line_first(it: Dossier) -> Trap:
    return Trap(
        "line-first",
        "progress comes before its dossier: kept, and folded when the dossier comes",
        (_lines(it.progress(4, it.at(1))), _dossiers(it.packet())),
    )


def _eleven_lines(it: Dossier) -> Trap:
    lines = [it.progress(4, it.at(1, hour)) for hour in range(7, 18)]
    return Trap(
        "eleven-lines",
        "more lines in one call than the portal takes",
        (_dossiers(it.packet()), _lines(*lines, expect=["accepted"] * 11)),
    )


def _reopened(it: Dossier) -> Trap:
    done = it.packet(TrangThaiHoSo="9", NgayKetThucXuLy=packed(it.at(2)))
    return Trap(
        "reopened",
        "10 → 4: a dossier goes on after its result was given back",
        (
            _dossiers(done),
            _lines(it.progress(10, it.at(2, 10))),
            _lines(it.progress(4, it.at(2, 11)), expect=["accepted + reopened"]),
        ),
    )


def _wait_as_nine(it: Dossier) -> Trap:
    line = it.progress(9, it.at(1), "Yêu cầu bổ sung hồ sơ")
    return Trap(
        "wait-as-nine",
        "a wait for papers is sent as 9: no finish without an end date or a result",
        (_dossiers(it.packet()), _lines(line, expect=["accepted + not_done_as_said"])),
    )


def _nine_without_due(it: Dossier) -> Trap:
    done = it.packet(TrangThaiHoSo="9", NgayHenTra="", NgayKetThucXuLy=packed(it.at(2)))
    return Trap(
        "nine-without-due",
        "finished without a promised date: counts as on time",
        (_dossiers(done, expect=["accepted + no_due_date"]),),
    )


def _input_as_result(it: Dossier) -> Trap:
    file = "https://tep.example/to-khai.pdf"
    done = it.packet(
        TrangThaiHoSo="9",
        NgayKetThucXuLy=packed(it.at(2)),
        TaiLieuNop=[{"TenTepDinhKem": "to-khai.pdf", "DuongDanTaiTepTin": file}],
        DanhSachGiayToKetQua=[{"TenGiayTo": "to-khai.pdf", "DuongDanTepTinKetQua": file}],
    )
    return Trap(
        "input-as-result",
        "a file of the citizen poses as the result: no electronic result",
        (_dossiers(done, expect=["accepted + result_is_input"]),),
    )


def _dummy_identity(it: Dossier) -> Trap:
    new = it.packet(DinhDanhCHS=[{"LoaiDinhDanh": "2", "SoDinhDanh": "000000001"}])
    return Trap(
        "dummy-identity",
        "an invented identity number (every identity is dropped at the door)",
        (_dossiers(new, expect=["accepted + dummy_identity"]),),
    )


def _channel_missing(it: Dossier) -> Trap:
    new = {name: value for name, value in it.packet().items() if name != "KenhThucHien"}
    return Trap(
        "channel-missing",
        "V2 without a channel: counts as direct",
        (_dossiers(new, expect=["accepted + channel_missing"]),),
    )


def _unmapped(it: Dossier) -> Trap:
    new = it.packet(MaTTHC="", TenTTHC="", TenLinhVuc="")
    return Trap(
        "unmapped",
        "a local procedure that nobody mapped: no code, no field",
        (_dossiers(new, expect=["accepted + field_missing, procedure_missing"]),),
    )


def _code_date(it: Dossier) -> Trap:
    it.code = it.code.replace(f"-{it.received:%y%m%d}-", f"-{it.at(-30):%y%m%d}-")
    return Trap(
        "code-date",
        "the code tells another day than the reception",
        (_dossiers(it.packet(), expect=["accepted + code_date_differs"]),),
    )


def _mixed_types(it: Dossier) -> Trap:
    asked = {"HoSoBoSungId": 1, "NgayBoSung": f"{it.at(1):%Y-%m-%dT%H:%M:%S}", "TrangThaiBoSung": False}
    new = it.packet(TrangThaiHoSo=4, KenhThucHien=1, DanhSachHoSoBoSung=[asked], HinhThuc=True)
    return Trap(
        "mixed-types",
        'numbers, "texts", true, and two forms of dates in one packet',
        (_dossiers(new),),
    )


def _refused_by_centre(it: Dossier) -> Trap:
    refused = it.packet(TrangThaiHoSo="3", NgayTiepNhan="", NgayHenTra="", NgayTuChoi=packed(it.received))
    return Trap("never-received", "status 3, not taken in: not counted", (_dossiers(refused),))


def _withdrawn(it: Dossier) -> Trap:
    gone = it.packet(TrangThaiHoSo="7", NgayKetThucXuLy=packed(it.at(1)))
    return Trap("withdrawn", "status 7, taken back: done on time", (_dossiers(gone),))


def _impossible_date(it: Dossier) -> Trap:
    new = it.packet(NgayTiepNhan="20251131083000")
    return Trap("impossible-date", "31 November", (_dossiers(new, expect=["rejected: NgayTiepNhan"]),))


def _no_code(it: Dossier) -> Trap:
    return Trap("no-code", "no MaHoSo", (_dossiers(it.packet(MaHoSo=""), expect=["rejected: MaHoSo"]),))


def _unknown_status(it: Dossier) -> Trap:
    new = it.packet(TrangThaiHoSo="17")
    return Trap("unknown-status", "status 17", (_dossiers(new, expect=["rejected: TrangThaiHoSo"]),))


def _future(it: Dossier) -> Trap:
    new = it.packet(NgayTiepNhan=packed(it.now + timedelta(days=2)), NgayHenTra=packed(it.now + timedelta(days=5)))
    return Trap("future", "received the day after tomorrow", (_dossiers(new, expect=["rejected: NgayTiepNhan"]),))


def _finished_first(it: Dossier) -> Trap:
    done = it.packet(TrangThaiHoSo="9", NgayKetThucXuLy=packed(it.at(-1)))
    return Trap(
        "finished-first",
        "finished the day before it was received",
        (_dossiers(done, expect=["rejected: NgayKetThucXuLy"]),),
    )


def _bad_neighbour(it: Dossier) -> Trap:
    first, last = it.packet(MaHoSo=f"{it.code}1"), it.packet(MaHoSo=f"{it.code}2")
    bad = it.packet(NgayTiepNhan="")
    return Trap(
        "bad-neighbour",
        "one of three has no date of reception: the others are taken",
        (_dossiers(first, bad, last, expect=["accepted", "rejected: NgayTiepNhan", "accepted"]),),
    )


def _unknown_service(it: Dossier) -> Trap:
    return Trap(
        "unknown-service",
        "an envelope for a service that is none",
        (_v1("DongBoHoSo", it.packet(), expect=["refused 4"]),),
    )


def _nothing(it: Dossier) -> Trap:
    return Trap("nothing", "an empty array: nothing to do", (_dossiers(expect=[]),))


def _no_json(it: Dossier) -> Trap:
    cut = _json([it.packet()])[:-20]
    return Trap("no-json", "a body cut short", (Step(Door.V2, cut, ("refused 2",)),))


def _record_again(it: Dossier) -> Trap:
    return Trap(
        "record-again",
        "a record is sent again because its answer was lost",
        (_records(it.reception()), _records(it.reception(), expect=["duplicate"])),
    )


def _records_backwards(it: Dossier) -> Trap:
    done = it.record("completed", it.at(2), "2", e_result=True)
    return Trap(
        "records-backwards",
        "the result comes before the reception: the figures are the same",
        (_records(done), _records(it.reception())),
    )


def _record_without_offset(it: Dossier) -> Trap:
    new = it.reception() | {"time": f"{it.received:%Y-%m-%dT%H:%M:%S}"}
    return Trap("record-without-offset", "a time without an offset", (_records(new, expect=["rejected: time"]),))


def _record_unknown_kind(it: Dossier) -> Trap:
    new = it.record("arrived", it.received)
    return Trap("record-unknown-kind", "a kind that is none", (_records(new, expect=["rejected: type"]),))


def _record_unknown_unit(it: Dossier) -> Trap:
    new = it.reception(unit="00000")
    return Trap("record-unknown-unit", "a unit that does not exist", (_records(new, expect=["rejected: data.unit"]),))


def _record_with_person(it: Dossier) -> Trap:
    new = it.reception(applicant_name="Nguyễn Văn Thử", phone="0900000000")
    return Trap("record-with-person", "a citizen's name and phone: dropped when the record is read", (_records(new),))


def _petition_answered_first(it: Dossier) -> Trap:
    first, then = it.record("petition.answered", it.at(2), "2"), it.record("petition.received", it.received)
    return Trap("petition-answered-first", "the answer comes before the petition", (_records(first), _records(then)))


def _petition_empty_rating(it: Dossier) -> Trap:
    rated = it.record("petition.rated", it.at(2))
    return Trap(
        "petition-empty-rating", "a rating that rates nothing", (_records(rated, expect=["rejected: data.satisfied"]),)
    )


def _petition_as_dossier(it: Dossier) -> Trap:
    new = it.record("petition.received", it.received)
    new["data"] = {"unit": it.unit, "dossier": it.code}
    return Trap(
        "petition-as-dossier", "its code stands in dossier", (_records(new, expect=["rejected: data.petition"]),)
    )


def _petition_own_reason(it: Dossier) -> Trap:
    refused = it.record("petition.rejected", it.at(2), "2", reason_code="Không thuộc thẩm quyền")
    return Trap(
        "petition-own-reason",
        "a reason in one's own words",
        (_records(refused, expect=["rejected: data.reason_code"]),),
    )


def _petition_future(it: Dossier) -> Trap:
    new = it.record("petition.received", it.now + timedelta(days=2))
    return Trap(
        "petition-future", "taken in the day after tomorrow", (_records(new, expect=["rejected: data.received_at"]),)
    )


def _petition_with_person(it: Dossier) -> Trap:
    new = it.record("petition.received", it.received, sender="Nguyễn Văn Thử", content="Nội dung phản ánh")
    return Trap("petition-with-person", "its text and its sender: dropped when the record is read", (_records(new),))


_TRAPS: tuple[Callable[[Dossier], Trap], ...] = (
    _same_again, _line_again, _line_first, _eleven_lines, _reopened, _wait_as_nine, _nine_without_due, _input_as_result,
    _dummy_identity, _channel_missing, _unmapped, _code_date, _mixed_types, _refused_by_centre, _withdrawn,
    _impossible_date, _no_code, _unknown_status, _future, _finished_first, _bad_neighbour, _unknown_service, _nothing,
    _no_json, _record_again, _records_backwards, _record_without_offset, _record_unknown_kind, _record_unknown_unit,
    _record_with_person, _petition_answered_first, _petition_empty_rating, _petition_as_dossier, _petition_own_reason,
    _petition_future, _petition_with_person,
)  # fmt: skip
