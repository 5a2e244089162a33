"""The alarms, by Prometheus's own tools: when each sounds (rules.yml), that its files are valid, that its figures exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from shared.topology import SERVICES
from tests.inside import inside, new_folder

HERE = Path(__file__).parent
HOUSE = HERE.parent.parent
RULES = HOUSE / "deploy" / "prometheus" / "rules" / "motcua.yml"


def said_by(tool: str, *arguments: object) -> str:
    if shutil.which(tool) is None:
        pytest.skip(
            f"{tool} is not installed (apt-get install prometheus prometheus-alertmanager): alarms are not tried"
        )
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, str]]:
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


def test_each_alarm_sounds_when_it_should_and_says_what_to_do() -> None:
    assert "SUCCESS" in said_by("promtool", "test", "rules", HERE / "rules.yml")


def test_no_alarm_is_untried() -> None:
    cases = yaml.safe_load((HERE / "rules.yml").read_text("utf-8"))["tests"]
    tried = [one for case in cases for one in case["alert_rule_test"]]
    names = {rule["alert"] for rule in rules()}
    assert {one["alertname"] for one in tried if one["exp_alerts"]} == names, "each has been heard"
    assert {one["alertname"] for one in tried if not one["exp_alerts"]} == names, "and each has been quiet"


def test_every_service_is_missed_when_it_is_gone() -> None:
    (gone,) = (rule["expr"] for rule in rules() if rule["alert"] == "ServiceGone")
    assert set(re.findall(r'service_name="(\w+)"', gone)) == set(SERVICES)


def test_prometheus_and_alertmanager_read_their_files() -> None:
    said_by("promtool", "check", "config", HOUSE / "deploy" / "prometheus" / "prometheus.yml")
    alertmanager = HOUSE / "deploy" / "alertmanager" / "alertmanager.yml"
    said_by("amtool", "check-config", alertmanager)
    for labels, receivers in {
        ("severity=page", "alertname=BusGone"): "operators",
        ("severity=page", "alertname=ServiceGone", "service_name=dossier"): "operators",
        ("severity=ticket", "alertname=DeadLetters", "service=dossier"): "operators",
        # whoever cannot speak must not be the only one to be asked to
        ("severity=page", "alertname=ServiceGone", "service_name=notification"): "operators-mail,operators",
        ("severity=ticket", "alertname=DeadLetters", "service=notification"): "operators-mail,operators",
        ("severity=ticket", "alertname=AlertsDoNotLeave"): "operators-mail,operators",
        ("severity=ticket", "alertname=AlertsNotTaken"): "operators-mail,operators",
    }.items():
        routed = said_by("amtool", "config", "routes", "test", f"--config.file={alertmanager}", *labels)
        assert routed.strip() == receivers, labels


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_runbook_line_leads_to_the_alarms_own_paragraph(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["runbook"].partition(": ")[0] == f"docs/operate.md#{rule['alert'].lower()}"


def test_every_alarm_has_a_paragraph_where_operators_look() -> None:
    section = (HOUSE / "docs" / "operate.md").read_text("utf-8").partition("\n## Alarms\n")[2].partition("\n## ")[0]
    paragraphs = dict(re.findall(r"^### (\w+)\n\n(.+)$", section, re.M))
    assert set(paragraphs) == {rule["alert"] for rule in rules()}


@pytest_asyncio.fixture
async def exposed() -> AsyncIterator[str]:
    with new_folder() as data:
        async with inside(data) as running:
            yield (await running.http.get("/metrics")).text


@pytest.mark.timeout(120)
async def test_what_the_alarms_look_at_is_there_from_the_start(exposed: str) -> None:
    wanted = {name for rule in rules() for name in re.findall(r"motcua_\w+", rule["expr"])}
    assert wanted and wanted <= set(re.findall(r"^# TYPE (\w+)", exposed, re.M))
    for service in SERVICES:  # without a 0 to begin with, the first dead letter would be no increase
        assert f'\nmotcua_dead_letters_total{{service="{service}"}} 0.0\n' in exposed
