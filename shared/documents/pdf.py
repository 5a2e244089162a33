"""PDF by typst, with the fonts that come inside it; fonts of the machine are never looked at."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

LAYOUT = "documents/administrative.typ"
"""Head and signature block of NĐ 30/2020/NĐ-CP; every template may use what it defines."""


class Template:
    """A typst template of the rule folder; it reads its content as JSON from `sys.inputs.data`."""

    def __init__(self, rules: Path, path: str) -> None:
        """Read the template behind the common layout; raises `OSError` when one cannot be read."""
        self._source = (rules / LAYOUT).read_bytes() + (rules / path).read_bytes()

    def write_pdf(self, data: dict[str, Any], created: datetime) -> bytes:
        """The content as PDF; the same input gives the same bytes."""
        made = typst.compile(
            self._source,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            timestamp=created.replace(microsecond=0),
        )
        assert isinstance(made, bytes)
        return made
