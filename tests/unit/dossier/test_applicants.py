"""The seal of names: what opens, what does not, and what a key file that cannot be used is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.dossier.applicants.sealing import ApplicantsKeyUnusable, OtherKey, Seal, make_key
from services.dossier.portal.items import PacketItem

UNIT, CODE, NAME = "10966", "H24.103-251103-0012", "Nguyễn Thị Khánh Huyền"


def a_seal(*keys: Path) -> Seal:
    both = keys[0].with_name("both")
    both.write_text("# newest first\n" + "\n".join(one.read_text() for one in keys))
    seal = Seal.load(both)
    assert seal is not None
    return seal


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    for path in (found := (tmp_path / "old", tmp_path / "new")):
        make_key(path)
    return found


def test_a_name_opens_for_its_own_dossier_and_with_its_own_key_only(keys: tuple[Path, Path]) -> None:
    old, new = keys
    sealed = a_seal(old).close(UNIT, CODE, NAME)
    assert a_seal(old).open(UNIT, CODE, sealed) == NAME
    assert NAME.encode() not in sealed and a_seal(old).close(UNIT, CODE, NAME) != sealed
    assert a_seal(new, old).open(UNIT, CODE, sealed) == NAME, "a new key above the old one opens what was sealed before"
    for seal, unit, code in ((a_seal(new), UNIT, CODE), (a_seal(old), "10510", CODE), (a_seal(old), UNIT, "OTHER")):
        with pytest.raises(OtherKey):
            seal.open(unit, code, sealed)


def test_a_new_key_above_the_old_one_seals_from_then_on(keys: tuple[Path, Path]) -> None:
    old, new = keys
    sealed = a_seal(new, old).close(UNIT, CODE, NAME)
    assert a_seal(new).open(UNIT, CODE, sealed) == NAME, (
        "once the old key is taken away, what was sealed since still opens"
    )
    with pytest.raises(OtherKey):
        a_seal(old).open(UNIT, CODE, sealed)


def test_a_key_file_is_never_written_over(keys: tuple[Path, Path]) -> None:
    before = keys[0].read_bytes()
    with pytest.raises(FileExistsError):
        make_key(keys[0])
    assert keys[0].read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read (No such file or directory)"), ("", "holds no key"), ("secret", "holds a line that is no key"),
     ("bí mật", "holds a line that is no key")],
)  # fmt: skip
def test_a_key_file_that_cannot_be_used_is_refused_in_one_line_that_shows_nothing_of_it(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(ApplicantsKeyUnusable) as refused:
        Seal.load(path)
    assert reason in str(refused.value) and "\n" not in str(refused.value)
    assert not content or content not in str(refused.value)
    assert Seal.load(None) is None


def test_a_name_is_one_line_that_can_be_printed() -> None:
    assert PacketItem({"ChuHoSo": "  Nguyễn\tVăn\n\x07Thử "}).name_of_applicant() == "Nguyễn Văn Thử"
    assert PacketItem({"ChuHoSo": " \x00 "}).name_of_applicant() is None
    assert PacketItem({"ChuHoSo": ["a"]}).name_of_applicant() is None
