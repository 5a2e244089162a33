"""Answers of a door: what a use case gives, or why it refuses, as a sentence with the status that fits."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

Errors = tuple[type[Exception], ...]


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """What the errors of a door's use cases mean to its caller.

    `forbidden` is a 403, `unknown` a 404, `conflict` a 409, and any other `ValueError` a 400. Whatever else is raised is our
    own fault: it stays a 500, with its trace in the log and not in the answer.
    """

    forbidden: Errors = ()
    unknown: Errors = ()
    conflict: Errors = ()

    async def answer(self, asked: Awaitable[Any], *, status: int = 200) -> Response:
        """What a use case gives, as JSON unless it is a response already, or one sentence on why it was refused."""
        try:
            found = await asked
            return found if isinstance(found, Response) else JSONResponse(jsonable_encoder(found), status_code=status)
        except self._known as error:
            return JSONResponse({"error": str(error)}, status_code=self._status(error))

    @property
    def _known(self) -> Errors:
        return (*self.forbidden, *self.unknown, *self.conflict, ValueError)

    def _status(self, error: Exception) -> int:
        for status, errors in ((403, self.forbidden), (404, self.unknown), (409, self.conflict)):
            if isinstance(error, errors):
                return status
        return 400
