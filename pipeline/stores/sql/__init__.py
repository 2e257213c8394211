"""The store in a SQL database: SQLite, embedded.

One folder of helpers behind one name: `SqlStore`.
"""

from __future__ import annotations

from pipeline.stores.sql.store import SqlStore

__all__ = ["SqlStore"]
