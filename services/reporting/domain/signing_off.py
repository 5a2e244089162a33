"""Who may close and who may restate: the form's rules name the role, the caller must hold it and name it."""

from __future__ import annotations

from collections.abc import Collection


class RoleMissing(Exception):
    """Signing off without the role that the form asks for."""


def role_of(needed: str, held: Collection[str], stated: str | None, *, by: str, deed: str) -> str:
    """The role in which `by` signs off; raises `RoleMissing` unless it is `needed`, held, and not another one stated."""
    if needed not in held:
        raise RoleMissing(f"{by} may not {deed}; the role '{needed}' is needed")
    if stated != needed:
        named = f"in the role '{stated}'" if stated else "without naming the role"
        raise RoleMissing(f"{by} cannot {deed} {named}; say --as {needed}")
    return stated
