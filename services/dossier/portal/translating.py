"""What a packet's item says, as statements: a pure function of the item, of what is known, and of the time.

A synchronised dossier is a photograph, not an event: most of what it shows carries its own date, and becomes a statement
of that date under an id made of it, so that the same photograph again says nothing new. What carries no date (a changed
field, a wait without its beginning) happened, for all we know, when we were told; docs/decisions/0031 has the reasons.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from services.dossier.portal.items import PacketItem
from services.dossier.portal.rules import PortalRules
from shared.events.dossiers import Snapshot, State, Step
from shared.events.statements import Facts, Kind, Refused, Remark, Statement, lies_ahead
from shared.localtime import local_date

MAX_CODE = 120
"""Characters of a dossier code; ids are made of it and may not exceed 200."""
_CODE = re.compile(rf"[0-9A-Za-zĐđ._/-]{{1,{MAX_CODE}}}", re.ASCII)
_WAITS = {Kind.SUPPLEMENT_REQUESTED, Kind.PAYMENT_REQUESTED}
_ENDS = {Kind.WITHDRAWN, Kind.STOPPED, Kind.COMPLETED, Kind.HANDED_OVER}
_SEE_STATUS = "send a number from 1 to 10"


@dataclass(frozen=True, kw_only=True)
class Context:
    """Who speaks (`unit`, `source`), in which generation, what is known of the dossier, and when we were told."""

    rules: PortalRules
    unit: str
    source: str
    generation: int
    now: datetime
    known: Snapshot | None = None


def code_of(item: PacketItem) -> str:
    """The dossier code of an item; raises `Refused` when it is missing or cannot be a key."""
    code = item.text("MaHoSo", limit=MAX_CODE + 1)
    if code is None:
        raise Refused("MaHoSo", "is missing", "send the dossier's code")
    if not _CODE.fullmatch(code):  # a code is a key and is shown everywhere: no name may slip into it
        raise Refused(
            "MaHoSo", "is no dossier code", f"send at most {MAX_CODE} letters, digits, dots, dashes or slashes"
        )
    return code


def is_progress(item: PacketItem) -> bool:
    """A line of progress, not a dossier: the two are told by their fields, whatever address they came to."""
    return item.has("ThoiDiemXuLy") or (item.has("TrangThai") and not item.has("TrangThaiHoSo"))


def translate(item: PacketItem, context: Context) -> list[Statement]:
    """The statements of one item, oldest meaning first; none when it says nothing new. Raises `Refused`."""
    said = _progress(item, context) if is_progress(item) else _Dossier(item, context).statements()
    return list(said)


def _progress(item: PacketItem, context: Context) -> Iterator[Statement]:
    code, kind = code_of(item), _status(item, "TrangThai", context.rules)
    at = item.instant("ThoiDiemXuLy")
    if at is None:
        raise Refused("ThoiDiemXuLy", "is missing", "send when it happened")
    remarks: tuple[Remark, ...] = ()
    if kind is Kind.COMPLETED and (really := context.rules.really(item.text("NoiDungXuLy") or "")):
        kind, remarks = really, (Remark.NOT_DONE_AS_SAID,)
    if kind is Kind.RECEIVED and lies_ahead(at, context.now):
        raise Refused("ThoiDiemXuLy", "lies in the future", "send the reception when it has happened")
    # the portal's own key of a line; an officer is told from another without being named
    officer = hashlib.sha256((item.text("NguoiXuLy") or "").encode()).hexdigest()[:12]
    status = item.text("TrangThai")
    facts = Facts(due_at=_promise_of_the_wait(context.known, kind), remarks=remarks or None)
    yield _statement(context, code, kind, at, f"progress/{at:%Y%m%d%H%M%S}/{status}/{officer}", facts)


def _promise_of_the_wait(known: Snapshot | None, kind: Kind) -> datetime | None:
    """A new date given with the request itself holds after the answer: the pause must not move it once more."""
    if known is None or kind not in (Kind.PROCESSING, Kind.SUPPLEMENTED) or not known.state.is_waiting:
        return None
    asked = [step for step in known.timeline if step.kind in _WAITS]
    return known.state.due_at if asked and asked[-1].to.get("due_at") is not None else None


class _Dossier:
    """One synchronised dossier while it is read."""

    def __init__(self, item: PacketItem, context: Context) -> None:
        self._item, self._context, self._known = item, context, context.known
        self._code = code_of(item)
        self._kind = _status(item, "TrangThaiHoSo", context.rules)
        self._received_at = item.instant("NgayTiepNhan")
        self._ended_at, self._handed_at = item.instant("NgayKetThucXuLy"), item.instant("NgayTra")
        self._asked = [_Asked(one) for one in item.items("DanhSachHoSoBoSung") if one.text("NgayBoSung")]
        self._results, self._result_is_input = _results(item)
        self._remarks = list[Remark]()

    def statements(self) -> Iterator[Statement]:
        """Statements of everything that the dossier shows and that is not known, with what was odd on the first."""
        self._look()
        said = list(self._said())
        if said and self._remarks:
            first = said[0]
            facts = msgspec.structs.replace(first.facts, remarks=tuple(dict.fromkeys(self._remarks)))
            said[0] = msgspec.structs.replace(first, facts=facts)
        return iter(said)

    def _look(self) -> None:
        """Note what is odd; refuse what cannot be."""
        item, context = self._item, self._context
        if context.generation > 1 and item.text("KenhThucHien") not in context.rules.channel:
            self._remarks.append(Remark.CHANNEL_MISSING)
        if self._result_is_input:
            self._remarks.append(Remark.RESULT_IS_INPUT)
        identities = [one.text("SoDinhDanh") for one in item.items("DinhDanhCHS")]
        identities += [item.text("SoGiayToChuHoSo"), item.text("MaDoiTuong")]
        if any(one and context.rules.is_dummy(one) for one in identities):
            self._remarks.append(Remark.DUMMY_IDENTITY)
        if self._is_no_end():
            self._kind = self._really()
            self._remarks.append(Remark.NOT_DONE_AS_SAID)

    def _is_no_end(self) -> bool:
        """Status 9 with neither an end date nor a result, beside an open request or a text that tells of a wait."""
        if self._kind is not Kind.COMPLETED or self._ended_at or self._handed_at or self._results:
            return False
        return self._open_request() is not None or self._told() is not None

    def _really(self) -> Kind:
        return Kind.SUPPLEMENT_REQUESTED if self._open_request() else self._told() or Kind.PROCESSING

    def _told(self) -> Kind | None:
        texts = (self._item.text(name) or "" for name in ("ThongTinTra", "GhiChu", "NoiDungXuLy"))
        return self._context.rules.really(" ".join(texts))

    def _open_request(self) -> _Asked | None:
        return next((one for one in reversed(self._asked) if one.answered_at is None), None)

    def _said(self) -> Iterator[Statement]:
        if self._kind in (Kind.SUBMITTED, Kind.REFUSED):
            yield self._before_reception()
            return
        if self._received_at is None:
            raise Refused("NgayTiepNhan", "is missing", "send the reception date, or status 1 or 3")
        if lies_ahead(self._received_at, self._context.now):
            raise Refused("NgayTiepNhan", "lies in the future", "send the reception when it has happened")
        yield from self._reception(self._received_at)
        for asked in self._asked:
            yield from self._supplement(asked)
        yield from self._present(self._received_at)

    def _before_reception(self) -> Statement:
        names = ("NgayNopHoSo", "NgayTiepNhan") if self._kind is Kind.SUBMITTED else ("NgayTuChoi", "NgayKetThucXuLy")
        at = next((found for name in names if (found := self._item.instant(name))), None)
        if at is None:
            raise Refused(names[0], "is missing", "send when it happened")
        return self._state(self._kind, at, self._first_facts())

    def _first_facts(self) -> Facts:
        """The facts of a dossier that is new to us: without a channel it counts as direct (domain.md §4.4)."""
        facts = _facts(self._item, self._context)
        return msgspec.structs.replace(facts, channel=facts.channel or "direct")

    def _reception(self, received_at: datetime) -> Iterator[Statement]:
        due_at = self._item.instant("NgayHenTra")
        if self._known is None or self._known.state.received_at is None:
            whole = msgspec.structs.replace(self._first_facts(), received_at=received_at, due_at=due_at)
            yield self._state(Kind.RECEIVED, received_at, whole)
            return
        state = self._known.state
        said = [*_said_facts(_facts(self._item, self._context)), *self._late_result(state)]
        news = {name: value for name, value in said if getattr(state, name) != value}
        if state.received_at != received_at:
            news["received_at"] = received_at
        # a promise that was replaced since is no news: nightly runs repeat the first one for ever
        if due_at is not None and due_at not in _promises(self._known):
            news["due_at"] = due_at
        if news:
            mark = f"updated/{_fingerprint(news)}/{self._known.revision}"
            yield _statement(self._context, self._code, Kind.UPDATED, self._context.now, mark, Facts(**news))

    def _late_result(self, state: State) -> list[tuple[str, Any]]:
        """Results are often uploaded after the end was said, whose statement then says nothing new any more."""
        return _said_facts(self._result_facts()) if state.is_finished and self._is_result() else []

    def _is_result(self) -> bool:
        return self._kind in (Kind.COMPLETED, Kind.HANDED_OVER)

    def _result_facts(self) -> Facts:
        return Facts(e_result=self._results, result_file=self._results) if self._is_result() else Facts()

    def _supplement(self, asked: _Asked) -> Iterator[Statement]:
        due = f"{asked.due_at:%Y%m%d%H%M%S}" if asked.due_at else "-"
        facts = Facts(due_at=asked.due_at)
        mark = f"supplement_requested/{asked.at:%Y%m%d%H%M%S}/{due}"
        yield _statement(self._context, self._code, Kind.SUPPLEMENT_REQUESTED, asked.at, mark, facts)
        if asked.answered_at is not None:
            mark = f"supplemented/{asked.answered_at:%Y%m%d%H%M%S}/{due}"
            yield _statement(self._context, self._code, Kind.SUPPLEMENTED, asked.answered_at, mark, facts)

    def _present(self, received_at: datetime) -> Iterator[Statement]:
        """What the dossier is now; its date is the packet's own where it has one."""
        kind = self._kind
        if kind in _ENDS:
            yield from self._end(received_at)
        elif self._is_dated_wait():
            return
        elif kind in _WAITS or self._goes_back():
            # without a date it began, for all we know, when we were told; the same packet again changes nothing
            mark = f"{kind}/{_fingerprint(self._content())}"
            self._remarks.append(Remark.TIME_NOT_SAID)
            yield _statement(self._context, self._code, kind, self._context.now, mark, Facts())
        elif kind is Kind.PROCESSING and self._known is None:
            mark = f"{kind}/{_fingerprint(self._content())}"
            yield _statement(self._context, self._code, kind, received_at, mark, Facts())

    def _is_dated_wait(self) -> bool:
        """A wait whose beginning the packet's own list gives, or that is known already."""
        if self._known is not None and self._known.state.status == self._kind and self._known.state.is_waiting:
            return True
        return self._kind is Kind.SUPPLEMENT_REQUESTED and self._open_request() is not None

    def _goes_back(self) -> bool:
        """Said to be worked on, while we know it as finished, or as waiting with no answer in the packet."""
        if self._kind is not Kind.PROCESSING or self._known is None:
            return False
        return self._known.state.is_finished or (self._known.state.is_waiting and not self._asked)

    def _end(self, received_at: datetime) -> Iterator[Statement]:
        at = self._ended_at or self._handed_at
        if at is None:
            raise Refused("NgayKetThucXuLy", "is missing for a finished dossier", "send when it was finished")
        if local_date(at) < local_date(received_at):
            name = "NgayKetThucXuLy" if self._ended_at else "NgayTra"
            reason = f"finished on {local_date(at)}, before the reception on {local_date(received_at)}"
            raise Refused(name, reason, "correct the date that is wrong; dates are compared, not times")
        yield self._state(Kind.COMPLETED if self._is_result() else self._kind, at, self._result_facts())
        if self._is_result() and self._handed_at is not None:
            yield self._state(Kind.HANDED_OVER, self._handed_at, Facts())

    def _state(self, kind: Kind, at: datetime, facts: Facts) -> Statement:
        return _statement(self._context, self._code, kind, at, f"{kind}/{at:%Y%m%d%H%M%S}", facts)

    def _content(self) -> dict[str, Any]:
        """Everything that the packet says, without a person in it."""
        facts = dict(_said_facts(_facts(self._item, self._context)))
        dates = [self._received_at, self._item.instant("NgayHenTra"), self._ended_at, self._handed_at]
        return {
            **facts,
            "kind": self._kind,
            "dates": dates,
            "asked": [(one.at, one.answered_at) for one in self._asked],
        }


