"""Numbers of messages in quarantine that SQLite never gives again.

It gives the next one after the highest that is there, unless the table was made otherwise. Which
numbers there were before is not known: of those that are gone, higher ones than are left can come
once more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the table anew, with all that is in it; PostgreSQL gives no number twice as it is."""
    if op.get_bind().dialect.name != "sqlite":
        return
    # The old one is renamed, as a table that was renamed is not written as one that is new.
    op.rename_table("quarantine", "quarantine_before")
    op.create_table(
        "quarantine",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO quarantine (number, name, reason, text, at) "
        "SELECT number, name, reason, text, at FROM quarantine_before"
    )
    op.drop_table("quarantine_before")
