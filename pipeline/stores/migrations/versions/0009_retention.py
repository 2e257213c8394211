"""Documents of incidents apart and compressed, and which incidents are put away.

A table of incidents without them is small enough to be read whole. A document is that text which
`stores/sql/tables.py` calls `Packed`: it needs no escapes.
"""

from __future__ import annotations

import json
import re

import sqlalchemy as sa
import zstandard
from alembic import op

revision = "0009"
down_revision = "0008"

_ESCAPED = re.compile("\ufdd0([0-9a-f]{4})")
_LARGE = ("incidents", "documents", "detections", "inbox", "deliveries")


def upgrade() -> None:
    """Move them."""
    documents = op.create_table(
        "documents",
        sa.Column("incident_id", sa.Text, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.add_column("incidents", sa.Column("services", sa.Text, nullable=False, server_default="[]"))
    op.add_column("incidents", sa.Column("away", sa.Integer, nullable=False, server_default="0"))
    connection = op.get_bind()
    services = sa.text("UPDATE incidents SET services = :services WHERE id = :id")
    names = list(connection.scalars(sa.text("SELECT id FROM incidents")))
    one = sa.text("SELECT document FROM incidents WHERE id = :id")
    for name in names:
        text = str(connection.execute(one, {"id": name}).scalar_one())
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        packed = zstandard.compress(text.encode("utf-8", "surrogatepass"))
        connection.execute(documents.insert(), {"incident_id": name, "document": packed})
        told = json.dumps(json.loads(text)["services"])
        connection.execute(services, {"services": told, "id": name})
    op.drop_column("incidents", "document")
    if connection.dialect.name == "postgresql":
        _vacuum_early()


def _vacuum_early() -> None:
    """Let PostgreSQL reuse the room of rows that are replaced all the time before it is a fifth."""
    for table in _LARGE:
        settings = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000"
        toast = settings.replace("autovacuum", "toast.autovacuum")
        op.execute(f"ALTER TABLE {table} SET ({settings}, {toast})")
