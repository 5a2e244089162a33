"""The life of an apology: its state from any set of facts, what may be done when, its form by date, its letter."""

from __future__ import annotations

import io
import shutil
import zipfile
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dossier.apologies.deciding import (
    AlreadyOut,
    Case,
    DoneOtherwise,
    ExtensionsUsedUp,
    NotAllowed,
    NothingToApologiseFor,
    ValueRefused,
    Wish,
    WrongOrder,
    statements,
)
from services.dossier.apologies.domain import Action, Apology, Letter, Standing, Step, Word, derive, promise_at
from services.dossier.apologies.letter import FormGone, LetterPress
from services.dossier.apologies.rules import NewDate, load_apology_rules
from services.dossier.domain import fold
from shared.events.dossiers import Snapshot
from shared.events.statements import Facts, Kind, Statement
from shared.localtime import LOCAL
from shared.rules import RuleError
from shared.settings import RULES
from shared.units import load_units
from shared.workdays import load_calendar

APOLOGIES = load_apology_rules(RULES)
CALENDAR = load_calendar(RULES)
DUE = datetime(2025, 11, 6, 17, tzinfo=LOCAL)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text if "T" in text else f"{text}T09:00:00").replace(tzinfo=LOCAL)


def said(kind: Kind, when: str, **facts: Any) -> Statement:
    return Statement(
        source="/onestop",
        id=f"{kind}-{when}",
        kind=kind,
        unit="10966",
        dossier="A-1",
        time=at(when),
        facts=Facts(**facts),
    )


def a_dossier(*later: Statement, due: datetime = DUE) -> Snapshot:
    """Taken in on 3 November, promised for the 6th at 17:00."""
    first = said(
        Kind.RECEIVED, "2025-11-03T08:30", due_at=due, procedure="1.004873", agency="van-phong", applicant="citizen",
        procedure_name="Thủ tục cấp Giấy xác nhận tình trạng hôn nhân",
    )  # fmt: skip
    folded = fold([first, *later])
    return Snapshot(
        unit="10966",
        dossier="A-1",
        revision=1 + len(later),
        source="/onestop",
        recorded_at=at("2025-11-03"),
        state=folded.state,
        timeline=list(folded.timeline),
    )


def step(name: str, when: str, **values: Any) -> Action:
    return Action(step=Step(name), at=at(when), by="an officer", **values)


OPENED = step("opened", "2025-11-07T00:00")
DRAFTED = step("drafted", "2025-11-07T10:00", letter=Letter(circular="03/2025/TT-VPCP", form="04", due_at=DUE, cause="nhiều việc"))  # fmt: skip
ISSUED = step("issued", "2025-11-07T11:00", letter=Letter(circular="03/2025/TT-VPCP", form="04", due_at=DUE, cause="nhiều việc", number="12", signer="A"))  # fmt: skip
SENT, PUBLISHED = step("sent", "2025-11-07T14:00", note="post"), step("published", "2025-11-08T09:00")
NEW_DATE = Word(kind=Kind.EXTENDED, at=at("2025-11-06"), new_due_at=at("2025-11-10T17:00"))
APOLOGISED = Word(kind=Kind.APOLOGISED, at=at("2025-11-07"))


@pytest.mark.parametrize(
    ("actions", "words", "standing"),
    [
        ([OPENED], [], Standing.OPENED),
        ([OPENED, DRAFTED], [], Standing.DRAFTED),
        ([DRAFTED], [], Standing.DRAFTED),  # before the promise broke
        ([OPENED, DRAFTED, ISSUED], [], Standing.ISSUED),
        ([OPENED, DRAFTED, ISSUED, SENT], [], Standing.SENT),
        ([OPENED, DRAFTED, ISSUED, SENT, PUBLISHED], [], Standing.PUBLISHED),
        ([], [NEW_DATE], Standing.ISSUED),
        ([OPENED], [APOLOGISED], Standing.SENT),
        ([OPENED, DRAFTED], [NEW_DATE], Standing.ISSUED),  # the centre's own system was faster
        ([OPENED, PUBLISHED], [APOLOGISED, NEW_DATE], Standing.PUBLISHED),
    ],
)
def test_an_apology_stands_where_the_furthest_fact_put_it(
    actions: list[Action], words: list[Word], standing: Standing
) -> None:
    [apology] = derive(a_dossier(), words, {DUE: actions} if actions else {})
    assert apology.standing == standing


