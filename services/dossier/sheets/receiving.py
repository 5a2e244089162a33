"""A sheet on its way from the request to a temporary file; no more of it is held than one piece."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fastapi import Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.datastructures import FormData, UploadFile

from services.dossier.files.mapping import MAX_BYTES

MAX_LISTED = 10_000
_LOST_PLUS = re.compile(r"(T[\d:.]+) (\d\d:?\d\d)")
MULTIPART = "multipart/form-data"


class Unusable(Exception):
    """A request that cannot be read: what is wrong, in words for its sender."""


class Options(BaseModel):
    """What may be said beside the file, as query or as fields of the form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str | None = Field(default=None, description="unit of rows that name none")
    as_of: AwareDatetime | None = Field(default=None, description="instant of the export; by default the newest date")
    dry_run: bool = Field(default=False, description="judge every row, change nothing")
    mapping: str | None = Field(default=None, description="name of a stored mapping; in a form, also a YAML file")
    name: str = Field(default="sheet", max_length=200, description="what answers call the file")
    limit: int = Field(default=1000, ge=0, le=MAX_LISTED, description="how many rows the answer lists at most")

    @field_validator("as_of", mode="before")
    @classmethod
    def _restore_plus(cls, value: object) -> object:
        # in a query `+07:00` reads as ` 07:00` unless somebody encoded the sign
        return _LOST_PLUS.sub(r"\1+\2", value) if isinstance(value, str) else value

    @field_validator("unit", "as_of", "mapping", mode="before")
    @classmethod
    def _nothing(cls, value: object) -> object:
        return None if value == "" else value


@dataclass(frozen=True)
class Received:
    """The sheet on disk, what was said beside it, and the mapping that came with it."""

    path: Path
    options: Options
    mapping: Path | None = None


@asynccontextmanager
async def receive(request: Request) -> AsyncIterator[Received]:
    """Take the body to disk, as a form with a part `file` or as it is; gone with the block. Raises `Unusable`."""
    with TemporaryDirectory(prefix="motcua-sheet-") as folder:
        path = Path(folder) / "sheet"
        if request.headers.get("content-type", "").lower().startswith(MULTIPART):
            async with request.form(max_files=2, max_fields=10, max_part_size=MAX_BYTES) as form:
                yield await _receive_form(request, form, path)
        else:
            with path.open("wb") as file:
                async for piece in request.stream():
                    await asyncio.to_thread(file.write, piece)
            yield Received(path, _options(dict(request.query_params)))


async def _receive_form(request: Request, form: FormData, path: Path) -> Received:
    said, mapping = dict(request.query_params), None
    uploaded: UploadFile | None = None
    for name, value in form.multi_items():
        if isinstance(value, str):
            said[name] = value
        elif name == "mapping":
            mapping = path.with_name("mapping.yaml")
            await _save(value, mapping)
        elif name == "file" and uploaded is None:
            uploaded = value
        else:
            raise Unusable(f"unexpected part {name[:40]!r} (send the sheet as one part named file)")
    if uploaded is None:
        raise Unusable("no file came with the form (send the sheet as a part named file, with a file name)")
    said.setdefault("name", _plain(uploaded.filename or ""))
    await _save(uploaded, path)
    return Received(path, _options(said), mapping)


async def _save(upload: UploadFile, path: Path) -> None:
    def copy(source: BinaryIO) -> None:
        with path.open("wb") as file:
            shutil.copyfileobj(source, file)

    await upload.seek(0)
    await asyncio.to_thread(copy, upload.file)


def _options(said: dict[str, str]) -> Options:
    try:
        options = Options.model_validate(said)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        raise Unusable("; ".join(f"{one['loc'][0]}: {one['msg']}" for one in problems)) from None
    return options.model_copy(update={"name": _plain(options.name) or "sheet"})


def _plain(name: str) -> str:
    """The last part of a file's name, printable and short: it comes back in answers and in DEAD."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[:100] or "sheet"
