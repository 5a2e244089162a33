"""Reads the rule files: the law is data, and a mistake in it is named with file, line and field.

A file is parsed as YAML 1.2 and checked against a `RuleModel` as strictly as JSON: text stays text (a code needs
quotes), dates are written YYYY-MM-DD, unknown fields are mistakes. What a rule means is its reader's business.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

Loc = tuple[str | int, ...]
"""Where in a file: keys and list positions from the top, as pydantic says it."""


class RuleModel(BaseModel):
    """Base of everything that a rule file holds: immutable, no unknown fields, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class RuleProblem:
    """One mistake: file, line (from 1), field (`targets[2].at_least`; empty for the file), reason and remedy."""

    file: str
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return where + (f"{self.field}: {self.reason}" if self.field else self.reason)


class RuleError(Exception):
    """A rule file that cannot be used, with every problem found in it, one a line."""

    def __init__(self, problems: Iterable[RuleProblem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Lines:
    """Knows on which line of its file each field stands."""

    def __init__(self, file: str, root: object) -> None:
        self.file = file
        self._root = root

    def problem(self, loc: Loc, reason: str) -> RuleProblem:
        """A problem of the field at `loc`; end the reason with what to do, in brackets."""
        return RuleProblem(self.file, self._find(loc)[1], _spell(loc), reason)

    def problem_of_pydantic(self, error: Any) -> RuleProblem:
        """The same for one entry of `ValidationError.errors()`; a missing field is reported where its parent begins."""
        found, line = self._find(error["loc"])
        field = (*found, error["loc"][-1]) if error["type"] == "missing" else found
        return RuleProblem(self.file, line, _spell(field), _reason(error))

    def _find(self, loc: Loc) -> tuple[Loc, int]:
        """Follow `loc` as far as the file goes; names that pydantic adds (the tags of a union) are passed over."""
        node, line = self._root, _first_line(self._root)
        found: list[str | int] = []
        for part in loc:
            step = _step(node, part)
            if step:
                node, line = step[0], step[1] or line
                found.append(part)
        return tuple(found), line


def load(path: Path, model: type[M]) -> M:
    """The rules of one file; raises `RuleError` for a file that is missing, unreadable or against its model."""
    return load_located(path, model)[0]


def load_located(path: Path, model: type[M]) -> tuple[M, Lines]:
    """As `load`, with the lines of the file, for checks that need more than one file."""
    lines, root = _parse(path)
    problems: list[RuleProblem] = []
    plain = _plain(root, (), lines, problems)
    if problems:
        raise RuleError(problems)
    try:
        # as JSON: pydantic then takes dates, times, enums and tuples from text and lists even in strict mode
        return model.model_validate_json(json.dumps(plain)), lines
    except ValidationError as invalid:
        raise RuleError(map(lines.problem_of_pydantic, invalid.errors(include_url=False))) from None


class _Constructor(RoundTripConstructor):
    """Leaves dates and times as they are written; pydantic judges them, and an impossible one gets its line."""


def _as_written(_: _Constructor, node: ScalarNode) -> str:
    return str(node.value)


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


@lru_cache(maxsize=128)
def _nodes(text: str) -> object:
    """The nodes of a file's text, which nobody changes; several readers of one start ask for the same file."""
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _Constructor
    return yaml.load(text)


def _parse(path: Path) -> tuple[Lines, object]:
    file = _shown(path)
    text = _read(path, file)
    try:
        root = _nodes(text)
    except (YAMLError, ValueError, RecursionError) as broken:
        raise RuleError([RuleProblem(file, _broken_line(broken, text), "", _broken_reason(broken))]) from None
    if root is None:
        raise RuleError([RuleProblem(file, 1, "", "the file is empty (write the rules, or remove it)")])
    return Lines(file, root), root


def _read(path: Path, file: str) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror} (check the path and its permissions)"
        raise RuleError([RuleProblem(file, 1, "", reason)]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RuleError([RuleProblem(file, line, "", "is not UTF-8 (save the file as UTF-8)")]) from None


def _broken_line(broken: Exception, text: str) -> int:
    if isinstance(broken, MarkedYAMLError):
        mark = broken.problem_mark or broken.context_mark
        return mark.line + 1 if mark else 1
    if isinstance(broken, ReaderError):
        return text.count("\n", 0, broken.position) + 1
    return 1


def _broken_reason(broken: Exception) -> str:
    if isinstance(broken, DuplicateKeyError):
        return f"{str(broken.problem).split(' with value')[0]} (remove one of the two)"
    if isinstance(broken, MarkedYAMLError):
        said = ", ".join(filter(None, (broken.context, broken.problem)))
        return f"is not YAML: {said} (check indentation, quotes and colons)"
    if isinstance(broken, ReaderError):
        return f"is not YAML: it holds the control character {broken.character:#04x} (remove it)"
    return f"is not YAML: {broken} (correct or remove the value)"


def _plain(node: object, loc: Loc, lines: Lines, problems: list[RuleProblem]) -> object:
    """The node without ruamel's own types; what JSON cannot say becomes a problem."""
    if isinstance(node, CommentedMap):
        return {_key(key, loc, lines, problems): _plain(node[key], (*loc, key), lines, problems) for key in node}
    if isinstance(node, CommentedSeq):
        return [_plain(item, (*loc, index), lines, problems) for index, item in enumerate(node)]
    if node is None or isinstance(node, bool):
        return node
    for plain in (str, int):
        if isinstance(node, plain):
            return plain(node)
    if isinstance(node, float) and math.isfinite(node):
        return float(node)
    problems.append(lines.problem(loc, "a value that rules cannot hold (write text, a number, a list or a map)"))
    return None


def _key(key: object, loc: Loc, lines: Lines, problems: list[RuleProblem]) -> str:
    if not isinstance(key, str):
        reason = f"the key {key} is not text (put it in quotes; a code with leading zeros loses them without)"
        problems.append(lines.problem((*loc, key if isinstance(key, int) else str(key)), reason))
    return str(key)


def _step(node: object, part: str | int) -> tuple[object, int | None] | None:
    """The child and its line (unknown for merged keys), or nothing when the node has no such child."""
    if isinstance(node, CommentedMap) and part in node:
        return node[part], _line_in(node, part)
    if isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
        return node[part], _line_in(node, part)
    return None


def _line_in(node: CommentedMap | CommentedSeq, part: str | int) -> int | None:
    places: dict[str | int, list[int]] = node.lc.data or {}
    return places[part][0] + 1 if part in places else None


def _first_line(root: object) -> int:
    return int(root.lc.line) + 1 if isinstance(root, CommentedMap | CommentedSeq) else 1


def _spell(loc: Loc) -> str:
    return "".join(_spelt(loc)).removeprefix(".")


def _spelt(loc: Loc) -> Iterator[str]:
    for part in loc:
        yield f"[{part}]" if isinstance(part, int) else f".{part}"


_REASONS = {
    "missing": "is missing (add it)",
    "extra_forbidden": "is not a field known here (remove it, or correct its spelling)",
    "model_type": "is not a map of fields (write lines `name: value`)",
}
"""What pydantic finds, in words for whoever edits the file."""


def _reason(error: Any) -> str:
    kind, given, said = error["type"], error["input"], error["msg"].removeprefix("Value error, ")
    if kind in _REASONS:
        return _REASONS[kind]
    if kind == "string_type" and isinstance(given, int | float):
        return f"{given} is not text (put it in quotes)"
    if kind.startswith("date_"):
        return f"{given} is no date (write a day that exists as YYYY-MM-DD)"
    if kind.startswith("time_"):
        return f"{given} is no time of day (write HH:MM in quotes)"
    # a check of our own says itself what to do; a map or a list would drown the reason
    return said if kind == "value_error" or isinstance(given, dict | list) else f"{said} (it says {given!r})"


def _shown(path: Path) -> str:
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()
