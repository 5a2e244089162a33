"""The history of one dossier from all of its revisions at once: what `keep_history` would have kept hearing them one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from services.reporting.history.domain import EVER, NEVER, UNHEARD, Version, learn, steps_of, versions, worth_keeping
from services.reporting.history.repository import lasting
from shared.events.dossiers import Snapshot, Step
from shared.facts import FOR_EVER, spans
from shared.localtime import local_date


def kept_of(told: Sequence[Snapshot]) -> list[Version]:
    """What is worth keeping of the revisions of one dossier, each once and in rising order."""
    claims = [(local_date(one.recorded_at), one) for one in lasting(told)]
    if _each_grew_in_time(claims):
        return []
    known, base = versions(UNHEARD, []), UNHEARD
    for day, one in claims:
        base = steps_of(spans(one), FOR_EVER)
        known = learn(known, base, day, NEVER)
    return worth_keeping(known, base)


def _each_grew_in_time(claims: Sequence[tuple[date, Snapshot]]) -> bool:
    """Whether each revision only adds what happened on the day it was recorded or later: the usual case, and cheap to see.

    Then a revision says nothing else than the newest one of any day before the next one counts: there is nothing to keep.
    """
    timelines: list[tuple[date, Sequence[Step]]] = [(EVER, ()), *((day, one.timeline) for day, one in claims)]
    return all(
        list(after[: len(before)]) == list(before) and all(local_date(step.at) >= day for step in after[len(before) :])
        for (_, before), (day, after) in pairwise(timelines)
    )
