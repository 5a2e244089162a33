"""Measures that need the catalogue of procedures beside the facts; without what they need they are not measured at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.measures import DONE, LATE, Count
from shared.procedures import FOREVER, Catalogue, ProcedureRules, Version

_CODE = r"substring(procedure from '^\d\.\d{6}')"
"""The national code of a written one, as `normalise_code` takes it."""


def catalogue_measures(catalogue: Catalogue) -> Mapping[str, Count]:
    """`vertical_dossiers` and `cut_limit_missed`, each only when the catalogue marks any procedure for it.

    The slip states the city's cut limit (domain.md §2.1): a dossier of a procedure with one that is late missed it.
    """
    found = dict[str, Count]()
    vertical = sorted(_codes(catalogue, (one for one in catalogue.procedures.values() if one.vertical)))
    if vertical:
        found["vertical_dossiers"] = Count(
            name="vertical_dossiers", base=f"{DONE} AND {_CODE} IN ({_quoted(vertical)})"
        )
    cuts = [_during(catalogue, one, version) for one in catalogue.procedures.values() for version in _cut(one)]
    if cuts:
        found["cut_limit_missed"] = Count(name="cut_limit_missed", base=f"{LATE} AND ({' OR '.join(cuts)})")
    return found


def _cut(procedure: ProcedureRules) -> list[Version]:
    return [one for one in procedure.versions if any(one.committed.model_dump().values())]


def _during(catalogue: Catalogue, procedure: ProcedureRules, version: Version) -> str:
    until = f" AND received_on <= '{version.valid_to}'" if version.valid_to != FOREVER else ""
    codes = _quoted(sorted(_codes(catalogue, [procedure])))
    return f"{_CODE} IN ({codes}) AND received_on >= '{version.valid_from}'{until}"


def _codes(catalogue: Catalogue, procedures: Iterable[ProcedureRules]) -> set[str]:
    own = {one.code for one in procedures}
    return own | {old for old, aliases in catalogue.aliases.items() if any(target in own for _, target in aliases)}


def _quoted(codes: Iterable[str]) -> str:
    # the catalogue's model lets only digits and points through
    return ", ".join(f"'{code}'" for code in codes)
