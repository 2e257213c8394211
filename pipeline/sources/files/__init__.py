"""Entries from files and standard input, in every container that exports come in.

One folder of helpers behind one name: `FileSource`.
"""

from __future__ import annotations

from pipeline.sources.files.source import FileSource

__all__ = ["FileSource"]
