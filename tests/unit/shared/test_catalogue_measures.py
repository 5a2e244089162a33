"""Which measures the catalogue of procedures makes possible, and which it leaves without a value."""

from __future__ import annotations

import json

from shared.catalogue_measures import catalogue_measures
from shared.procedures import Alias, Catalogue, ProcedureRules, load_catalogue
from shared.settings import RULES


def procedure(code: str, **said: object) -> ProcedureRules:
    versions = said.pop("versions", [{"valid_from": "2025-07-01"}])
    text = {"code": code, "name": f"Thủ tục {code}", "field": "Hộ tịch", "levels": ["commune"], "versions": versions}
    return ProcedureRules.model_validate_json(json.dumps({**text, **said}))


def test_without_marks_nothing_is_measured_rather_than_zero() -> None:
    assert catalogue_measures(Catalogue(procedures={"1.000001": procedure("1.000001")})) == {}


def test_vertical_procedures_and_their_older_codes_are_counted_by_their_national_code() -> None:
    catalogue = Catalogue(
        procedures={"1.000001": procedure("1.000001", vertical=True), "1.000002": procedure("1.000002")},
        aliases={"2.000001": [(Alias(code="2.000001"), "1.000001")]},
    )
    [measure] = catalogue_measures(catalogue).values()
    assert measure.name == "vertical_dossiers"
    assert measure.base.endswith("IN ('1.000001', '2.000001')")


def test_a_cut_limit_counts_dossiers_received_while_it_held() -> None:
    versions = [
        {"valid_from": "2025-07-01", "valid_to": "2025-09-30"},
        {"valid_from": "2025-10-01", "valid_to": "2025-12-31", "committed": {"all": "2 ngày làm việc"}},
    ]
    catalogue = Catalogue(procedures={"1.000001": procedure("1.000001", versions=versions)})
    base = catalogue_measures(catalogue)["cut_limit_missed"].base
    assert "received_on >= '2025-10-01' AND received_on <= '2025-12-31'" in base
    assert "2025-07-01" not in base


def test_our_catalogue_can_be_read() -> None:
    assert set(catalogue_measures(load_catalogue(RULES))) <= {"vertical_dossiers", "cut_limit_missed"}
