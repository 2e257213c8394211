"""Entries of a service that is deployed twice: healthy on one revision, failing on the next."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.bootstrap.replaying import ReplayOptions, replay

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.document import IncidentDocument

ROOT = Path(__file__).parents[2]
SERVICE = "shop-backend"
CATALOG = """\
services:
  backend:
    match: {service: [shop-backend]}
    repository: example/shop
    path: back/
    owners: ["@example/shop"]
"""


def entry(number: int, minute: int, text: str, commit: str, **fields: Any) -> dict[str, Any]:
    """Return an entry of a revision, `minute` minutes past the hour."""
    labels = {
        "service_name": SERVICE,
        "revision_name": f"{SERVICE}-0000{number}-abc",
    }
    return {
        "insertId": f"entry-{number}-{minute}",
        "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
        "timestamp": f"2025-09-10T10:{minute:02}:00Z",
        "severity": "ERROR",
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "labels": {"commit-sha": commit} if commit else {},
        "textPayload": text,
        **fields,
    }


def twice(good: str, bad: str, text: str) -> list[dict[str, Any]]:
    """Return entries of a revision that is well, and of one that logs a text."""
    return [
        *(entry(1, minute, "Served", good, severity="INFO") for minute in range(3)),
        entry(2, 20, "Started", bad, severity="INFO"),
        entry(2, 21, text, bad),
    ]


def explained(
    records: Iterable[dict[str, Any]], repo: Path, out: Path, catalog: str = CATALOG
) -> IncidentDocument:
    """Replay entries with a repository; return the only incident."""
    out.mkdir(exist_ok=True)
    export, file = out / "export.jsonl", out / "catalog.yml"
    export.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    file.write_text(catalog)
    options = ReplayOptions(
        sources=[str(export)], catalog=str(file), out=str(out / "issues"), repo=str(repo)
    )
    with chdir(ROOT), replay(options) as (run, source):
        (incident,) = run.run(source).document().incidents
    return incident