@given(
    st.sets(st.sampled_from([0, 1, 2, 3, 4, 5, 6]), min_size=1).flatmap(
        lambda chosen: st.tuples(st.permutations(sorted(chosen)), st.permutations(sorted(chosen)))
    )
)
def test_the_order_in_which_facts_come_changes_nothing(orders: tuple[list[int], list[int]]) -> None:
    facts = [OPENED, DRAFTED, ISSUED, SENT, PUBLISHED, NEW_DATE, APOLOGISED]

    def derived(order: list[int]) -> list[Apology]:
        actions = [one for number in order if isinstance(one := facts[number], Action)]
        words = [one for number in order if isinstance(one := facts[number], Word)]
        return derive(a_dossier(), words, {DUE: actions} if actions else {})

    assert derived(orders[0]) == derived(orders[1])


def test_a_late_word_that_it_was_finished_in_time_withdraws_and_keeps_what_was_done() -> None:
    in_time = a_dossier(said(Kind.COMPLETED, "2025-11-06T16:00"))
    [apology] = derive(in_time, [], {DUE: [OPENED, DRAFTED]})
    assert apology.standing == Standing.WITHDRAWN
    assert [one.step for one in apology.actions] == [Step.OPENED, Step.DRAFTED]
    late = a_dossier(said(Kind.COMPLETED, "2025-11-07T16:00"))
    assert derive(late, [], {DUE: [OPENED]})[0].standing == Standing.OPENED
    # a letter written ahead for a promise that was kept after all was never lateness, so nothing is withdrawn
    assert derive(in_time, [], {DUE: [DRAFTED, ISSUED]})[0].standing == Standing.ISSUED


def test_a_word_belongs_to_the_promise_that_was_in_force_when_it_was_said() -> None:
    moved_to = at("2025-11-20T17:00")
    dossier = a_dossier(
        said(Kind.SUPPLEMENT_REQUESTED, "2025-11-10"), said(Kind.SUPPLEMENTED, "2025-11-12", due_at=moved_to)
    )
    first, second = at("2025-11-07"), at("2025-11-21")
    found = derive(dossier, [Word(kind=Kind.APOLOGISED, at=first), Word(kind=Kind.APOLOGISED, at=second)], {})
    assert [(one.due_at, [word.at for word in one.words]) for one in found] == [(DUE, [first]), (moved_to, [second])]
    assert promise_at(dossier.timeline, at("2025-10-01")) == DUE  # before any promise: the first one
    assert promise_at(dossier.timeline, at("2025-11-11")) == DUE
    nothing_promised = fold([said(Kind.RECEIVED, "2025-11-03")]).timeline
    assert promise_at(nothing_promised, first) is None


def case(
    *actions: Action, now: str = "2025-11-07T11:00", words: tuple[Word, ...] = (), dossier: Snapshot | None = None
) -> Case:
    snapshot = dossier or a_dossier()
    known = derive(snapshot, words, {DUE: list(actions)} if actions else {})
    unknown = Apology(unit="10966", dossier="A-1", due_at=DUE, broken=True)
    apology = next((one for one in known if one.due_at == DUE), unknown)
    return Case(
        snapshot=snapshot,
        apology=apology,
        others=known,
        rules=APOLOGIES,
        calendar=CALENDAR,
        now=at(now),
        by="an officer",
    )


WISH = Wish(
    reason_code="workload", cause="chờ bổ nhiệm", new_due_on=date(2025, 11, 12), number="12", signer="Trần Văn B"
)


