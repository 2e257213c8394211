"""A table of requests: how many there were, as far as somebody asked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "requests",
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("log_name", sa.Text, primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True),
        sa.Column("until", sa.BigInteger, primary_key=True),
        sa.Column("total", sa.BigInteger, nullable=False),
    )
