"""In which order incidents changed, so that whoever knows them asks only for what is new."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the number; all that there are come first."""
    number = sa.Column("revision", sa.Integer, nullable=False, server_default="0")
    op.add_column("incidents", number)
    op.create_index("incidents_revision", "incidents", ["revision"])
