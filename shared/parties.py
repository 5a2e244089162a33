"""Who calls: bearer tokens by their hash, what each party may speak for, and the refusal when it may not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import structlog
from fastapi import Request

from shared.localtime import LOCAL, local_date

log = structlog.get_logger()

OPERATOR_PARTY = {
    "name": "operator",
    "units": ["*"],
    "roles": ["operator", "import", "reporter", "approver", "apologist"],
}
"""Who the token stands for that every installation begins with."""
ALARMS_PARTY: dict[str, Any] = {"name": "alertmanager", "units": [], "roles": ["alarms"]}
"""Who hands over alarms about the system itself; the token opens `POST /v1/alarms` and nothing else."""


class Forbidden(Exception):
    """The caller may not do this; `status` is 401 without a valid token, 403 with one that is not allowed to."""

    def __init__(self, reason: str, *, status: int = 403) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Party:
    """Who a token stands for: a name for logs, the units it may speak for (`*` for all), and its roles."""

    name: str
    units: frozenset[str]
    roles: frozenset[str] = frozenset()
    expires: date | None = None
    """Last local day on which the token is good; `None` for good."""

    def may_speak_for(self, unit: str) -> bool:
        """True when this party's statements about `unit` are accepted."""
        return "*" in self.units or unit in self.units

    def must_speak_for(self, unit: str, deed: str = "read") -> None:
        """Raises `Forbidden` (403) when this party may not do the deed for `unit`."""
        if not self.may_speak_for(unit):
            raise Forbidden(f"{self.name} may not {deed} unit {unit}")

    def readable(self, units: Sequence[str]) -> list[str]:
        """The units asked for, none for `["all"]`; raises `Forbidden` (403) when one of them may not be read."""
        if list(units) == ["all"]:
            if "*" not in self.units:
                raise Forbidden(f"{self.name} may not read every unit; name the units")
            return []
        for unit in units:
            self.must_speak_for(unit)
        return list(units)


class Tokens:
    """Bearer tokens by the SHA-256 of their text; the text itself is stored nowhere.

    A tokens file is read again when it changed, so that a token is given or taken away without a restart.
    """

    def __init__(self, parties: Mapping[str, Party] | None = None, path: Path | None = None) -> None:
        self.parties: Mapping[str, Party] = parties or {}
        self._path, self._version = path, _version(path) if path else 0

    @classmethod
    def load(cls, path: Path) -> Tokens:
        """Read `{"<sha256>": {"name", "units", "roles"}}`; raises `OSError` or `ValueError` when it cannot be read."""
        return cls(_parties(path), path)

    def party(self, request: Request) -> Party:
        """Who calls; raises `Forbidden` (401) when the token is missing or unknown."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.party_of(token.strip() if scheme.lower() == "bearer" else "")

    def reader(self, request: Request, unit: str) -> Party:
        """Who calls and may read `unit`; raises `Forbidden` (401 or 403)."""
        party = self.party(request)
        party.must_speak_for(unit)
        return party

    def party_of(self, token: str) -> Party:
        """Whose token this is; raises `Forbidden` (401) when nobody's."""
        self._refresh()
        known = self.parties.get(hashlib.sha256(token.encode()).hexdigest())
        if known is None:
            raise Forbidden("send a valid token: Authorization: Bearer <token>", status=401)
        # by the machine's own clock: a simulated half year must not end anybody's token
        if known.expires is not None and local_date(datetime.now(LOCAL)) > known.expires:
            raise Forbidden(f"this token expired on {known.expires}; ask the operator for a new one", status=401)
        return known

    def _refresh(self) -> None:
        if self._path is None or (version := _version(self._path)) == self._version:
            return
        try:
            self.parties = _parties(self._path)
        except (OSError, ValueError, KeyError) as error:  # half written or broken: the tokens known so far stay
            log.warning("tokens_not_read", path=str(self._path), reason=str(error))
        else:
            self._version = version
            log.info("tokens_read", parties=len(self.parties))


def _version(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _parties(path: Path) -> dict[str, Party]:
    raw: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return {
        digest: Party(
            name=one["name"],
            units=frozenset(one["units"]),
            roles=frozenset(one.get("roles", ())),
            expires=date.fromisoformat(one["expires"]) if one.get("expires") else None,
        )
        for digest, one in raw.items()
    }
