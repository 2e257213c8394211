"""Verdicts in SQL. One that is undone stays, with the name of who took it back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from pipeline.stores.sql.rows import to_json
from pipeline.stores.sql.tables import verdicts
from pipeline.verdicts import Kind, Verdict

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

HOLDING = select(verdicts).where(verdicts.c.undone_by.is_(None)).order_by(verdicts.c.number)
"""Those that were not taken back, in the order given."""


def to_verdict(row: Row[Any]) -> Verdict:
    """Restore a verdict; its document alone does, but for the number."""
    value = json.loads(row.document)
    for name in ("handle", "other"):
        value[name] = None if value[name] is None else tuple(value[name])
    return Verdict(**{**value, "kind": Kind(value["kind"]), "number": row.number})


def give(connection: Connection, verdict: Verdict) -> Verdict:
    """Append a verdict, unless it says what the last one says; return what stands there."""
    last = connection.execute(
        HOLDING.order_by(None).order_by(verdicts.c.number.desc()).limit(1)
    ).one_or_none()
    if last is not None and to_verdict(last).says_as(verdict):
        return to_verdict(last)
    row = {
        "kind": verdict.kind.value,
        "incident_id": verdict.incident,
        "given_at": verdict.at,
        "given_by": verdict.by,
        "document": to_json(verdict),
    }
    number = connection.execute(insert(verdicts).returning(verdicts.c.number), row).scalar_one()
    return replace(verdict, number=number)


def undo(connection: Connection, number: int, by: str) -> Verdict | None:
    """Take back a verdict that holds; return it, None if no such verdict holds."""
    found = connection.execute(HOLDING.where(verdicts.c.number == number)).one_or_none()
    if found is None:
        return None
    connection.execute(update(verdicts).where(verdicts.c.number == number).values(undone_by=by))
    return to_verdict(found)
