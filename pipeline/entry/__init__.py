"""One log entry: every wire shape of a Cloud Logging LogEntry in, one canonical value out.

What goes in is a decoded record (`decode_json` decodes one); what comes out are `LogEntry` values
that read alike whatever way the record came. A record that is no entry raises `EntryError`; whoever
reads records keeps it as a `Rejection`, so that every record is accounted for.
"""

from __future__ import annotations

from pipeline.entry.decoding import clean, decode_json
from pipeline.entry.lookup import path_segments
from pipeline.entry.parsing import parse_entry, parse_line
from pipeline.entry.severity import Severity
from pipeline.entry.shapes import is_entry_field
from pipeline.entry.timestamps import UNKNOWN_TIME, format_timestamp, parse_timestamp
from pipeline.entry.value import LogEntry, Rejection

__all__ = [
    "UNKNOWN_TIME",
    "LogEntry",
    "Rejection",
    "Severity",
    "clean",
    "decode_json",
    "format_timestamp",
    "is_entry_field",
    "parse_entry",
    "parse_line",
    "parse_timestamp",
    "path_segments",
]