def test_a_letter_is_drafted_issued_sent_and_published_by_whom_and_when_is_kept() -> None:
    drafted = case(OPENED).draft(Wish(reason_code="workload", cause="chờ bổ nhiệm", new_due_on=date(2025, 11, 12)))
    assert drafted is not None
    assert (drafted.step, drafted.at, drafted.by) == (Step.DRAFTED, at("2025-11-07T11:00"), "an officer")
    issued = case(OPENED, drafted).issue(Wish(number="12", signer="Trần Văn B"))
    assert issued is not None and issued.letter is not None
    letter = issued.letter
    assert (letter.circular, letter.form, letter.number, letter.signer) == ("03/2025/TT-VPCP", "04", "12", "Trần Văn B")
    assert (letter.reason_code, letter.cause, letter.new_due_at) == ("workload", "chờ bổ nhiệm", at("2025-11-12T17:00"))
    assert (letter.extension, letter.extensions) == (1, 1)
    sent = case(OPENED, drafted, issued).mark(Step.SENT, "post")
    assert sent is not None
    assert case(OPENED, drafted, issued, sent).mark(Step.PUBLISHED, "https://example.vn/xin-loi/123456789") is not None


def test_the_same_action_again_changes_nothing_and_another_one_is_refused() -> None:
    drafted = case(OPENED).draft(WISH)
    assert drafted is not None
    assert case(OPENED, drafted).draft(WISH) is None
    assert case(OPENED, drafted).draft(Wish(reason_code="system")) is not None  # a better draft
    issued = case(OPENED, drafted).issue(WISH)
    assert issued is not None
    # a year later the new date is long past: what is done is done
    assert case(OPENED, drafted, issued, now="2026-11-07").issue(WISH) is None
    with pytest.raises(DoneOtherwise, match="issued by an officer at 11:00 on 07/11/2025, with other contents"):
        case(OPENED, drafted, issued).issue(Wish(number="13", signer="Trần Văn B"))
    with pytest.raises(AlreadyOut, match="on 07/11/2025"):
        case(OPENED, drafted, issued).draft(Wish(reason_code="system"))
    sent = case(OPENED, drafted, issued).mark(Step.SENT, "post")
    assert sent is not None
    assert case(OPENED, drafted, issued, sent).mark(Step.SENT, "post") is None
    with pytest.raises(DoneOtherwise):
        case(OPENED, drafted, issued, sent).mark(Step.SENT, "email")


def test_a_drafted_new_date_can_be_dropped() -> None:
    drafted = case(OPENED).draft(WISH)
    assert drafted is not None
    without = Wish(number="12", signer="Trần Văn B", without_new_date=True)
    issued = case(OPENED, drafted).issue(without)
    assert issued is not None and issued.letter is not None
    assert (issued.letter.new_due_at, issued.letter.extension) == (None, 0)
    assert (issued.letter.reason_code, issued.letter.cause) == ("workload", "chờ bổ nhiệm")
    assert [one.kind for one in statements("10966", "A-1", issued)] == [Kind.APOLOGISED]
    assert case(OPENED, drafted, issued).issue(without) is None
    with pytest.raises(DoneOtherwise):
        case(OPENED, drafted, issued).issue(Wish(number="12", signer="Trần Văn B"))
    with pytest.raises(ValueRefused, match="new_due_on: is given, and none is wanted"):
        case(OPENED, drafted).issue(replace(without, new_due_on=date(2025, 11, 12)))
    again = case(OPENED, drafted).draft(Wish(reason_code="workload", cause="chờ bổ nhiệm"))
    assert again is not None and again.letter is not None and again.letter.new_due_at is None


def test_a_date_that_the_centre_gave_meanwhile_uses_up_the_drafted_one() -> None:
    drafted = case(OPENED, dossier=MOVED).draft(replace(WISH, number="", signer=""))
    assert drafted is not None
    by_centre = (Word(kind=Kind.EXTENDED, at=at("2025-11-03T12:00"), new_due_at=at("2025-11-05T17:00")),)
    meanwhile, signed = case(OPENED, drafted, dossier=MOVED, words=by_centre), Wish(number="12", signer="B")
    with pytest.raises(ExtensionsUsedUp):
        meanwhile.issue(signed)
    issued = meanwhile.issue(replace(signed, without_new_date=True))
    assert issued is not None and issued.letter is not None and issued.letter.new_due_at is None


