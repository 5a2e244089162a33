from datetime import date
from pathlib import Path

import pytest

from shared.rules import RuleError
from shared.units import UnknownUnit, load_units

RULES = Path(__file__).parents[3] / "deploy" / "rules"
units = load_units(RULES)


def write(folder: Path, exceptions: str) -> Path:
    text = f"default_founded: 2025-07-01\nsource: thử\nexceptions:\n{exceptions}"
    (folder / "units.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_two_communes_of_the_plans_are_known() -> None:
    ward, commune = units.get("10510"), units.get("10966")
    assert (ward.name, ward.province_code, ward.province_name) == ("Phường Thành Đông", "31", "Thành phố Hải Phòng")
    assert (commune.name, commune.founded) == ("Xã Bình Giang", date(2025, 7, 1))


def test_a_code_keeps_its_leading_zeros() -> None:
    assert units.get("00070").name == "Phường Hoàn Kiếm"
    assert units.get("00070").province_code == "01"


def test_the_country_has_3321_units_and_hai_phong_114() -> None:
    assert len(units) == len(list(units)) == 3321
    assert len({unit.province_code for unit in units}) == 34
    assert len(units.in_province("31")) == 114
    assert units.in_province("99") == ()


def test_units_come_in_the_order_of_their_codes() -> None:
    codes = [unit.code for unit in units]
    assert codes == sorted(codes)
    assert all(len(code) == 5 and code.isdigit() for code in codes)


def test_one_name_may_belong_to_several_units() -> None:
    assert {unit.code for unit in units if unit.name == "Xã Bình Giang"} == {"10966", "13531", "30826"}


@pytest.mark.parametrize("code", ["70", "99999", "", "1096", "Xã Bình Giang", "010966"])
def test_an_unknown_code_is_answered_with_what_a_code_is(code: str) -> None:
    assert code not in units
    assert units.find(code) is None
    with pytest.raises(UnknownUnit, match=r"give the five-digit code .* since 01/07/2025"):
        units.get(code)


def test_a_known_code_is_in_the_registry() -> None:
    assert "10966" in units
    assert units.find("10966") == units.get("10966")


def test_a_unit_may_have_its_own_founding_day(tmp_path: Path) -> None:
    own = load_units(write(tmp_path, '  "10966": {founded: 2026-03-01, source: thử}\n'))
    assert own.get("10966").founded == date(2026, 3, 1)
    assert own.get("13531").founded == date(2025, 7, 1)


def test_an_exception_for_a_unit_that_does_not_exist_is_reported_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"units.yaml:4: exceptions.99999: no unit has this code"):
        load_units(write(tmp_path, '  "99999": {founded: 2026-03-01, source: thử}\n'))


def test_an_unquoted_code_is_refused_before_it_loses_its_zeros(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="the key 70 is not text"):
        load_units(write(tmp_path, "  00070: {founded: 2026-03-01, source: thử}\n"))


def test_a_pinned_code_replaces_the_one_of_the_package(tmp_path: Path) -> None:
    pinned = write(tmp_path, '  {}\ncodes:\n  "99999": {name: Xã Bình Giang, province: "31", source: thử}\n')
    own = load_units(pinned)
    assert own.get("99999").name == "Xã Bình Giang"
    assert "10966" not in own
    assert "13531" in own
    assert len(own) == 3321


@pytest.mark.parametrize(("code", "name"), [("99999", "Xã Không Có"), ("10525", "Xã Bình Giang")])
def test_a_pinned_code_must_fit_one_unit_and_be_free(tmp_path: Path, code: str, name: str) -> None:
    pinned = write(tmp_path, f'  {{}}\ncodes:\n  "{code}": {{name: {name}, province: "31", source: thử}}\n')
    with pytest.raises(RuleError, match=rf"units.yaml:6: codes.{code}: province 31 has no {name}, or another unit"):
        load_units(pinned)
