"""Ctrl-C and SIGTERM for a command that goes on for hours: it stops between two steps, with its counts."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether somebody asked to stop; asked a second time, the step in hand is broken off (`KeyboardInterrupt`).

    A shell without job control starts what it puts into the background with SIGINT ignored, and Python then leaves it
    ignored: no Ctrl-C and no `kill -INT` ever ended such a centre. Here the signals are taken whatever was inherited.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: list[signal._HANDLER] = []

    def __enter__(self) -> Stop:
        self._before = [signal.signal(one, self._ask) for one in SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one, handler in zip(SIGNALS, self._before, strict=True):
            signal.signal(one, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True  # a flag: an exception could be raised where nobody hears it, or within half a line of output
