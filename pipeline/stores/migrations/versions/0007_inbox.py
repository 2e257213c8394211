"""Tables of what was received: receipts until they are correlated, held lines, and quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "inbox",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("received_at", sa.Text, nullable=False),
        sa.Column("needed", sa.Integer, nullable=False),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
    )
    op.create_index("inbox_needed", "inbox", ["needed", "number"])
    op.create_table(
        "held",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("number", _NUMBER, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
