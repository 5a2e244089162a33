"""Closing the reports of many units: one line each, and a refused one stops no other."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.inside import inside, new_folder, record

MOTCUA = str(Path(sys.executable).parent / "motcua")


@pytest.mark.asyncio
@pytest.mark.timeout(120)
async def test_a_unit_that_is_refused_stops_no_other() -> None:
    with new_folder() as data:
        async with inside(data, now="2026-01-05") as running:
            for unit in ("10510", "10966"):
                await running.say(record("received", f"A-{unit}", "2025-08-01", field="Hộ tịch", unit=unit))

            async def close(*arguments: str) -> tuple[int | None, str, str]:
                process = await asyncio.create_subprocess_exec(
                    MOTCUA, "report", "close", "--period", "2025-Q3", *arguments, "--data", str(data),
                    stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                )  # fmt: skip
                out, err = await process.communicate()
                return process.returncode, out.decode(), err.decode()

            assert (await close("--unit", "10966"))[0] == 0
            code, out, err = await close("--unit", "all")
            assert code == 3
            assert out.startswith("closed II.06a 10510 2025-Q3 v1") and out.count("closed") == 1
            assert "refused 10966: II.06a of unit 10966 for 2025-Q3 was closed at" in err
            code, out, err = await close("--unit", "10510", "--unit", "10966", "--json")
            assert (code, json.loads(out), err.count("refused")) == (3, [], 2)
            assert (await close("--unit", "10966"))[0] == 2
