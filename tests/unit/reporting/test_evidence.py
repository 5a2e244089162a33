"""What proves a closed report: the Merkle tree of RFC 9162 and the canonical JSON of RFC 8785."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.reporting.documents import write_xlsx
from services.reporting.domain import RoleMissing, canonical, changed_cells, fingerprint, merkle_root, role_of
from services.reporting.forms import load_forms
from services.reporting.signing import SigningKey, make_key
from shared.settings import RULES

LEAVES = [bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("count", ROOTS)
def test_the_merkle_root_is_that_of_certificate_transparency(count: int) -> None:
    assert merkle_root(LEAVES[:count]) == ROOTS[count]


def test_canonical_json_sorts_keys_by_utf16_and_writes_vietnamese_as_it_is() -> None:
    assert canonical({"c13": 1, "field": "Hộ tịch", "c3": None}) == '{"c13":1,"c3":null,"field":"Hộ tịch"}'.encode()


def test_changed_cells_name_only_what_differs() -> None:
    was = [{"field": "A", **dict.fromkeys([f"c{n}" for n in range(3, 14)], 0), "c3": 2, "c4": 2}]
    now = [{"field": "A", **dict.fromkeys([f"c{n}" for n in range(3, 14)], 0), "c3": 3, "c4": 2}]
    assert changed_cells(was, now) == [{"field": "A", "column": "c3", "old": 2, "new": 3}]
    assert changed_cells(was, []) == [
        {"field": "A", "column": "c3", "old": 2, "new": 0},
        {"field": "A", "column": "c4", "old": 2, "new": 0},
    ]


@pytest.mark.parametrize(
    ("held", "stated"), [({"reporter"}, "approver"), ({"approver"}, None), ({"approver"}, "clerk")]
)
def test_nobody_signs_off_without_the_role(held: set[str], stated: str | None) -> None:
    with pytest.raises(RoleMissing, match="approver"):
        role_of("approver", held, stated, by="lan", deed="approve restatements")


def test_a_key_once_made_stays_and_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    make_key(path)
    first = SigningKey.load(path).key_id
    make_key(path)
    assert SigningKey.load(path).key_id == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_sheet_rendered_twice_has_the_same_bytes() -> None:
    row = {"field": "Hộ tịch", **{f"c{n}": n for n in range(3, 14)}}
    figures = {"from": "2025-09-15", "to": "2025-12-14", "rows": [row], "total": row}
    made = [
        write_xlsx(
            load_forms(RULES).newest("II.06a").rules,
            figures,
            unit_name="Xã Bình Giang",
            period="2025-Q4",
            created=datetime(2025, 12, 15, tzinfo=UTC),
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_the_fingerprint_moves_with_a_figure_or_a_dossier() -> None:
    figures = {"unit": "10966", "total": {"c3": 2}}
    first = fingerprint(figures, merkle_root([b"A", b"B"]))
    assert first == fingerprint({"total": {"c3": 2}, "unit": "10966"}, merkle_root([b"A", b"B"]))
    assert first != fingerprint({**figures, "total": {"c3": 3}}, merkle_root([b"A", b"B"]))
    assert first != fingerprint(figures, merkle_root([b"A", b"C"]))