@pytest.mark.parametrize(("allowed", "dates"), [(0, 0), (1, 1), (2, 2)])
def test_how_many_new_dates_a_dossier_gets_is_in_the_rules(allowed: int, dates: int) -> None:
    rules = replace(APOLOGIES, versions=[one.model_copy(update={"extensions": allowed}) for one in APOLOGIES.versions])
    given = [
        Word(kind=Kind.EXTENDED, at=at("2025-11-03T12:00"), new_due_at=at("2025-11-05T17:00")),
        Word(kind=Kind.EXTENDED, at=at("2025-11-03T13:00"), new_due_at=at("2025-11-05T17:00")),
    ]
    taken = 0
    for used in range(3):
        one = replace(case(OPENED, dossier=MOVED, words=tuple(given[:used])), rules=rules)
        try:
            assert one.draft(Wish(reason_code="workload", new_due_on=date(2025, 11, 12))) is not None
        except ExtensionsUsedUp:
            break
        taken += 1
    assert taken == dates


def test_an_issue_repeated_after_its_form_or_cause_left_the_rules_is_the_same_issue() -> None:
    drafted = case(OPENED).draft(WISH)
    assert drafted is not None
    issued = case(OPENED, drafted).issue(WISH)
    assert issued is not None
    later = case(OPENED, drafted, issued, now="2027-01-04T09:00")
    ended = [one.model_copy(update={"valid_to": date(2026, 12, 31)}) for one in APOLOGIES.versions]
    at_four = [one.model_copy(update={"new_date": NewDate(working_day=True, time=time(16))}) for one in ended[1:]]
    for rules in (
        replace(APOLOGIES, versions=ended),
        replace(APOLOGIES, versions=ended[:1]),
        replace(APOLOGIES, reasons={"system": "sự cố"}),
        replace(APOLOGIES, versions=[at_four[0].model_copy(update={"valid_to": None})]),
    ):
        one = replace(later, rules=rules)
        assert one.issue(WISH) is None
        assert one.issue(Wish(number="12", signer="Trần Văn B")) is None, "what is left out is as drafted"
        assert one.draft(WISH) is None
        with pytest.raises(DoneOtherwise):
            one.issue(replace(WISH, number="13"))


def test_steps_come_in_their_order() -> None:
    with pytest.raises(WrongOrder, match="cannot be issued before it is drafted"):
        case(OPENED).issue(WISH)
    with pytest.raises(WrongOrder, match="cannot be sent before it is issued"):
        case(OPENED, DRAFTED).mark(Step.SENT, "post")
    with pytest.raises(WrongOrder, match="cannot be published before it is sent"):
        case(OPENED, DRAFTED, ISSUED).mark(Step.PUBLISHED, "")
    # what the centre's own system did counts
    assert case(OPENED, words=(APOLOGISED,)).mark(Step.PUBLISHED, "") is not None
    with pytest.raises(AlreadyOut, match="on 06/11/2025"):
        case(OPENED, DRAFTED, words=(NEW_DATE,)).issue(WISH)


FINISHED = a_dossier(said(Kind.COMPLETED, "2025-11-07T10:00"))
EARLIER = at("2025-11-04T17:00")
MOVED = a_dossier(
    said(Kind.SUPPLEMENT_REQUESTED, "2025-11-04T09:00"),
    said(Kind.SUPPLEMENTED, "2025-11-05T09:00", due_at=DUE),
    due=EARLIER,
)


@pytest.mark.parametrize(
    ("wish", "dossier", "reason"),
    [
        (Wish(reason_code="workload", new_due_on=date(2025, 11, 7)), None, "new_due_on: 07/11/2025 is not after today"),
        (
            Wish(reason_code="workload", new_due_on=date(2025, 10, 30)),
            None,
            "new_due_on: 30/10/2025 is not after today",
        ),
        (Wish(reason_code="workload", new_due_on=date(2025, 11, 15)), None, "new_due_on: 15/11/2025 is no working day"),
        (Wish(reason_code="workload", new_due_on=date(2026, 1, 1)), None, "new_due_on: 01/01/2026 is no working day"),
        (Wish(reason_code="workload", new_due_on=date(2025, 11, 12)), FINISHED, "new_due_on: the dossier is finished"),
        (Wish(reason_code="laziness"), None, "reason_code: 'laziness' is not known"),
        (Wish(cause="ông A, số 0912 345 678"), None, "cause: holds a number or an address of a person"),
        (Wish(cause="CCCD 031088001234"), None, "cause: holds a number or an address of a person"),
        (Wish(cause="gửi về a.nguyen@example.vn"), None, "cause: holds a number or an address of a person"),
        (Wish(), None, "cause: is missing"),
    ],
)
def test_what_can_never_be_promised_or_said_is_refused_with_the_field(
    wish: Wish, dossier: Snapshot | None, reason: str
) -> None:
    drafted = step("drafted", "2025-11-07T10:00", letter=Letter(circular="x", form="04", due_at=DUE))
    with pytest.raises(ValueRefused) as refused:
        case(OPENED, drafted, dossier=dossier).issue(wish)
    assert str(refused.value).startswith(reason)


