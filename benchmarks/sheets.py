"""`python -m benchmarks.sheets`: a sheet of 200,000 rows through `--dry-run`, POST /v1/sheets and `motcua import`.

What counts is the peak memory of the process that reads the sheet (`VmHWM`): below 300 MB. The services run as four
processes, as in containers; the sheet is made for the occasion.
"""

from __future__ import annotations

import os
import subprocess
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import httpx
import typer
import xlsxwriter

from benchmarks.lines import Line, Tell, below, measure_alone
from benchmarks.servers import MOTCUA, Pipeline, passable_folder, peak_mb, pipeline

PEAK_MB, ROWS = 300, 200_000
HEADING = (
    "Mã hồ sơ", "Mã đơn vị", "Mã TTHC", "Tên thủ tục", "Lĩnh vực", "Họ và tên", "Địa chỉ", "Hình thức tiếp nhận",
    "Mức độ", "Loại đối tượng", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày kết thúc", "Kết quả", "Có phí",
    "Thanh toán trực tuyến", "Số hóa hồ sơ", "Số hóa kết quả",
)  # fmt: skip


def make_sheet(path: Path, rows: int) -> None:
    """A register of `rows` dossiers with citizens' columns, every third one finished."""
    with xlsxwriter.Workbook(path, {"constant_memory": False}) as workbook:
        sheet = workbook.add_worksheet()
        stamp = workbook.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        sheet.write_row(0, 0, HEADING)
        for number in range(rows):
            _write_row(sheet, stamp, number)


def _write_row(sheet: xlsxwriter.worksheet.Worksheet, stamp: object, number: int) -> None:
    received = datetime(2025, 7, 1, 8) + timedelta(minutes=number % 200_000)
    row = number + 1
    sheet.write_row(row, 0, [
        f"H24.103-{received:%y%m%d}-{number:06d}", "10966", "1.004873", "Cấp Giấy xác nhận tình trạng hôn nhân",
        "Hộ tịch", f"Nguyễn Văn Thử {number}", f"Thôn {number % 97}, xã Bình Giang", "Trực tuyến", "Toàn trình",
        "Người dân",
    ])  # fmt: skip
    sheet.write_datetime(row, 10, received, stamp)
    sheet.write_datetime(row, 11, received + timedelta(days=3), stamp)
    if number % 3 == 0:
        sheet.write_datetime(row, 12, received + timedelta(days=2), stamp)
        sheet.write(row, 13, "Đã giải quyết")
    sheet.write_row(row, 14, ["Có", "Không", "x", "x"])


def command(*arguments: object, **environment: str) -> tuple[float, float, int]:
    """Seconds, peak MB and exit code of `motcua …`; what it prints is thrown away."""
    begin, peak = time.perf_counter(), 0.0
    process = subprocess.Popen(
        [str(MOTCUA), *map(str, arguments)],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # looked at while it runs: what the system says of a dead child counts its parent's memory at the fork as well
    while process.poll() is None:
        peak = max(peak, peak_mb(process.pid))
        time.sleep(0.05)
    return time.perf_counter() - begin, peak, process.returncode


async def upload(line: Pipeline, path: Path) -> tuple[float, dict[str, int]]:
    """Seconds and counts of POST /v1/sheets."""
    begin = time.perf_counter()
    with path.open("rb") as file:
        answer = await line.http.post(
            f"{line.urls['dossier']}/v1/sheets", files={"file": ("so.xlsx", file)}, timeout=httpx.Timeout(3600)
        )
    answer.raise_for_status()
    said = answer.json()
    return time.perf_counter() - begin, {name: said[name] for name in ("accepted", "duplicate", "rejected")}


async def measure(tell: Tell, *, rows: int = ROWS) -> list[Line]:
    """Peaks of whoever reads the sheet, and how long it takes; raises `RuntimeError` when a row is refused."""
    with passable_folder() as place:
        path = place / "so.xlsx"
        tell("the sheet is made")
        make_sheet(path, rows)
        tell("motcua import --dry-run")
        trying, tried, code = command("import", "--dry-run", path)
        async with pipeline() as line:
            idle = line.weigh()["dossier"]
            tell("POST /v1/sheets")
            posting, counts = await upload(line, path)
            peak = line.weigh()["dossier"]
            token = line.http.headers["Authorization"].split()[1]
            tell("motcua import")
            importing, imported, again = command("import", path, MOTCUA_URL=line.urls["dossier"], MOTCUA_TOKEN=token)
    if code or again or counts["rejected"]:
        raise RuntimeError(f"the sheet was refused: exit {code} and {again}, {counts}")
    return [
        below("peak of motcua import --dry-run", tried, PEAK_MB, "MB"),
        below(f"peak of the dossier service behind POST /v1/sheets ({idle:.0f} MB before)", peak, PEAK_MB, "MB"),
        below("peak of motcua import, all of it known already", imported, PEAK_MB, "MB"),
        *(
            Line(f"{what}, {rows:,} rows", f"{seconds:.0f} s")
            for what, seconds in (
                ("motcua import --dry-run", trying), ("POST /v1/sheets", posting), ("motcua import", importing),
            )
        ),
    ]  # fmt: skip


def main(rows: Annotated[int, typer.Option(min=1, help="rows of the sheet")] = ROWS) -> None:
    """Measure what a large sheet costs."""
    measure_alone(f"python -m benchmarks.sheets --rows {rows}", lambda tell: measure(tell, rows=rows))


if __name__ == "__main__":
    typer.run(main)
