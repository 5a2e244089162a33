"""`python -m benchmarks.sheets`: a sheet of 200,000 rows through `--dry-run`, POST /v1/sheets and `motcua import`.

What counts is the peak memory of the process that reads the sheet (`VmHWM`): below 300 MB. The services run as four
processes, as in containers; the sheet is made for the occasion.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import typer
import xlsxwriter

from benchmarks.__main__ import commit, machine
from benchmarks.servers import MOTCUA, Pipeline, passable_folder, peak_mb, pipeline
from shared.loop import run

PEAK_MB = 300
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


async def measure(rows: int) -> bool:
    """Print the figures; true when every peak is below the target."""
    peaks = dict[str, float]()
    with passable_folder() as place:
        path = place / "so.xlsx"
        make_sheet(path, rows)
        print(f"sheet of {rows:,} rows, {path.stat().st_size / 2**20:.1f} MB", flush=True)
        seconds, peaks["motcua import --dry-run"], code = command("import", "--dry-run", path)
        print(f"motcua import --dry-run: exit {code} in {seconds:.0f} s, {rows / seconds:,.0f} rows/s", flush=True)
        async with pipeline() as line:
            idle = line.weigh()["dossier"]
            seconds, counts = await upload(line, path)
            print(f"POST /v1/sheets: {counts} in {seconds:.0f} s, {rows / seconds:,.0f} rows/s", flush=True)
            peaks["dossier service behind POST /v1/sheets"] = line.weigh()["dossier"]
            token = line.http.headers["Authorization"].split()[1]
            seconds, peaks["motcua import"], code = command(
                "import", path, MOTCUA_URL=line.urls["dossier"], MOTCUA_TOKEN=token
            )
            print(f"motcua import (all duplicates by now): exit {code} in {seconds:.0f} s", flush=True)
    print(f"dossier service before the sheet came: {idle:.0f} MB")
    for name, peak in peaks.items():
        print(f"peak of {name}: {peak:.0f} MB (target < {PEAK_MB} MB)")
    return all(peak < PEAK_MB for peak in peaks.values())


def main(rows: int = 200_000) -> None:
    """Measure what a large sheet costs."""
    print(f"measured {date.today().isoformat()} by `python -m benchmarks.sheets` at commit `{commit()}` on {machine()}")
    sys.exit(not run(measure(rows)))


if __name__ == "__main__":
    typer.run(main)