def test_a_new_date_lies_behind_the_promise_also_when_the_letter_comes_before_it() -> None:
    ahead = case(now="2025-11-04T09:00")
    with pytest.raises(ValueRefused, match=r"06/11/2025 is not after the promise of 06/11/2025"):
        ahead.draft(Wish(reason_code="workload", new_due_on=date(2025, 11, 6)))
    assert ahead.draft(Wish(reason_code="workload", new_due_on=date(2025, 11, 7))) is not None


def test_a_second_extension_is_refused_whoever_gave_the_first() -> None:
    again = Wish(reason_code="workload", new_due_on=date(2025, 11, 12))
    by_centre = (Word(kind=Kind.EXTENDED, at=at("2025-11-03T12:00"), new_due_at=at("2025-11-05T17:00")),)
    with pytest.raises(
        ExtensionsUsedUp, match=r"was given a new date 1 times and may be given 1 \(issue the letter without"
    ):
        case(OPENED, dossier=MOVED, words=by_centre).draft(again)
    assert case(OPENED, dossier=MOVED, words=by_centre).draft(Wish(reason_code="workload")) is not None
    letter = Letter(circular="01/2018/TT-VPCP", form="04", due_at=EARLIER, new_due_at=at("2025-11-05T17:00"))
    ours = step("issued", "2025-11-03T12:00", letter=letter)
    now = case(OPENED, dossier=MOVED)
    by_us = derive(MOVED, [], {DUE: [OPENED], EARLIER: [ours]})
    with pytest.raises(ExtensionsUsedUp):
        Case(**{**vars(now), "others": by_us}).draft(again)


def test_there_is_nothing_to_apologise_for_when_the_promise_was_kept() -> None:
    kept = a_dossier(said(Kind.COMPLETED, "2025-11-06T16:00"))
    with pytest.raises(NothingToApologiseFor, match=r"A-1 has not broken the promise of 06/11/2025"):
        case(OPENED, dossier=kept).draft(WISH)
    # a letter that is out may still be said to have been sent
    assert case(OPENED, DRAFTED, ISSUED, dossier=kept).mark(Step.SENT, "post") is not None


def test_an_issued_letter_tells_the_journal_the_same_statements_each_time_without_the_cause() -> None:
    letter = Letter(
        circular="x",
        form="04",
        due_at=DUE,
        reason_code="workload",
        cause="lời riêng",
        new_due_at=at("2025-11-12T17:00"),
    )
    issued = step("issued", "2025-11-07T11:00", letter=letter)
    told = statements("10966", "A-1", issued)
    assert [(one.id, one.kind, one.time, one.facts.reason) for one in told] == [
        ("10966/A-1/2025-11-06T17:00:00/apologised", Kind.APOLOGISED, at("2025-11-07T11:00"), None),
        ("10966/A-1/2025-11-06T17:00:00/extended", Kind.EXTENDED, at("2025-11-07T11:00"), None),
    ]
    assert told[1].facts == Facts(reason_code="workload", extended_due_at=at("2025-11-12T17:00"))
    assert told == statements("10966", "A-1", issued)
    longest = [one.id for one in statements("10966", "Đ" * 200, issued)]
    assert len(set(longest)) == 2 and max(map(len, longest)) <= 200


