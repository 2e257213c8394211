"""The tables as SQLAlchemy Core sees them; `stores/migrations` makes them, but for a new SQLite's.

Types are plain enough for every database, so all text is escaped and times are text.
"""

from __future__ import annotations

import re

import zstandard
from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

_ESCAPE = "\ufdd0"  # a noncharacter: Unicode keeps it for uses like this
_UNSTORABLE = re.compile(f"[\x00\ud800-\udfff{_ESCAPE}]")
_ESCAPED = re.compile(f"{_ESCAPE}([0-9a-f]{{4}})")


class AnyText(TypeDecorator[str]):
    """Any Python text, exactly.

    SQL text cannot hold NUL characters and lone surrogates; they stand in it as U+FDD0 and four
    hexadecimal digits. Every other text is stored as it is.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - signature of SQLAlchemy
        """Escape what the database cannot hold."""
        return value and _UNSTORABLE.sub(lambda found: f"{_ESCAPE}{ord(found[0]):04x}", value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - signature of SQLAlchemy
        """Undo the escape."""
        return value and _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)


class Packed(TypeDecorator[str]):
    """Any Python text, exactly, compressed: documents repeat themselves a lot."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - signature of SQLAlchemy
        """Compress it."""
        return None if value is None else zstandard.compress(value.encode("utf-8", "surrogatepass"))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - signature of SQLAlchemy
        """Restore it.

        Raises:
            ValueError: it is none of these.

        """
        try:
            text = value and zstandard.decompress(value)
        except zstandard.ZstdError as error:
            message = "it is not compressed as it should be"
            raise ValueError(message) from error
        return text.decode("utf-8", "surrogatepass") if text else None


class Nanoseconds(TypeDecorator[int]):
    """Nanoseconds since the epoch, UTC, as signed decimal text of one length.

    A 64-bit integer ends in the year 2262, a timestamp in a log entry in 9999.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - signature of SQLAlchemy
        """Write the number with its sign and leading zeros."""
        return None if value is None else f"{value:+023d}"

    def process_result_value(self, value: str | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - signature of SQLAlchemy
        """Read the number."""
        return None if value is None else int(value)


_Number = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database gives; only an INTEGER is given by SQLite."""

metadata = MetaData()

detections = Table(
    "detections",
    metadata,
    Column("timestamp", Nanoseconds, primary_key=True),
    Column("log_name", AnyText, primary_key=True),
    Column("insert_id", AnyText, primary_key=True),
    Column("rule", AnyText, primary_key=True),
    Column("richness", AnyText, nullable=False),
    Column("fingerprint", AnyText, nullable=False),
    Column("document", AnyText, nullable=False),
)

counted = Table(
    "counted",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("since", Nanoseconds, nullable=False),
    Column("until", Nanoseconds, nullable=False),
    # Eight bytes of each entry (`correlation.counted`).
    Column("names", LargeBinary, nullable=False),
)

settled = Table(
    "settled",
    metadata,
    Column("number", _Number, primary_key=True),
    # What a correlation made of a group (`correlation.settled`).
    Column("document", AnyText, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("anchor_time", Nanoseconds, nullable=False),
    Column("anchor_fingerprint", AnyText, nullable=False),
    Column("absorbed_by", AnyText),
    Column("fingerprint", AnyText, nullable=False),
    Column("state", AnyText, nullable=False),
    Column("priority", AnyText, nullable=False),
    Column("title", AnyText, nullable=False),
    Column("first_seen", Nanoseconds, nullable=False),
    Column("last_seen", Nanoseconds, nullable=False),
    Column("services", AnyText, nullable=False, server_default="[]"),
    # 0: in use, 1: put away, 2: all that is left is what it is known again by.
    Column("away", Integer, nullable=False, server_default="0"),
    # Grows with every change of any of them; the last one is a mark (`recording.revision`).
    Column("revision", Integer, nullable=False, server_default="0"),
)

Index("incidents_revision", incidents.c.revision)

documents = Table(
    "documents",
    metadata,
    Column("incident_id", AnyText, primary_key=True),
    Column("document", Packed, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column(
        "incident_id",
        AnyText,
        # Deferred, because a row is replaced by deleting it and inserting it anew.
        ForeignKey("incidents.id", deferrable=True, initially="DEFERRED"),
        nullable=False,
    ),
    Column("decided_at", Nanoseconds, nullable=False),
    Column("action", AnyText, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("digest", AnyText, nullable=False),
    Column("symptoms", AnyText, nullable=False),
    Column("state", AnyText, nullable=False),
    UniqueConstraint("incident_id", "decided_at", "action", "digest", name="ledger_once"),
)

Index("ledger_decided_at", ledger.c.decided_at)

verdicts = Table(
    "verdicts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kind", AnyText, nullable=False),
    Column("incident_id", AnyText, nullable=False),
    Column("given_at", Nanoseconds, nullable=False),
    Column("given_by", AnyText, nullable=False),
    Column("document", AnyText, nullable=False),
    Column("undone_by", AnyText),
)

requests = Table(
    "requests",
    metadata,
    Column("service", AnyText, primary_key=True),
    Column("log_name", AnyText, primary_key=True),
    # Seconds since the epoch, UTC, both included.
    Column("since", BigInteger, primary_key=True),
    Column("until", BigInteger, primary_key=True),
    Column("total", BigInteger, nullable=False),
)

minutes = Table(
    "minutes",
    metadata,
    Column("project", AnyText, primary_key=True),
    Column("service", AnyText, primary_key=True),
    Column("date", AnyText, primary_key=True),
    # A number in hexadecimal, whose bits are minutes (`entry.beats`).
    Column("bits", AnyText, nullable=False),
)

deployments = Table(
    "deployments",
    metadata,
    Column("service", AnyText, primary_key=True),
    Column("revision", AnyText, primary_key=True),
    # Times are those of `entry.sighting`, which sort as text.
    Column("first", AnyText, nullable=False),
    Column("log_name", AnyText, nullable=False),
    Column("insert_id", AnyText, nullable=False),
    Column("commit", AnyText, nullable=False),
    Column("last", AnyText, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("tracker", AnyText, primary_key=True),
    Column("incident_id", AnyText, primary_key=True),
    Column("document", AnyText, nullable=False),
)

paces = Table(
    "paces",
    metadata,
    Column("server", AnyText, primary_key=True),
    Column("document", AnyText, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", AnyText, primary_key=True),
    Column("holder", AnyText, nullable=False),
    Column("until", Nanoseconds, nullable=False),
)

inbox = Table(
    "inbox",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("received_at", Nanoseconds, nullable=False),
    # 1 until a commit makes it needless, 0 from then on.
    Column("needed", Integer, nullable=False),
    Column("receipt", LargeBinary, nullable=False),
)

Index("inbox_needed", inbox.c.needed, inbox.c.number)

held = Table(
    "held",
    metadata,
    Column("name", AnyText, primary_key=True),
    Column("receipt", LargeBinary, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("name", AnyText, nullable=False, unique=True),
    Column("reason", AnyText, nullable=False),
    Column("text", AnyText, nullable=False),
    Column("at", Nanoseconds, nullable=False),
    # Else a number that somebody read would soon be that of another message.
    sqlite_autoincrement=True,
)

marks = Table(
    "marks",
    metadata,
    Column("name", AnyText, primary_key=True),
    Column("at", Nanoseconds, nullable=False),
)
