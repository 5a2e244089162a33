"""Whether a pattern of NATS takes a subject."""

from __future__ import annotations


def covers(pattern: str, subject: str) -> bool:
    """NATS wildcards, for a subject or a narrower pattern: `*` one part, `>` one part or more, at the end."""
    have, want = pattern.split("."), subject.split(".")
    for place, part in enumerate(have):
        if part == ">":
            return len(want) > place
        if place >= len(want) or want[place] == ">" or (part != "*" and part != want[place]):
            return False
    return len(have) == len(want)
