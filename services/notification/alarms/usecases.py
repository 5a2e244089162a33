"""Takes alarms over: each becomes an event that the alert rules judge, stored and delivered like every other alert."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

import msgspec

from services.notification.alarms.domain import Alarm
from services.notification.usecases import DecideAlerts, Heard
from shared.events.envelope import Envelope


class HearAlarms:
    """Alarms of one message in one transaction; what was told before is not told again."""

    def __init__(self, decide: DecideAlerts) -> None:
        self._decide = decide

    async def __call__(self, alarms: Sequence[Alarm]) -> None:
        """Decide; raises what the database raises, and Alertmanager sends again."""
        heard = [(one.event, _envelope(one)) for one in alarms if self._decide.wants(one.event)]
        await self._decide(list[Heard](heard))


def _envelope(alarm: Alarm) -> Envelope:
    return Envelope(
        id=alarm.id,
        source="/motcua/alertmanager",
        type=f"vn.motcua.{alarm.event}.v1",
        subject=f"{alarm.name}/{alarm.fingerprint}",
        time=(alarm.until or alarm.since).astimezone(UTC),
        data=msgspec.Raw(msgspec.json.encode(alarm.data())),
    )