class _Asked:
    """One entry of DanhSachHoSoBoSung: asked at, answered at, the promise that holds afterwards."""

    def __init__(self, item: PacketItem) -> None:
        at = item.instant("NgayBoSung")
        assert at is not None
        self.at = at
        self.answered_at = item.instant("NgayTiepNhanBoSung")
        self.due_at = item.instant("NgayHenTraMoi")


def _status(item: PacketItem, name: str, rules: PortalRules) -> Kind:
    status = item.text(name, limit=20)
    if status is None:
        raise Refused(name, "is missing", _SEE_STATUS)
    kind = rules.status.get(status)
    if kind is None:
        raise Refused(name, "is no status that the portal knows", _SEE_STATUS)
    return kind


def _facts(item: PacketItem, context: Context) -> Facts:
    """The plain facts of a dossier; the portal's texts about people are not among them."""
    rules, files = context.rules, item.items("TaiLieuNop")
    payment = rules.payment.get(item.text("DuocThanhToanTrucTuyen") or "")
    digitised = item.flag("HoSoCoThanhPhanSoHoa")
    return Facts(
        procedure=item.text("MaTTHC", limit=200),
        procedure_name=item.text("TenTTHC", limit=4000),
        field=item.text("TenLinhVuc"),
        channel=rules.channel.get(item.text("KenhThucHien") or ""),
        service_level=rules.service_level.get(item.text("MucDo") or ""),
        applicant=rules.applicant.get(item.text("LoaiDoiTuong") or ""),
        submitted_at=item.instant("NgayNopHoSo"),
        fee_due=payment.fee_due if payment else _any_fee(item.items("DanhSachLePhi")),
        paid_online=payment.paid_online if payment else None,
        digitised_input=_any_flag(files, "DuocSoHoa") if digitised is None else digitised,
        reused_data=_any_reused(files),
        postal_return=item.flag("HinhThuc"),
    )


