"""How an alert leaves the house: by apprise to every address of the role, or as a line in the unit's alert file."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apprise
import msgspec
import structlog

from services.notification import messages

log = structlog.get_logger()

SEND_SECONDS = 30.0
FILE = "file"
"""The place of a role that nobody stands behind."""


class DeliveryFailed(Exception):
    """One receiver did not take the message; names the kind of address, never its password."""


class Senders:
    """Receivers by unit and role; a role that nobody stands behind is written to a file, so that nothing vanishes."""

    def __init__(self, receivers: Mapping[str, Mapping[str, list[str]]], out: Path) -> None:
        self._receivers, self._out = receivers, out

    def places(self, unit: str, role: str) -> dict[str, str | None]:
        """Where an alert to this role has to arrive: a fingerprint that may be stored, and the address (none: the file)."""
        own = self._receivers.get(unit, {}).get(role)
        addresses = own if own is not None else self._receivers.get("*", {}).get(role, [])
        if not addresses:
            return {FILE: None}
        return {hashlib.sha256(address.encode()).hexdigest()[:16]: address for address in addresses}

    async def send(self, address: str | None, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Deliver alerts of one rule, unit and role as one message; raises `DeliveryFailed`, and nothing else."""
        title, body = _written(alerts)
        try:
            if address is None:
                await asyncio.to_thread(self._write, title, body, alerts)
            else:
                await self._notify(address, alerts[0]["role"], title, body)
        except (DeliveryFailed, asyncio.CancelledError):
            raise
        except Exception as error:  # a sender's own bug must not stop everybody else's alerts
            log.exception(
                "delivery_crashed", rule=alerts[0]["rule"], role=alerts[0]["role"], correlations=correlations(alerts)
            )
            raise DeliveryFailed(f"sending to {alerts[0]['role']} failed: {type(error).__name__}") from error

    async def _notify(self, address: str, role: str, title: str, body: str) -> None:
        sender, kind = apprise.Apprise(), kind_of(address)
        if not sender.add(address):
            raise DeliveryFailed(
                f"the {kind} address of {role} is not one that apprise understands; correct the receivers"
            )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                # without the format a mail is taken for HTML: line breaks and everything in angle brackets vanish
                taken = await asyncio.to_thread(
                    sender.notify, title=title, body=body, body_format=apprise.NotifyFormat.TEXT
                )
        except TimeoutError as error:
            raise DeliveryFailed(f"the {kind} address of {role} did not answer within {SEND_SECONDS:g} s") from error
        if not taken:
            raise DeliveryFailed(f"the {kind} address of {role} did not take the message")

    def _write(self, title: str, body: str, alerts: Sequence[Mapping[str, Any]]) -> None:
        first = alerts[0]
        path = self._out / "alerts" / f"{first['unit']}.jsonl"
        line = {
            "role": first["role"], "rule": first["rule"], "urgency": first["urgency"], "title": title, "body": body,
            "subjects": [one["subject"] for one in alerts], "correlations": correlations(alerts),
        }  # fmt: skip
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            raise DeliveryFailed(f"the alert file {path.name} cannot be written: {error.strerror}") from error


def correlations(alerts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Under which ids the records behind these alerts are found."""
    return [one["correlation"] for one in alerts]


def kind_of(address: str) -> str:
    """`mailto` of `mailto://user:password@host`: all of an address that may be shown."""
    return address.partition(":")[0]


def is_understood(address: str) -> bool:
    """Whether apprise can send to such an address; nothing is sent."""
    return apprise.Apprise.instantiate(address, suppress_exceptions=True) is not None


def _written(alerts: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """(subject, text) of one message; each alert with the id under which its record can be found."""
    title = alerts[0]["title"]
    if len(alerts) > 1:
        title = messages.BUNDLE.format(title=title, more=len(alerts) - 1)
    return title, "\n\n".join(
        f"{one['body']}\n{messages.TRACE.format(correlation=one['correlation'])}" for one in alerts
    )
