"""Which events travel to the notification service: those that its rules name; docs/decisions/0038-followers.md.

Most events alert nobody. Sent all the same, each costs the bus a delivery and an acknowledgement and this service a
decision to do nothing, on the same cores that give the centre its receipts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nats.aio.client import Client
from nats.errors import Error

from services.notification.domain import Rule
from shared.topology import STREAMS, Durable, durable, durables_of, of_every_unit


def heard_subjects(rules: Sequence[Rule]) -> dict[str, tuple[str, ...]]:
    """By durable, the subjects that the rules want of it; a durable of which no rule wants anything keeps its whole part.

    JetStream knows no consumer that wants nothing, and an empty part of the stream costs nothing.
    """
    wanted = sorted({of_every_unit(rule.event) for rule in rules})
    by_durable = {
        one.name: tuple(subject for subject in wanted if _lies_in(one, subject))
        for one in durables_of(["notification"])
    }
    return {name: subjects for name, subjects in by_durable.items() if subjects}


def _lies_in(one: Durable, subject: str) -> bool:
    return covers(one.subject, subject) and any(covers(part, subject) for part in STREAMS[one.stream])


class RulesAreHeard:
    """What the durables let through against what the rules wait for: an event that never comes would be silence."""

    def __init__(self, rules: Sequence[Rule], client: Callable[[], Awaitable[Client]]) -> None:
        self._wanted, self._client = heard_subjects(rules), client

    async def start(self) -> None:
        """Raises `ValueError` when a rule waits for what cannot come, and NATS's errors when the bus does not say."""
        if problem := await self._unheard():
            raise ValueError(problem)

    async def stop(self) -> None:
        """Holds nothing."""

    async def problem(self) -> str | None:
        """Which subject is wanted and not let through, and what to do; `None` when every rule is heard.

        Also while running: somebody may provision with other rules than this process has read. A durable that is gone,
        or a bus that is away, is told by the durable's own check.
        """
        try:
            return await self._unheard()
        except Error:
            return None

    async def _unheard(self) -> str | None:
        js = (await self._client()).jetstream()
        for name, wanted in self._wanted.items():
            one = durable(name)
            through = (await js.consumer_info(one.stream, name)).config
            passed = through.filter_subjects or [through.filter_subject or ">"]
            if deaf := [subject for subject in wanted if not any(covers(part, subject) for part in passed)]:
                return (
                    f"alert rules wait for {', '.join(deaf)}, which the durable {name} does not let through; "
                    "run motcua provision with the rules of this service"
                )
        return None


def covers(part: str, subject: str) -> bool:
    """Whether every message of `subject` is one of `part`, both as NATS writes subjects."""
    parts, wanted = part.split("."), subject.split(".")
    for place, token in enumerate(parts):
        if token == ">":
            return len(wanted) > place
        if place >= len(wanted) or token not in ("*", wanted[place]):
            return False
    return len(parts) == len(wanted)
