"""Vietnamese labels of what the inspection service shows to people."""

from shared.measures import UNMEASURED

NOTHING_MEASURED = {name: "chưa có nguồn số liệu" for name in UNMEASURED}
PERIOD = {"plan": "Kỳ kế hoạch"}
STATUS = {"recurring": "thường xuyên", "needs_decision": "chờ quyết định", "open": "đang thực hiện", "done": "đã có minh chứng"}
