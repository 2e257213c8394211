"""Deliveries and leases in SQL: what stands in a tracker, and who may write there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from pipeline.stores.sql.rows import to_json
from pipeline.stores.sql.tables import deliveries, leases
from pipeline.tracker.delivering import Delivery

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select


TRACKERS = select(deliveries.c.tracker).distinct().order_by(deliveries.c.tracker)
"""All trackers of which something is known."""


def known(tracker: str) -> Select[Any]:
    """Return what asks for all deliveries to a tracker."""
    return select(deliveries).where(deliveries.c.tracker == tracker)


def to_delivery(row: Row[Any]) -> tuple[str, Delivery]:
    """Restore a delivery, after the incident whose it is."""
    return row.incident_id, Delivery.of(json.loads(row.document))


def deliver(connection: Connection, tracker: str, incident: str, delivery: Delivery) -> None:
    """Keep a delivery in place of what was kept of it."""
    key = {"tracker": tracker, "incident_id": incident}
    mine = (deliveries.c.tracker == tracker) & (deliveries.c.incident_id == incident)
    connection.execute(delete(deliveries).where(mine))
    connection.execute(insert(deliveries), {**key, "document": to_json(delivery.document())})


def lease(connection: Connection, name: str, holder: str, until: int, now: int) -> bool:
    """Take or renew a lease, if nobody else holds it; return whether it is held now."""
    free = or_(leases.c.holder == holder, leases.c.until <= now)
    taken = connection.execute(
        update(leases).where(leases.c.name == name, free).values(holder=holder, until=until)
    )
    if taken.rowcount:
        return True
    if connection.execute(select(leases.c.name).where(leases.c.name == name)).first():
        return False
    connection.execute(insert(leases), {"name": name, "holder": holder, "until": until})
    return True


def release(connection: Connection, name: str, holder: str) -> None:
    """Give a lease back."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
