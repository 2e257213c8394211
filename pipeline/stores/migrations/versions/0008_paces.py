"""How fast a tracker's server was written to, so that budgets outlast a process."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "paces",
        sa.Column("server", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
    )
