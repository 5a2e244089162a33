"""How an alert leaves the house: by apprise to every address of the role, or as a line in the unit's alert file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apprise
import msgspec

SEND_SECONDS = 30.0


class DeliveryFailed(Exception):
    """One receiver did not take the message; names the kind of address, never its password."""


class Senders:
    """Receivers by unit and role; a role that nobody stands behind is written to a file, so that nothing vanishes."""

    def __init__(self, receivers: Mapping[str, Mapping[str, list[str]]], out: Path) -> None:
        self._receivers, self._out = receivers, out

    async def send(self, unit: str, role: str, title: str, body: str, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Deliver one message; raises `DeliveryFailed` when any address did not take it."""
        addresses = self._addresses(unit, role)
        if not addresses:
            await asyncio.to_thread(self._write, unit, role, title, body, alerts)
        for address in addresses:
            await self._send(address, role, title, body)

    def _addresses(self, unit: str, role: str) -> list[str]:
        own = self._receivers.get(unit, {}).get(role)
        return own if own is not None else self._receivers.get("*", {}).get(role, [])

    async def _send(self, address: str, role: str, title: str, body: str) -> None:
        sender = apprise.Apprise()
        kind = address.partition(":")[0]
        if not sender.add(address):
            raise DeliveryFailed(
                f"the {kind} address of {role} is not one that apprise understands; correct the receivers"
            )
        try:
            async with asyncio.timeout(SEND_SECONDS):
                taken = await asyncio.to_thread(sender.notify, title=title, body=body)
        except TimeoutError as error:
            raise DeliveryFailed(f"the {kind} address of {role} did not answer within {SEND_SECONDS:g} s") from error
        if not taken:
            raise DeliveryFailed(f"the {kind} address of {role} did not take the message")

    def _write(self, unit: str, role: str, title: str, body: str, alerts: Sequence[Mapping[str, Any]]) -> None:
        path = self._out / "alerts" / f"{unit}.jsonl"
        line = {
            "role": role, "rule": alerts[0]["rule"], "urgency": alerts[0]["urgency"], "title": title, "body": body,
            "subjects": [one["subject"] for one in alerts], "correlations": [one["correlation"] for one in alerts],
        }  # fmt: skip
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            raise DeliveryFailed(f"the alert file {path.name} cannot be written: {error.strerror}") from error
