"""A refusal reaches people with the status that fits; a fault of our own is never taken for theirs."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from fastapi.responses import PlainTextResponse, Response

from shared.answers import Refusals


class Missing(LookupError):
    """Nobody knows it."""


class Busy(RuntimeError):
    """Not in this state."""


class Barred(ValueError):
    """Not in this role: a `ValueError` too, and yet no 400."""


REFUSALS = Refusals(forbidden=(Barred,), unknown=(Missing,), conflict=(Busy,))


async def _raise(error: Exception) -> Response:
    raise error


@pytest.mark.parametrize(
    ("error", "status"),
    [(Barred("no"), 403), (Missing("no"), 404), (Busy("no"), 409), (ValueError("no"), 400)],
    ids=lambda one: type(one).__name__,
)
async def test_each_refusal_has_its_status_and_its_sentence(error: Exception, status: int) -> None:
    answer = await REFUSALS.answer(_raise(error))
    assert (answer.status_code, json.loads(bytes(answer.body))) == (status, {"error": "no"})


async def test_what_no_use_case_announces_is_our_own_fault() -> None:
    with pytest.raises(KeyError):
        await REFUSALS.answer(_raise(KeyError("a defect")))


async def test_figures_are_written_as_json_and_a_file_goes_as_it_is() -> None:
    async def figures() -> dict[str, Decimal]:
        return {"rate": Decimal("0.5")}

    file = PlainTextResponse("a;b")

    async def written() -> Response:
        return file

    assert json.loads(bytes((await REFUSALS.answer(figures())).body)) == {"rate": 0.5}
    assert (await REFUSALS.answer(figures(), status=201)).status_code == 201
    assert await REFUSALS.answer(written()) is file
