"""The whole reporter: entries are replayed into a store, and its incidents reported to the fake."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.audit import SECOND
from pipeline.bootstrap.replaying import ReplayOptions, replay
from pipeline.entry import format_timestamp
from pipeline.stores.sql.store import SqlStore
from pipeline.tracker.wanting import all_wanted
from tests.fakes.github import Clock
from tests.sinks.github.support import Time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.sinks.github.reconciling import Reconciler
    from pipeline.sinks.github.rounds import Applied
    from pipeline.tracker.model import Step, Wanted
    from tests.sinks.github.reporting import Desk

BEGAN = 1_757_462_400
"""When the stories begin: 2025-09-10T00:00:00Z, in seconds. GitHub's clock is set to it."""

RULES = {
    "boom": """\
title: About boom
name: boom
logsource: {product: gcp}
detection:
  seen: {message|re: '^boom\\s?(?P<what>(?s:.*))$'}
  condition: seen
level: high
audit:
  title: '{{ what }}'
  entity: [service]
  state: {State: '{{ what }}'}
  impact: Nobody can log in
""",
    "bang": """\
title: About bang
name: bang
logsource: {product: gcp}
detection:
  seen: {message|re: '^bang\\s?(?P<what>(?s:.*))$'}
  condition: seen
level: medium
audit:
  title: '{{ what }}'
  entity: [service]
  caused_by: [{rule: boom, same: [service]}]
""",
}
"""What is recognised, and put wherever log text can get."""


@dataclass
class Newsroom:
    """Reads entries and reports what comes of them to the fake of `desk`."""

    desk: Desk
    folder: Path
    count: int = 0

    def read(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Replay entries into the store."""
        self.count += 1
        export = self.folder / f"export-{self.count}.jsonl"
        export.write_text("".join(f"{json.dumps(one)}\n" for one in entries), "utf-8")
        options = ReplayOptions(
            sources=[str(export)],
            rules=[str(self._rules())],
            sinks=(),
            store=self.url,
        )
        with replay(options) as (run, source):
            run.run(source)

    def report(self) -> Applied:
        """Bring the issues to what the incidents of the store want."""
        applied: Applied = self._use(lambda one, wanted: one.apply(lambda: wanted))
        return applied

    def plan(self) -> tuple[Step, ...]:
        """Return what would be done."""
        steps: tuple[Step, ...] = self._use(lambda one, wanted: one.plan(wanted)).steps
        return steps

    @property
    def url(self) -> str:
        """The store's."""
        return f"sqlite:///{self.folder}/store.db"

    def _use(self, use: Callable[[Reconciler, Sequence[Wanted]], Any]) -> Any:
        with SqlStore(self.url) as store:
            documents = {document.id: document for document in store.incidents()}
            now = self.desk.passing.now()
            wanted = all_wanted(documents.values(), store.ledger(), now)
            desk = replace(self.desk, store=store, documents=documents)
            self.desk.count += 1
            return desk.use(lambda one: use(one, wanted))

    def _rules(self) -> Path:
        folder = self.folder / "rules"
        folder.mkdir(exist_ok=True)
        for name, text in RULES.items():
            (folder / f"{name}.yml").write_text(text, "utf-8")
        return folder


def at_the_beginning() -> Time:
    """Return a time that stands still at the beginning of the stories."""
    return Time(Clock(read=lambda: BEGAN))


def entry(text: str, at: float, service: str = "backend", **more: Any) -> dict[str, Any]:
    """Write an entry, so many seconds after the beginning."""
    return {
        "insertId": f"id-{at}-{service}"[:100],
        "logName": "projects/demo/logs/run.googleapis.com%2Fstderr",
        "timestamp": format_timestamp((BEGAN + round(at)) * SECOND),
        "severity": "ERROR",
        "resource": {
            "type": "cloud_run_revision",
            "labels": {"service_name": service, "revision_name": f"{service}-00001-abc"},
        },
        "textPayload": text,
        **more,
    }
