"""A table of deployments: which revisions logged, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "deployments",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("revision", sa.Text, primary_key=True),
        sa.Column("first", sa.Text, nullable=False),
        sa.Column("log_name", sa.Text, nullable=False),
        sa.Column("insert_id", sa.Text, nullable=False),
        sa.Column("commit", sa.Text, nullable=False),
        sa.Column("last", sa.Text, nullable=False),
    )
