"""Packets and records about an invented dossier, in the shapes that real clients send."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from shared.localtime import LOCAL

Item = dict[str, Any]


class Dossier:
    """One invented dossier of a unit, received a week ago, and what clients of the national portal write about it (domain.md §4)."""

    def __init__(self, unit: str, now: datetime, number: int) -> None:
        self.unit, self.now = unit, now.astimezone(LOCAL)
        self.received = (self.now - timedelta(days=7)).replace(hour=8, minute=30, second=0, microsecond=0)
        self.due = self.at(3, 17)
        self.code = f"H24.{int(now.timestamp())}-{self.received:%y%m%d}-{number:04}"

    def at(self, days: int, hour: int = 9) -> datetime:
        """That hour, days after the reception."""
        return (self.received + timedelta(days=days)).replace(hour=hour, minute=0)

    def packet(self, **fields: Any) -> Item:
        """An open dossier as of V2; V1's has the same fields without those of the channel."""
        return {
            "MaHoSo": self.code, "MaTTHC": "1.004873", "TenTTHC": "Thủ tục cấp Giấy xác nhận tình trạng hôn nhân",
            "MaLinhVuc": "", "TenLinhVuc": "Hộ tịch", "ChuHoSo": "Nguyễn Văn Thử", "LoaiDoiTuong": "1", "Email": "",
            "SoDienThoai": "0900000000", "TrichYeuHoSo": "", "GhiChu": "", "HinhThuc": "0",
            "NgayTiepNhan": packed(self.received), "NgayHenTra": packed(self.due), "TrangThaiHoSo": "4", "NgayTra": "",
            "NgayKetThucXuLy": "", "DonViXuLy": "", "KenhThucHien": "2", "NoiNopHoSo": "1",
            "NgayNopHoSo": packed(self.received), "DuocThanhToanTrucTuyen": "0", "TaiLieuNop": [], "DanhSachLePhi": [],
            "DanhSachHoSoBoSung": [], "DanhSachGiayToKetQua": [], **fields,
        }  # fmt: skip

    def progress(self, status: int | str, at: datetime, text: str = "Chuyển thẩm định") -> Item:
        """One line of progress."""
        return {
            "MaHoSo": self.code, "NguoiXuLy": "Trần Thị B", "ChucDanh": "", "ThoiDiemXuLy": packed(at),
            "PhongBanXuLy": "", "NoiDungXuLy": text, "TrangThai": str(status), "NgayBatDau": "",
            "NgayKetThucTheoQuyDinh": "",
        }  # fmt: skip

    def record(self, kind: str, at: datetime, id: str = "1", **data: Any) -> Item:
        """One CloudEvent."""
        about = "petition" if kind.startswith("petition.") else "dossier"
        return {
            "specversion": "1.0", "id": f"{self.code}-{id}", "source": f"/simulated/traps/{self.unit}",
            "type": f"vn.motcua.onestop.{kind}.v1", "subject": self.code, "time": at.isoformat(),
            "datacontenttype": "application/json", "data": {"unit": self.unit, about: self.code, **data},
        }  # fmt: skip

    def reception(self, **data: Any) -> Item:
        """The record that takes the dossier in."""
        facts = {"field": "Hộ tịch", "procedure": "1.004873", "channel": "direct", "due_at": self.due.isoformat()}
        return self.record("received", self.received, **(facts | data))


def packed(instant: datetime) -> str:
    """The portal's `yyyyMMddHHmmss`, local time."""
    return f"{instant:%Y%m%d%H%M%S}"
