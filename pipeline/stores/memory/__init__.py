"""The store in memory: for a run that keeps nothing."""

from __future__ import annotations

from pipeline.stores.memory.store import MemoryStore

__all__ = ["MemoryStore"]
