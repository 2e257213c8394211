"""Entries of the Logging API that cannot be written as JSON."""

from __future__ import annotations

from typing import Final

from google.cloud.audit.audit_log_pb2 import AuditLog
from google.cloud.logging_v2.types import LogEntry as ApiEntry
from google.protobuf.any_pb2 import Any as Packed

UNWRITABLE: Final = (
    "number",
    "payload",
    "inner payload",
    "payload in a payload",
    "time",
    "time of receipt",
)


def unwritable(kind: str) -> ApiEntry:
    """Return an entry of a kind (`UNWRITABLE`) that cannot be written as JSON."""
    made = ApiEntry(
        log_name="projects/demo/logs/a", insert_id="odd", timestamp="2025-09-10T00:30:00Z"
    )
    bare = ApiEntry.pb(made)
    match kind:
        case "number":
            bare.json_payload["rate"] = float("nan")
        case "payload":
            bare.proto_payload.Pack(AuditLog())
            bare.proto_payload.value = b"\xff\xff\xff"
        case "inner payload":
            strange = Packed(type_url="type.googleapis.com/no.such.Type", value=b"secret")
            bare.proto_payload.Pack(AuditLog(service_data=strange))
            bare.proto_payload.value += b"\xff\xff\xff"
        case "payload in a payload":
            inner = Packed(type_url="type.googleapis.com/google.cloud.audit.AuditLog")
            inner.value = b"\xff\xff\xff"
            strange = Packed(type_url="type.googleapis.com/no.such.Type", value=b"secret")
            audit = AuditLog(service_data=inner)
            audit.status.details.append(strange)
            bare.proto_payload.Pack(audit)
        case "time":
            bare.timestamp.seconds = 300_000_000_000
        case "time of receipt":
            bare.receive_timestamp.seconds = 300_000_000_000
    return made
