"""`motcua secrets` and `motcua token`: what an installation in containers needs before it starts, and who may call."""

from __future__ import annotations

import hashlib
import json
import secrets as randomness
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.client import CommandFailed
from shared import topology
from shared.settings import RULES
from shared.units import load_units

tokens = typer.Typer(no_args_is_help=True, help="HTTP tokens of sources and people.")
File = Annotated[Path, typer.Option("--file", help="tokens file of the installation")]
DEFAULT_FILE = Path("secrets/tokens")


def secrets(
    out: Annotated[Path, typer.Option(help="folder to write; what exists there is kept")] = Path("secrets"),
    unit: Annotated[
        list[str], typer.Option("--unit", envvar="MOTCUA_UNITS", help="unit whose centre gets an account on the bus")
    ] = list(topology.PILOTS),  # noqa: B006 - typer reads it once
    host: Annotated[
        list[str],
        typer.Option("--host", envvar="MOTCUA_HOSTS", help="name or address under which centres outside reach the bus"),
    ] = [],  # noqa: B006 - typer reads it once
) -> None:
    """Make passwords, certificates, the bus's users and the operator's token; what exists is kept."""
    # cryptography is slow to import, and only this command needs it
    from services.deployment import HostRefused, Secrets

    _require_units(unit)
    try:
        Secrets(out).make(unit, host)
    except HostRefused as error:
        raise CommandFailed(f"--host: {error}") from error
    except OSError as error:
        raise CommandFailed(f"cannot write the secrets to {out}: {error.strerror or error}") from error
    print(f"{out}: secrets of {len(unit)} centres, the operator's HTTP token is in {out / 'http-operator'}")


@tokens.command("add")
def add_token(
    name: Annotated[str, typer.Argument(help="who it is for, as logs call them")],
    unit: Annotated[list[str], typer.Option("--unit", help="unit they may speak for; several times, or `*` for all")],
    role: Annotated[
        list[str] | None, typer.Option("--role", help="operator, import, reporter, approver, apologist or alarms")
    ] = None,
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="last day on which it is good; without it for good")
    ] = None,
    file: File = DEFAULT_FILE,
) -> None:
    """Make a token, print it once, keep its hash; running services take it within seconds."""
    if expires is not None and expires.date() < date.today():
        raise CommandFailed(f"--expires {expires.date()} is over already; name a day to come")
    _require_units([one for one in unit if one != "*"])
    known = _read(file)
    if any(party["name"] == name for party in known.values()):
        raise CommandFailed(f"{name} has a token; take it away first: motcua token revoke {name}")
    token = randomness.token_urlsafe(32)
    known[hashlib.sha256(token.encode()).hexdigest()] = {
        "name": name,
        "units": unit,
        "roles": role or [],
        **({"expires": expires.date().isoformat()} if expires else {}),
    }
    _write(file, known)
    print(token)


@tokens.command("revoke")
def revoke_token(name: str, file: File = DEFAULT_FILE) -> None:
    """Take a token away; running services refuse it within seconds."""
    known = _read(file)
    kept = {digest: party for digest, party in known.items() if party["name"] != name}
    if len(kept) == len(known):
        raise CommandFailed(f"{name} has no token in {file}; see motcua token list")
    _write(file, kept)
    print(f"revoked the token of {name}")


@tokens.command("list")
def list_tokens(file: File = DEFAULT_FILE) -> None:
    """Print who has a token, for which units and in which roles."""
    for party in _read(file).values():
        until = f"\tuntil {party['expires']}" if party.get("expires") else ""
        roles = " ".join(party.get("roles", [])) or "-"
        print(f"{party['name']}\tunits {' '.join(party['units'])}\troles {roles}{until}")


def _read(file: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        advice = "name the installation's with --file (motcua up: DATA/secrets/tokens.json), or make it: motcua secrets"
        raise CommandFailed(f"cannot read the tokens file {file}: {error}; {advice}") from error
    return known


def _write(file: Path, known: dict[str, Any]) -> None:
    """In place: a container sees the file that was mounted, not one that replaced it."""
    mode = file.stat().st_mode & 0o777
    file.chmod(mode | 0o200)
    file.write_text(json.dumps(known, indent=1, ensure_ascii=False), "utf-8")
    file.chmod(mode)


def _require_units(units: list[str]) -> None:
    known = load_units(RULES)
    for unit in units:
        if unit not in known:
            raise CommandFailed(f"there is no unit {unit!r}; a unit is a five-digit code such as 10966")
