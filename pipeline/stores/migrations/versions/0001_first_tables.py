"""The first tables: detections, incidents and the ledger.

Escaped text and times are both `Text` here; `stores/sql/tables.py` says how they are read.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "detections",
        sa.Column("timestamp", sa.Text, primary_key=True),
        sa.Column("log_name", sa.Text, primary_key=True),
        sa.Column("insert_id", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("richness", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("anchor_time", sa.Text, nullable=False),
        sa.Column("anchor_fingerprint", sa.Text, nullable=False),
        sa.Column("absorbed_by", sa.Text),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("first_seen", sa.Text, nullable=False),
        sa.Column("last_seen", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "ledger",
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column(
            "incident_id",
            sa.Text,
            sa.ForeignKey("incidents.id", deferrable=True, initially="DEFERRED"),
            nullable=False,
        ),
        sa.Column("decided_at", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("symptoms", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.UniqueConstraint("incident_id", "decided_at", "action", "digest", name="ledger_once"),
    )
    op.create_index("ledger_decided_at", "ledger", ["decided_at"])
