"""Vietnamese labels of what the inspection service shows to people."""

from shared.measures import UNMEASURED

NOTHING_MEASURED = dict.fromkeys(UNMEASURED, "chưa có nguồn số liệu")
PERIOD = {"plan": "Kỳ kế hoạch"}
STATUS = {
    "recurring": "thường xuyên",
    "needs_decision": "chờ quyết định",
    "open": "đang thực hiện",
    "done": "đã có minh chứng",
}
