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

    def __init__(self, rules: Path, *paths: str) -> None:
        """Read the templates, joined, behind the common layout; raises `OSError` when one cannot be read."""
        self._source = b"".join((rules / path).read_bytes() for path in (LAYOUT, *paths))

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

    def write_png(self, data: dict[str, Any], *, dots_per_inch: float = 200) -> bytes:
        """The content, one page, as a picture; the same input gives the same bytes."""
        made = typst.compile(
            self._source,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            format="png",
            ppi=dots_per_inch,
        )
        assert isinstance(made, bytes)
        return made