def _any_fee(fees: Sequence[PacketItem]) -> bool | None:
    """A fee with a price is due; a list of free ones says nothing."""
    return any((one.text("Gia") or "").strip("0.,") for one in fees) or None


def _any_flag(files: Sequence[PacketItem], name: str) -> bool | None:
    flags = [flag for one in files if (flag := one.flag(name)) is not None]
    return any(flags) if flags else None


def _any_reused(files: Sequence[PacketItem]) -> bool | None:
    marks = [mark for one in files if (mark := one.text("DuocTaiSuDung"))]
    return any(mark in ("1", "2") for mark in marks) if marks else None


def _results(item: PacketItem) -> tuple[bool, bool]:
    """Whether there is an electronic result, and whether a submitted file poses as one (the same address in both lists)."""
    handed_in = {one.text("DuongDanTaiTepTin", limit=2000) for one in item.items("TaiLieuNop")} - {None}
    results = [one.text("DuongDanTepTinKetQua", limit=2000) for one in item.items("DanhSachGiayToKetQua")]
    posing = [one for one in results if one in handed_in]
    return len(results) > len(posing), bool(posing)


def _said_facts(facts: Facts) -> list[tuple[str, Any]]:
    return [(name, value) for name in Facts.__struct_fields__ if (value := getattr(facts, name)) is not None]


def _promises(known: Snapshot | None) -> set[datetime]:
    """Every due instant that this dossier was ever promised."""
    steps: Sequence[Step] = known.timeline if known else ()
    said = (step.to.get("due_at") for step in steps)
    return {datetime.fromisoformat(one) if isinstance(one, str) else one for one in said if one is not None}


def _fingerprint(content: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:16]


def _statement(context: Context, code: str, kind: Kind, at: datetime, mark: str, facts: Facts) -> Statement:
    return Statement(
        source=context.source, id=f"{code}/{mark}", kind=kind, unit=context.unit, dossier=code, time=at, facts=facts
    )
