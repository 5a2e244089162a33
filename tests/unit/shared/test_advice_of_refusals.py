"""No refusal leaves its sender without a word on what to do: every place that makes one gives advice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.dossier.messages import FINDING
from shared.events.statements import Remark

ROOT = Path(__file__).parents[3]
FILES = sorted(path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py"))


def refusals(tree: ast.AST) -> Iterator[ast.Call]:
    """Every `Refused(…)` that is made, not those that are caught."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Refused":
            yield node


def advice_of(call: ast.Call) -> ast.expr | None:
    named = {word.arg: word.value for word in call.keywords}
    return call.args[2] if len(call.args) > 2 else named.get("advice")


def lacks_advice(call: ast.Call) -> bool:
    advice = advice_of(call)
    return advice is None or (isinstance(advice, ast.Constant) and not str(advice.value or "").strip())


def test_every_refusal_says_what_to_do() -> None:
    found, mute = 0, list[str]()
    for path in FILES:
        for call in refusals(ast.parse(path.read_text("utf-8"))):
            found += 1
            if lacks_advice(call):
                mute.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert mute == []
    assert found > 30, "the search finds what is there"


@pytest.mark.parametrize(
    ("call", "mute"),
    [
        ('Refused("time", "is missing")', True),
        ('Refused("time", "is missing", "")', True),
        ('Refused("time", "is missing", advice=" ")', True),
        ('statements.Refused("time", "is missing", "send it")', False),
        ('Refused("time", "is missing", advice=words)', False),
    ],
)
def test_a_refusal_without_advice_is_found(call: str, mute: bool) -> None:
    [one] = refusals(ast.parse(call))
    assert lacks_advice(one) is mute


@pytest.mark.parametrize("remark", Remark)
def test_every_remark_of_a_packet_has_words(remark: Remark) -> None:
    assert FINDING[remark].strip()
