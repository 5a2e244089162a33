"""`python -m benchmarks.obvious STAGE`: one message, one session, one commit, one publish."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime
from typing import Any

from faststream import FastStream
from faststream.nats import JStream, NatsBroker
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks.obvious.tables import Alert, Count, Dossier, Fact, Record, Target

engine = create_async_engine(os.environ["DATABASE_URL"])
broker = NatsBroker(os.environ["NATS_URL"], logger=None)  # a log line a message would only slow it down
records = JStream("OBVIOUS_RECORDS", subjects=["obvious.record"])
events = JStream("OBVIOUS_EVENTS", subjects=["obvious.event"])


class Said(BaseModel):
    """A CloudEvent of the centre."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]


class Changed(BaseModel):
    """What happened to a dossier, with its state."""

    id: str
    kind: str
    unit: str
    dossier: str
    revision: int
    state: dict[str, Any]


async def dossier(said: Said) -> None:
    """Journal the statement, fold it into the dossier, say what changed."""
    async with AsyncSession(engine) as session:
        if await session.get(Record, (said.source, said.id)):
            return
        session.add(
            Record(
                source=said.source, id=said.id, dossier=said.subject, time=said.time, body=said.model_dump(mode="json")
            )
        )
        found = await session.exec(select(Record).where(Record.dossier == said.subject))
        history = sorted(found.all(), key=lambda one: one.time)
        one = await session.get(Dossier, said.subject) or Dossier(code=said.subject)
        state: dict[str, Any] = {}
        for record in history:
            state |= {name: value for name, value in record.body["data"].items() if value is not None}
        one.revision, one.state = len(history), state
        session.add(one)
        await session.commit()
    kind = said.type.split(".")[-2]
    changed = Changed(
        id=said.id, kind=kind, unit=state["unit"], dossier=said.subject, revision=len(history), state=state
    )  # fmt: skip
    await broker.publish(changed, "obvious.event", stream="OBVIOUS_EVENTS")


async def reporting(changed: Changed) -> None:
    """Keep the newest facts of the dossier and count the event."""
    async with AsyncSession(engine) as session:
        fact = await session.get(Fact, changed.dossier) or Fact(code=changed.dossier)
        if fact.revision < changed.revision:
            fact.revision, fact.field = changed.revision, changed.state.get("field")
            session.add(fact)
            key = (changed.unit, fact.field or "", changed.kind)
            count = await session.get(Count, key) or Count(unit=key[0], field=key[1], kind=key[2])
            count.n += 1
            session.add(count)
        await session.commit()


async def inspection(changed: Changed) -> None:
    """Move the target of the unit."""
    async with AsyncSession(engine) as session:
        target = await session.get(Target, changed.unit) or Target(unit=changed.unit)
        target.base += 1
        target.hit += changed.kind == "completed"
        session.add(target)
        await session.commit()


async def notification(changed: Changed) -> None:
    """Decide on an alert and say so."""
    if (changed.state.get("rating") or 5) > 2:
        return
    async with AsyncSession(engine) as session:
        if await session.get(Alert, changed.id):
            return
        session.add(Alert(id=changed.id, unit=changed.unit, text=f"dissatisfied: {changed.dossier}"))
        await session.commit()
    await broker.publish({"dossier": changed.dossier}, "obvious.alert")


async def create() -> None:
    """Make the tables and both streams."""
    async with engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    await broker.connect()
    js = (await broker.connect()).jetstream()
    await js.add_stream(name="OBVIOUS_RECORDS", subjects=["obvious.record"])
    await js.add_stream(name="OBVIOUS_EVENTS", subjects=["obvious.event"])
    await broker.stop()
    print("ready obvious", flush=True)


def main(stage: str) -> None:
    """Run one stage until it is told to stop."""
    if stage == "create":
        asyncio.run(create())
        return
    subject, stream = ("obvious.record", records) if stage == "dossier" else ("obvious.event", events)
    handler = {"dossier": dossier, "reporting": reporting, "inspection": inspection, "notification": notification}
    broker.subscriber(subject, stream=stream, durable=stage)(handler[stage])  # type: ignore[call-overload]
    app = FastStream(broker, logger=None)

    @app.after_startup
    async def ready() -> None:
        print("ready obvious", flush=True)

    asyncio.run(app.run())


main(sys.argv[1])
