"""Alert rules written by hand: whatever a rule names and nobody knows is refused where it stands."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from services.notification.domain import next_pause, send_at
from services.notification.rules import Wording, load_receivers, load_rules
from services.notification.usecases import DecideAlerts
from shared.events.dossiers import DossierEvent, DossierSaid, Snapshot, State
from shared.events.envelope import decode_envelope, encode_event, read_data
from shared.events.owed_reports import OwedReport
from shared.events.petition_snapshots import PetitionSaid, PetitionSnapshot, PetitionState
from shared.rules import RuleError
from shared.settings import RULES
from shared.units import load_units
from shared.workdays import load_calendar

HEAD = "roles:\n  lanh-dao: Lãnh đạo\nrules:\n"
RULE = "  - {id: a, event: dossier.overdue, to: [lanh-dao], template: late}\n"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    templates = tmp_path / "alerts" / "templates"
    templates.mkdir(parents=True)
    (templates / "late.j2").write_text("{{ event.subject }}\n{{ day(data.changed.due_at) }}\n", "utf-8")
    return tmp_path


def refusal(rules: Path, text: str) -> list[tuple[int, str, str]]:
    (rules / "alerts" / "rules.yaml").write_text(text, "utf-8")
    with pytest.raises(RuleError) as refused:
        load_rules(rules)
    here = [one for one in refused.value.problems if one.file.endswith("rules.yaml")]
    return [(one.line, one.field, one.reason) for one in here]


@pytest.mark.parametrize(
    ("rule", "field", "reason"),
    [
        ("{id: b, event: dossier.overdue, to: [lanh-dao], template: gone}", "rules[1].template", "unknown template 'gone'"),
        ("{id: b, event: dossier.late, to: [lanh-dao], template: late}", "rules[1].event", "unknown event 'dossier.late'"),
        ("{id: b, event: dossier.overdue, to: [lanhdao], template: late}", "rules[1].to[0]", "unknown role 'lanhdao'"),
        ("{id: b, event: dossier.overdue, to: [], template: late}", "rules[1].to", "at least 1 item"),
        ("{id: a, event: dossier.overdue, to: [lanh-dao], template: late}", "rules[1].id", "'a' stands twice"),
        ("{id: b, event: dossier.overdue, to: [lanh-dao], template: late, urgency: loud}", "rules[1].urgency", "'digest'"),
        ("{id: b, event: dossier.overdue, to: [lanh-dao], template: late, chanel: sms}", "rules[1].chanel", "not a field"),
        (
            "{id: b, event: dossier.overdue, where: {changed.duedate: [x]}, to: [lanh-dao], template: late}",
            "rules[1].where.changed.duedate",
            "dossier.overdue has no field 'changed.duedate'",
        ),
        (
            "{id: b, event: dossier.overdue, where: {snapshot.state.feild: [x]}, to: [lanh-dao], template: late}",
            "rules[1].where.snapshot.state.feild",
            "dossier.overdue has no field 'snapshot.state.feild'",
        ),
        (
            "{id: b, event: plan.target_met, where: {verdikt: [met]}, to: [lanh-dao], template: late}",
            "rules[1].where.verdikt",
            "plan.target_met has no field 'verdikt'",
        ),
    ],
)  # fmt: skip
def test_a_mistaken_rule_is_refused_with_line_and_field(rule: str, field: str, reason: str, rules: Path) -> None:
    line, named, said = refusal(rules, f"{HEAD}{RULE}  - {rule}\n")[0]
    assert (line, named) == (5, field)
    assert reason in said


def test_every_mistake_of_a_file_is_named_at_once(rules: Path) -> None:
    wrong = "  - {id: b, event: dossier.late, to: [boss], template: late}\n  - {id: b, event: dossier.overdue, to: [lanh-dao], template: no}\n"
    assert [(line, field) for line, field, _ in refusal(rules, HEAD + RULE + wrong)] == [
        (5, "rules[1].to[0]"),
        (5, "rules[1].event"),
        (6, "rules[2].id"),
        (6, "rules[2].template"),
    ]


@pytest.mark.parametrize(
    ("template", "line", "said"),
    [
        ("{{ event.subject }}\n{{ data.changed.duedate }}", 2, "changed.duedate: dossier.overdue has no such field"),
        ("Quá hạn\n\n{{ dossier.code }}", 1, "dossier: is not a value of templates"),
        ("Quá hạn\n{% if data %}", 2, "is not a template"),
    ],
)
def test_a_template_that_would_fail_when_somebody_is_late_fails_at_the_start(
    template: str, line: int, said: str, rules: Path
) -> None:
    path = rules / "alerts" / "templates" / "late.j2"
    path.write_text(template, "utf-8")
    (rules / "alerts" / "rules.yaml").write_text(HEAD + RULE, "utf-8")
    with pytest.raises(RuleError) as refused:
        load_rules(rules)
    assert f"{path.as_posix()}:{line}: " in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("receivers", "field", "reason"),
    [
        ('  "10966": {lanhdao: ["json://host"]}', "receivers.10966.lanhdao", "unknown role 'lanhdao'"),
        ('  "99999": {lanh-dao: ["json://host"]}', "receivers.99999", "unknown unit '99999'"),
        ('  "*": {lanh-dao: ["json://host", "pigeon://secret@loft"]}', "receivers.*.lanh-dao[1]", "unknown kind of address 'pigeon'"),
    ],
)  # fmt: skip
def test_a_mistaken_receiver_is_refused_without_showing_its_password(
    receivers: str, field: str, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "deliveries.yaml"
    path.write_text(f"receivers:\n{receivers}\n", "utf-8")
    with pytest.raises(RuleError) as refused:
        load_receivers(path, RULES, load_units(RULES))
    (problem,) = refused.value.problems
    assert (problem.file, problem.line, problem.field) == (path.as_posix(), 2, field)
    assert reason in problem.reason and "secret" not in str(refused.value)


BARE = Snapshot(
    unit="10966", dossier="H24.103-251105-0012", revision=1, source="/onestop/31/10966",
    recorded_at=datetime.fromisoformat("2025-11-07T00:00:05+07:00"), state=State(),
)  # fmt: skip
BARE_PETITION = PetitionSnapshot(
    unit="10966", petition="PAKN-1", revision=1, source="/onestop/31/10966",
    recorded_at=datetime.fromisoformat("2025-11-07T00:00:05+07:00"), state=PetitionState(),
)  # fmt: skip
PLAN = {
    "plan": "bg-kstthc-2025", "unit": "10966", "target": "BG-T7", "item": "BG-6.2", "title_vi": "Thanh toán trực tuyến",
    "measure": "online_payment_rate", "period": "2025-Q4", "from": "2025-09-15", "to": "2025-12-14", "hit": 6, "base": 10,
    "at_least": 60, "verdict": "met",
}  # fmt: skip
REPORT = {
    "report": "II.06a/2025-Q4", "form": "II.06a", "unit": "10966", "period": "2025-Q4", "from": "2025-09-15",
    "to": "2025-12-14", "version": 1, "supersedes": None, "rows": [], "fingerprint": "0",
    "total": {"c3": 10, "c7": 8, "c10": 1, "c11": 2, "c13": 1},
}  # fmt: skip
OWED = OwedReport(
    unit="10966", code="kinh-te/ttpvhcc/II.06a/2026-Q1", revision=2, state="opened", rung="department", owed_by="kinh-te",
    owed_by_kind="department", owed_by_vi="Phòng Kinh tế", owed_to="ttpvhcc", owed_to_kind="centre",
    owed_to_vi="Trung tâm Phục vụ hành chính công", report="II.06a/2026-Q1", form="II.06a", period="2026-Q1",
    period_vi="Quý I/2026", begin=date(2025, 12, 15), end=date(2026, 3, 14), due=date(2026, 3, 15),
)  # fmt: skip


def least_data(event: str, owed_by_kind: str = "department") -> object:
    """What such an event carries when every optional fact is absent."""
    stream, name = event.split(".")
    if stream == "dossier":
        changed = {
            DossierEvent.RATED: {"rating": 1},
            DossierEvent.OVERDUE: {"due_at": "2025-11-06T17:00:00+07:00"},
        }
        return DossierSaid(snapshot=BARE, changed=changed.get(DossierEvent(name), {}))
    if stream == "petition":
        return PetitionSaid(snapshot=BARE_PETITION, changed={"transfer_due_at": "2025-11-06T17:00:00+07:00"})
    if stream == "source":
        last = {"silent": {"after_minutes": 450}, "heard_again": {"until": "2025-11-06T14:05:00+07:00"}}
        return {"unit": "10966", "source": "/onestop/31/10966", "since": "2025-11-05T08:30:00+07:00"} | last[name]
    if stream == "alarm":
        ended = {"until": "2025-11-06T14:05:00+07:00"} if name == "resolved" else {}
        alarm = {"unit": "system", "alarm": "BusGone", "about": "", "summary": "the bus is gone", "runbook": ""}
        return {**alarm, "severity": "page", "since": "2025-11-06T14:00:00+07:00", **ended}
    if name.startswith("acknowledgement_"):
        what = {
            "refused": {"newest": None, "reason": "unreadable", "acknowledgement": "a1"},
            "overdue": {"due": "2025-12-18"},
        }
        return REPORT | {"version": 1, **what[name.removeprefix("acknowledgement_")]}
    if name.startswith("unit_report_"):
        return msgspec.structs.replace(OWED, owed_by_kind=owed_by_kind)
    return PLAN if stream == "plan" else REPORT


@pytest.mark.parametrize("rule", load_rules(RULES), ids=lambda rule: rule.id)
def test_every_rule_of_ours_can_be_written_even_when_no_optional_fact_is_known(rule: object, tmp_path: Path) -> None:
    (one,) = [each for each in load_rules(RULES) if each == rule]
    data = least_data(one.event, *one.where.get("owed_by_kind", ())[:1])
    if "severity" in one.where:
        data = {**data, "severity": one.where["severity"][0]}  # type: ignore[dict-item]
    body = encode_event(
        type="vn.motcua.x.v1", id="e1", source="/motcua", subject="H24.103-251105-0012",
        time=datetime.fromisoformat("2025-11-07T08:00:00+07:00"), data=data,
    )  # fmt: skip
    decide = DecideAlerts(
        None, None, load_calendar(RULES), load_units(RULES), [one], Wording(RULES), None, lambda: None, stale_after=3
    )  # type: ignore[arg-type]  # what writes needs no database
    alerts = decide._alerts(one.event, decode_envelope(body), datetime.fromisoformat("2025-11-07T09:00:00+07:00"))
    assert [alert["role"] for alert in alerts] == list(one.to)
    for alert in alerts:
        assert alert["title"].startswith("[Hệ thống] " if one.event.startswith("alarm.") else "[Xã Bình Giang] ")
        assert alert["body"] and "None" not in alert["body"]


def test_an_alert_about_an_owed_report_names_its_sender_in_the_text_for_one_message_carries_many() -> None:
    body = encode_event(type="t", id="e", source="s", subject="x", time=datetime.fromisoformat("2026-03-16T00:00:00+07:00"), data=OWED)  # fmt: skip
    envelope = decode_envelope(body)
    values = {
        "event": envelope,
        "data": read_data(envelope),
        "unit_name": "Xã Bình Giang",
        "day": lambda text: text[:10],
    }
    assert Wording(RULES).render("unit-report-due", values) == (
        "[Xã Bình Giang] Phòng Kinh tế: báo cáo II.06a Quý I/2026 đến hạn ngày 2026-03-15",
        "Phòng Kinh tế gửi Trung tâm Phục vụ hành chính công báo cáo II.06a Quý I/2026 "
        "(số liệu từ ngày 2025-12-15 đến ngày 2026-03-14) chậm nhất hết ngày 2026-03-15.",
    )
    assert Wording(RULES).render("unit-report-late", values)[1].startswith("Phòng Kinh tế phải gửi Trung tâm")


def test_a_late_dossier_of_no_known_field_is_said_to_be_of_none() -> None:
    wording = Wording(RULES)
    data = {"snapshot": {"state": {}}, "changed": {"due_at": "2025-11-06T17:00:00+07:00"}}
    envelope = decode_envelope(
        encode_event(type="t", id="e", source="s", subject="H-1", time=datetime.fromisoformat("2025-11-07T00:00:00+07:00"), data={})
    )  # fmt: skip
    values = {"event": envelope, "data": data, "unit_name": "Xã Bình Giang", "day": lambda _: "06/11/2025"}
    assert wording.render("dossier-overdue", values) == (
        "[Xã Bình Giang] Hồ sơ H-1 quá hạn",
        "Hồ sơ H-1 thuộc lĩnh vực chưa rõ hẹn trả ngày 06/11/2025 nhưng chưa có kết quả.\n"
        "Đề nghị bộ phận được giao giải quyết và gửi văn bản xin lỗi theo quy định.",
    )


@pytest.mark.parametrize(
    ("decided", "leaves"),
    [
        ("2025-11-05T00:00:10+07:00", "2025-11-05T07:30:00+07:00"),  # Wednesday before the office opens
        ("2025-11-05T07:30:00+07:00", "2025-11-06T07:30:00+07:00"),
        ("2025-11-07T16:00:00+07:00", "2025-11-10T07:30:00+07:00"),  # Friday: Monday
        ("2025-08-29T20:00:00+07:00", "2025-09-03T07:30:00+07:00"),  # before 1 and 2 September
    ],
)
def test_a_digest_leaves_when_the_office_next_opens(decided: str, leaves: str) -> None:
    now = datetime.fromisoformat(decided)
    assert send_at("digest", now, load_calendar(RULES)) == datetime.fromisoformat(leaves)
    assert send_at("high", now, load_calendar(RULES)) == now


def test_pauses_double_up_to_an_hour() -> None:
    minutes = [
        next_pause(attempts, timedelta(minutes=1)) / timedelta(minutes=1) for attempts in (1, 2, 3, 6, 7, 8, 100)
    ]
    assert minutes == [1, 2, 4, 32, 60, 60, 60]


def test_our_own_rules_load_from_any_place(tmp_path: Path) -> None:
    shutil.copytree(RULES, tmp_path / "rules")
    assert [one.id for one in load_rules(tmp_path / "rules")] == [one.id for one in load_rules(RULES)]
