"""Deliveries in SQL: what stands in a tracker, who may write there, and how fast one did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from pipeline.ports import AHEAD
from pipeline.stores.sql.rows import to_json
from pipeline.stores.sql.tables import deliveries, leases, paces
from pipeline.tracker.pace import Pace

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

    from pipeline.tracker.delivering import Delivery

TRACKERS = select(deliveries.c.tracker).distinct().order_by(deliveries.c.tracker)
"""All trackers of which something is known."""


def to_delivery(row: Row[Any]) -> tuple[str, Delivery]:
    """Restore a delivery, after the incident whose it is."""
    from pipeline.tracker.delivering import Delivery  # noqa: PLC0415 - slow to load; many have none

    return row.incident_id, Delivery.of(json.loads(row.document))


def deliver(connection: Connection, tracker: str, incident: str, delivery: Delivery) -> None:
    """Keep a delivery in place of what was kept of it."""
    key = {"tracker": tracker, "incident_id": incident}
    mine = (deliveries.c.tracker == tracker) & (deliveries.c.incident_id == incident)
    connection.execute(delete(deliveries).where(mine))
    connection.execute(insert(deliveries), {**key, "document": to_json(delivery.document())})


def lease(connection: Connection, name: str, holder: str, until: int, now: int) -> bool:
    """Take or renew a lease, if nobody else holds it; return whether it is held now."""
    over = or_(leases.c.until <= now, leases.c.until > until + AHEAD)
    free = or_(leases.c.holder == holder, over)
    taken = connection.execute(
        update(leases).where(leases.c.name == name, free).values(holder=holder, until=until)
    )
    if taken.rowcount:
        return True
    if connection.execute(select(leases.c.name).where(leases.c.name == name)).first():
        return False
    connection.execute(insert(leases), {"name": name, "holder": holder, "until": until})
    return True


def renew(connection: Connection, name: str, holder: str, until: int) -> bool:
    """Renew a lease if nobody else had it since it was taken; return whether it is held."""
    mine = (leases.c.name == name) & (leases.c.holder == holder)
    return connection.execute(update(leases).where(mine).values(until=until)).rowcount > 0


def release(connection: Connection, name: str, holder: str) -> None:
    """Give a lease back."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def pace_of(server: str) -> Select[Any]:
    """Return what asks how fast a server was written to."""
    return select(paces).where(paces.c.server == server)


def to_pace(row: Row[Any]) -> Pace:
    """Restore a pace."""
    return Pace.of(json.loads(row.document))


def keep_pace(connection: Connection, server: str, pace: Pace) -> Pace:
    """Keep a pace, and return it with what others wrote meanwhile."""
    row = connection.execute(pace_of(server)).first()
    kept = pace.after(to_pace(row)) if row else pace
    connection.execute(delete(paces).where(paces.c.server == server))
    connection.execute(insert(paces), {"server": server, "document": to_json(kept.document())})
    return kept
