"""What proves a closed report: canonical JSON (RFC 8785), the Merkle root over the dossiers counted, the fingerprint."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import rfc8785

from services.reporting.domain.forms import COLUMNS, Figures, FiguresDoNotBalance

LEAF, NODE = b"\x00", b"\x01"
"""Prefixes of RFC 9162 §2.1.1: without them an inner node could be passed off as a dossier."""


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value as bytes (RFC 8785): what is hashed, signed and compared."""
    return rfc8785.dumps(value)


def dossier_leaf(dossier: Mapping[str, Any]) -> bytes:
    """A counted dossier as the bytes of its leaf; dates are written YYYY-MM-DD."""
    return canonical({name: value.isoformat() if isinstance(value, date) else value for name, value in dossier.items()})


def merkle_root(leaves: Sequence[bytes]) -> str:
    """The Merkle tree hash of RFC 9162 §2.1.1 over these leaves in this order, in hex; SHA-256 of nothing without any."""
    level = [hashlib.sha256(LEAF + leaf).digest() for leaf in leaves]
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 1:
        pairs = [hashlib.sha256(NODE + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        # an odd last node moves up as it is; the same tree as splitting at the largest power of two
        level = pairs + level[len(pairs) * 2 :]
    return level[0].hex()


def fingerprint(figures: Mapping[str, Any], root: str) -> str:
    """SHA-256 over the canonical JSON of the figures and the Merkle root of the dossiers behind them, in hex.

    `figures` is the document of `Figures.as_json()`: unit, form, from, to, rows, total.
    """
    return hashlib.sha256(canonical({"figures": dict(figures), "dossiers": root})).hexdigest()


def check_list(of: Figures, dossiers: Sequence[Mapping[str, Any]]) -> None:
    """Raise `FiguresDoNotBalance` unless every cell is as large as the list of dossiers behind it."""
    counted = Counter((one["field"], column) for one in dossiers for column in one["columns"])
    stated = {(row["field"], column): row[column] for row in of.rows for column in COLUMNS if row[column]}
    for field, column in sorted(counted.keys() | stated.keys()):
        if counted[field, column] != stated.get((field, column), 0):
            reason = f"column {column} says {stated.get((field, column), 0)}, its list has {counted[field, column]}"
            raise FiguresDoNotBalance(of.unit, field, reason)
