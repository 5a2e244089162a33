"""Vietnamese names of the causes of lateness."""

CAUSE = {
    "citizen": "Chờ người dân",
    "staff": "Cán bộ xử lý",
    "other_agency": "Cơ quan khác",
    "calendar": "Ngoài giờ làm việc",
    "stream": "Dữ liệu đến muộn",
}
