"""Opens a sheet of given rows."""

from pathlib import Path
from typing import Any

import pytest

from services.dossier.files import OpenedFile, open_file
from tests.unit.dossier.filing import NOW, UNITS, Open, csv_of


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Opens text, bytes or sheet rows as a file whose name says nothing about what it is."""

    def open_(*content: str | bytes | dict[str, str], **options: Any) -> OpenedFile:
        path = tmp_path / "handed-in"
        if content and isinstance(content[0], str | bytes):
            path.write_bytes(content[0].encode() if isinstance(content[0], str) else content[0])
        else:
            path.write_text(csv_of(*content), newline="")  # type: ignore[arg-type]
        return open_file(path, knows_unit=UNITS.__contains__, now=NOW, **options)

    return open_