@pytest.mark.parametrize(
    ("day", "circular", "title"),
    [
        ("2025-07-01", "01/2018/TT-VPCP", "Phiếu xin lỗi và hẹn lại ngày trả kết quả"),
        ("2025-09-14", "01/2018/TT-VPCP", "Phiếu xin lỗi và hẹn lại ngày trả kết quả"),
        ("2025-09-15", "03/2025/TT-VPCP", "Văn bản xin lỗi và đề nghị gia hạn thời gian giải quyết"),
        ("2031-01-01", "03/2025/TT-VPCP", "Văn bản xin lỗi và đề nghị gia hạn thời gian giải quyết"),
    ],
)
def test_the_form_depends_on_the_day(day: str, circular: str, title: str) -> None:
    form = APOLOGIES.on(date.fromisoformat(day))
    assert form is not None
    assert (form.circular, form.form, form.title_vi) == (circular, "04", title)
    assert APOLOGIES.on(date(2018, 1, 1)) is None


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("apologies.yaml", "valid_to: 2025-09-14", "valid_to: 2025-09-15", r"apologies\.yaml:\d+: versions\[1\]"),
        ("apologies.yaml", 'circular: "03/2025/TT-VPCP"', 'circular: "01/2018/TT-VPCP"', r"versions\[1\]\.form: form 04 of 01/2018/TT-VPCP stands twice"),
        ("apologies.yaml", "letter: tt-03-2025", "letter: tt-04-2025", r"versions\[1\]\.letter: there is no file apologies/tt-04-2025\.yaml"),
        ("apologies.yaml", "extensions: 1   ", "extensions: -1   ", r"versions\[\d\]\.extensions"),
        ("apologies.yaml", "written_by: 1\n\n", "written_by: 1\n    colour: red\n\n", r"versions\[1\]\.colour: is not a field known here"),
        ("apologies/tt-03-2025.yaml", "{new_due}", "{new_duo}", r"tt-03-2025\.yaml:\d+: closing\[\d\]\.text_vi: \{new_duo\} is no word known here"),
        ("apologies/tt-03-2025.yaml", "when: [finished]", "when: [ended]", r"tt-03-2025\.yaml:\d+: closing\[2\]\.when\[0\]"),
        ("apologies/tt-03-2025.yaml", "Kính gửi: {addressee}", "Kính gửi: {name_of}", r"issuer\.default\.addressee_vi: \{name_of\} is no word"),
        ("apologies/tt-03-2025.yaml", '"{dossier}"', '"{dossier"', r"facts\[0\]\.text_vi: .*brace"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_rules_is_named_with_file_line_and_field(
    tmp_path: Path, file: str, old: str, new: str, problem: str
) -> None:
    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    text = (rules / file).read_text("utf-8")
    assert old in text
    (rules / file).write_text(text.replace(old, new), "utf-8")
    with pytest.raises(RuleError, match=problem):
        load_apology_rules(rules)


PRESS = LetterPress(RULES, APOLOGIES, load_units(RULES))


def a_letter(**values: Any) -> Action:
    letter = Letter(**{
        "circular": "03/2025/TT-VPCP", "form": "04", "procedure": "1.004873", "agency": "kinh-te", "applicant": "citizen",
        "procedure_name": "Thủ tục cấp Giấy xác nhận tình trạng hôn nhân", "received_at": at("2025-11-03T08:30"),
        "due_at": DUE, "extension": 1, "extensions": 1, "reason_vi": "việc xác minh thực tế kéo dài",
        "cause": "hồ sơ gốc ở đơn vị cũ", "new_due_at": at("2025-11-12T17:00"), "number": "12", "signer": "Trần Thị Minh",
    } | values)  # fmt: skip
    return step("issued", "2025-11-07T09:00", letter=letter)


def text_of(content: bytes) -> str:
    document = docx.Document(io.BytesIO(content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(one.text for one in document.paragraphs), *cells])


def test_the_letter_names_what_a_real_one_names() -> None:
    text = text_of(PRESS.docx("10966", "H24.103-251103-0012", a_letter()))
    for words in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "UBND XÃ BÌNH GIANG",
        "Mẫu số 04 (Thông tư số 03/2025/TT-VPCP)", "Số: 12/VBXL-TTPVHCC", "Bình Giang, ngày 07 tháng 11 năm 2025",
        "VĂN BẢN XIN LỖI VÀ ĐỀ NGHỊ GIA HẠN THỜI GIAN GIẢI QUYẾT", "Kính gửi: Ông/Bà ………", "H24.103-251103-0012",
        "Thủ tục cấp Giấy xác nhận tình trạng hôn nhân (mã thủ tục 1.004873)", "08 giờ 30 phút, ngày 03/11/2025",
        "17 giờ 00 phút, ngày 06/11/2025", "Phòng Kinh tế", "việc xác minh thực tế kéo dài; hồ sơ gốc ở đơn vị cũ",
        "17 giờ 00 phút, ngày 12/11/2025, tại Trung tâm Phục vụ hành chính công xã Bình Giang", "lần gia hạn thứ 1",
        "Văn phòng UBND thành phố Hải Phòng", "Trần Thị Minh", "quá thời gian hẹn",
    ):  # fmt: skip
        assert words in text, words


