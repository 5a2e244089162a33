"""`python -m benchmarks.whole`: a bare hop, the pipeline of four processes, its latency and memory, and the obvious way."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmarks import measured, records
from benchmarks.lines import Line, Tell, at_least, below, measure_alone
from benchmarks.servers import pipeline

PEAK_MB, P95_MS = 200, 500
RECORDS, PLAIN, SECONDS = 22_000, 2_000, 60


async def measure(tell: Tell, *, count: int = RECORDS, plain: int = PLAIN, seconds: int = SECONDS) -> list[Line]:
    """`count` and `plain` are records, `seconds` the length of the light load."""
    tell("a bare hop")
    messages = records.centre_messages(count + 2_000)
    a = await measured.bare_hop(messages[2_000:])
    tell("the pipeline")
    async with pipeline() as line:
        b = await measured.throughput(line, messages[:2_000], messages[2_000:])
        waits, lost = await measured.latency(
            line, seconds=seconds, a_second=50, told=lambda text: tell(f"latency at 50 records/s: {text}")
        )
        peak = line.weigh()
    tell("the obvious way")
    c = await measured.obvious(messages[:plain])
    p50, p95, p99 = (measured.percentile(waits, percent) for percent in (50, 95, 99))
    return [
        Line("(a) one bare JetStream hop, events/s", f"{a:,.0f}"),
        Line("(b) pipeline of four processes, records/s", f"{b:,.0f}"),
        Line("(c) the obvious way, records/s", f"{c:,.0f}"),
        Line("b / a", f"{b / a:.2f}", "≥ 0.15", b >= 0.15 * a),
        at_least("b / c", b / c, 15, "times"),
        Line("record → alert decision at 50 records/s, p50", f"{p50:.0f} ms"),
        below("record → alert decision at 50 records/s, p95", p95, P95_MS, "ms"),
        Line("record → alert decision at 50 records/s, p99", f"{p99:.0f} ms"),
        Line("records whose alert never came", f"{lost} of {len(waits) + lost}", "0", lost == 0),
        *(below(f"peak memory of {name}", size, PEAK_MB, "MB") for name, size in peak.items()),
    ]


def main(
    count: Annotated[int, typer.Option(min=1_000, help="records of the hop and of the pipeline")] = RECORDS,
    seconds: Annotated[int, typer.Option(min=1, help="seconds of the light load")] = SECONDS,
) -> None:
    """Measure the whole path against a bare hop and the obvious way."""
    command = f"python -m benchmarks.whole --count {count} --seconds {seconds}"
    measure_alone(command, lambda tell: measure(tell, count=count, plain=count // 11, seconds=seconds))


if __name__ == "__main__":
    typer.run(main)
