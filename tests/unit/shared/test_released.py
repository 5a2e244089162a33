"""What was released stays: schemas only gain optional fields, migrations are never edited."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.contract import json_schemas

ROOT = Path(__file__).parents[3]
RELEASES = sorted(path for path in (ROOT / "tests" / "golden").iterdir() if path.is_dir())
Json = dict[str, Any]
INCOMING = {"dossier-statement", "petition-statement", "acknowledgement"}


def breaks(old: Any, new: Any, *, incoming: bool, place: str = "") -> Iterator[str]:
    """What a partner who keeps to *old* would stumble over in *new*; nothing when it may be released as the same version.

    Fields may be added. None is removed, renamed or made of another type; what partners send gets no new required field and
    loses no word of a list; what they hear loses no required field and gets no tighter promise.
    """
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{place}: {old!r} became {new!r}"
        return
    for key in old.keys() | new.keys():
        before, now, here = old.get(key), new.get(key), f"{place}/{key}"
        if key in ("title", "description", "examples", "$schema"):
            continue
        if key in ("properties", "$defs"):
            for name, one in (before or {}).items():
                if name not in (now or {}):
                    yield f"{here}/{name}: is gone"
                else:
                    yield from breaks(one, (now or {})[name], incoming=incoming, place=f"{here}/{name}")
        elif key == "required":
            missing = set(now or ()) - set(before or ()) if incoming else set(before or ()) - set(now or ())
            yield from (
                f"{here}: {name} {'became' if incoming else 'is no longer'} required" for name in sorted(missing)
            )
        elif key == "enum":
            gone = set(map(str, before or ())) - set(map(str, now or ()))
            if before is None and incoming:
                yield f"{here}: is a list now"
            yield from (f"{here}: {word} is gone" for word in sorted(gone))
        elif key == "anyOf":
            wanted, found = ([json.dumps(one, sort_keys=True) for one in side or ()] for side in (before, now))
            lost = [one for one in wanted if one not in found]
            if len(lost) == 1 and len(wanted) == len(found):
                fresh = [one for one in found if one not in wanted]
                yield from breaks(json.loads(lost[0]), json.loads(fresh[0]), incoming=incoming, place=here)
            else:
                yield from (f"{here}: {one} is gone" for one in lost)
        elif key == "default":
            continue  # says what an absent field means to us; partners see it in the text
        else:
            yield from breaks(before, now, incoming=incoming, place=here)


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: str(path.name))
def test_schemas_only_gained_what_is_optional(release: Path) -> None:
    today = json_schemas()
    for path in sorted((release / "schemas").iterdir()):
        old = json.loads(path.read_text("utf-8"))
        assert list(breaks(old, today[path.stem], incoming=path.stem in INCOMING)) == [], path.name


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: str(path.name))
def test_released_migrations_are_never_edited(release: Path) -> None:
    for line in (release / "migrations.sha256").read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        said = f"{name} was released with {release.name}: leave it as it was and add a new migration"
        assert hashlib.sha256((ROOT / name).read_bytes()).hexdigest() == digest, said


def remove(schema: Json) -> None:
    del schema["$defs"]["DossierData"]["properties"]["channel"]


def rename(schema: Json) -> None:
    facts = schema["$defs"]["DossierData"]["properties"]
    facts["kanal"] = facts.pop("channel")


def retype(schema: Json) -> None:
    schema["$defs"]["DossierData"]["properties"]["fee_due"] = {"type": "string"}


def require(schema: Json) -> None:
    schema["$defs"]["DossierData"].setdefault("required", []).append("channel")


def forget_a_kind(schema: Json) -> None:
    schema["$defs"]["DossierRecord"]["properties"]["type"]["enum"].remove("vn.motcua.onestop.rated.v1")


@pytest.mark.parametrize("change", [remove, rename, retype, require, forget_a_kind])
def test_a_change_that_breaks_a_partner_is_found(change: Callable[[Json], None]) -> None:
    old = json_schemas()["dossier-statement"]
    new = copy.deepcopy(old)
    assert list(breaks(old, new, incoming=True)) == []
    change(new)
    assert list(breaks(old, new, incoming=True))


def test_a_new_optional_field_breaks_nobody() -> None:
    old = json_schemas()["dossier-statement"]
    new = copy.deepcopy(old)
    new["$defs"]["DossierData"]["properties"]["weather"] = {"type": "string"}
    assert list(breaks(old, new, incoming=True)) == []


def test_what_is_heard_may_not_lose_a_promise() -> None:
    old = json_schemas()["dossier-event"]
    new = copy.deepcopy(old)
    new["$defs"]["DossierMessage"]["required"].remove("subject")
    assert list(breaks(old, new, incoming=False)) == ["/$defs/DossierMessage/required: subject is no longer required"]