def test_the_letter_follows_the_form_of_its_circular_and_the_unit() -> None:
    old = text_of(PRESS.docx("10510", "A-1", a_letter(circular="01/2018/TT-VPCP", new_due_at=None), "Bà Lê Thị Hồng"))
    for words in ("PHIẾU XIN LỖI VÀ HẸN LẠI NGÀY TRẢ KẾT QUẢ", "UBND PHƯỜNG THÀNH ĐÔNG", "Số: 12/PXL-TTPVHCC",
                  "Kính gửi: Bà Lê Thị Hồng", "Phòng Kinh tế, Hạ tầng và Đô thị", "về sự chậm trễ này"):  # fmt: skip
        assert words in old, words
    assert "…" not in old and "gia hạn" not in old
    whole = text_of(
        PRESS.docx("10966", "A-1", a_letter(number="07/TB-UBND", finished_at=at("2025-11-10"), new_due_at=None))
    )
    assert "Số: 07/TB-UBND\n" in whole and "đã được giải quyết xong 09 giờ 00 phút, ngày 10/11/2025" in whole


def test_a_letter_whose_form_left_the_rules_is_not_printed_as_another_one() -> None:
    press = LetterPress(RULES, replace(APOLOGIES, versions=APOLOGIES.versions[1:]), load_units(RULES))
    assert text_of(press.docx("10966", "A-1", a_letter()))
    with pytest.raises(FormGone, match=r"form 04 of 01/2018/TT-VPCP is no longer in apologies\.yaml"):
        press.docx("10966", "A-1", a_letter(circular="01/2018/TT-VPCP"))


def test_a_draft_has_neither_number_nor_date() -> None:
    drafted = step("drafted", "2025-11-05T09:00", letter=a_letter(number="", signer="").letter)
    text = text_of(PRESS.docx("10966", "A-1", drafted))
    assert "DỰ THẢO" in text and "ngày      tháng      năm 2025" in text
    assert "không thể trả đúng thời gian" in text  # written before the promised day was over


@pytest.mark.parametrize("kind", ["pdf", "docx"])
def test_printed_again_it_is_the_same_letter_and_one_page(kind: str) -> None:
    write = getattr(PRESS, kind)
    name = "Đăng ký biến động đất đai " * 40  # longer than any procedure's name
    for letter in (a_letter(), a_letter(procedure_name=name, cause="việc " * 50, extended_before=DUE, applicant=None)):
        content = write("10966", "A-1", letter)
        assert content == write("10966", "A-1", letter)
        assert content != write("10966", "A-1", letter, "Bà Lê Thị Hồng")
        if kind == "pdf":
            assert content.startswith(b"%PDF") and b"/Count 1" in content
        else:
            assert all(
                part.date_time == (1980, 1, 1, 0, 0, 0) for part in zipfile.ZipFile(io.BytesIO(content)).infolist()
            )


def test_where_no_form_is_in_force_nothing_is_written() -> None:
    with pytest.raises(NotAllowed, match=r"no form of apology is in force on 02/01/2017 \(see apologies\.yaml\)"):
        case(OPENED, now="2017-01-02").draft(WISH)
