"""Entries from files, Cloud Storage and standard input, in every container of exports.

One folder of helpers behind one name: `FileSource`.
"""

from __future__ import annotations

from pipeline.sources.files.source import FileSource, can_be_read_again

__all__ = ["FileSource", "can_be_read_again"]
