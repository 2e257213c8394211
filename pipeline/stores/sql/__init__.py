"""The store in a SQL database: SQLite, embedded.

One folder of helpers behind two names: `SqlStore`, and `parse_url`, which checks where it would be.
"""

from __future__ import annotations

from pipeline.stores.sql.database import parse_url
from pipeline.stores.sql.store import SqlStore

__all__ = ["SqlStore", "parse_url"]
