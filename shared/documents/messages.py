"""Vietnamese wording that every administrative document carries (NĐ 30/2020/NĐ-CP, Phụ lục I)."""

NATION = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"
RECIPIENTS = "Nơi nhận:"
KINDS = ("xã", "phường", "đặc khu")
PLACE_AND_DATE = "{place}, ngày {day} tháng {month} năm {year}"
