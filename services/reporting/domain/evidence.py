"""What proves a closed report: canonical JSON (RFC 8785), the Merkle root over the dossiers counted, the fingerprint."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import rfc8785

from services.reporting.domain.forms import FiguresDoNotBalance

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


class Counted(Protocol):
    """Figures of which every number has a list behind it."""

    @property
    def unit(self) -> str: ...

    def cells(self) -> dict[str, int]:
        """Numbers by the key of their cell."""

    def keys_of(self, dossier: Mapping[str, Any]) -> Sequence[str]:
        """The cells that a dossier stands in."""


def check_list(of: Counted, dossiers: Sequence[Mapping[str, Any]]) -> None:
    """Raise `FiguresDoNotBalance` unless every cell is as large as the list of dossiers behind it."""
    counted = Counter(key for one in dossiers for key in of.keys_of(one))
    stated = {key: count for key, count in of.cells().items() if count}
    for key in sorted(counted.keys() | stated.keys()):
        if counted[key] != stated.get(key, 0):
            reason = f"the cell says {stated.get(key, 0)}, its list has {counted[key]}"
            raise FiguresDoNotBalance(of.unit, key, reason)
