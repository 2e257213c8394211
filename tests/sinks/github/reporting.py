"""A repository of the fake GitHub with a ledger, and processes that report to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.audit import SECOND
from pipeline.lifecycle import HOUR
from pipeline.redaction import Redactor
from pipeline.sinks.github.book import Book, Paces
from pipeline.sinks.github.guiding import Guide
from pipeline.sinks.github.hearing import Ear
from pipeline.sinks.github.reconciling import House, Reconciler
from pipeline.stores.memory import MemoryStore
from pipeline.tracker.marker import Signer
from pipeline.tracker.model import Kind, TrackerPolicy, Wanted
from pipeline.tracker.ownership import parts_of
from tests.sinks.github.support import HERE, PATIENT, Time, client_of
from tests.tracker.recorded import document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.document import IncidentDocument
    from pipeline.ports import Store
    from pipeline.sinks.github.asking import World
    from pipeline.sinks.github.client import Client
    from pipeline.sinks.github.rounds import Applied
    from pipeline.sinks.github.wire import Patience
    from pipeline.tracker.model import Step
    from tests.fakes.github import FakeGithub
    from tests.fakes.github.state import Issue, Repository

KEY = b"a key of sixteen bytes or more"
HOUSE = House("fivewhys", KEY, TrackerPolicy())
OTHERS = "Text of people."
FINGERPRINT = f"v1-{'a' * 16}"


def _recorded() -> IncidentDocument:
    """Return an incident with a fingerprint as long as they are."""
    made = document("inc-a")
    root, *others = made.symptoms
    named = root.model_copy(update={"fingerprint": FINGERPRINT})
    return made.model_copy(update={"fingerprint": FINGERPRINT, "symptoms": [named, *others]})


RECORDED = {"inc-a": _recorded()}
"""The incidents whose issues are listened to."""


class Killed(BaseException):
    """The process ended here."""


class Mortal:
    """A client that is no more once `killed` is set: whoever uses it ends."""

    def __init__(self, client: Client, killed: threading.Event) -> None:
        self._client = client
        self._killed = killed

    def __getattr__(self, name: str) -> Any:
        """Return what the client has; a method ends when the process does."""
        found = getattr(self._client, name)
        return self._mortal(found) if callable(found) else found

    def _mortal(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            try:
                return method(*values, **named)
            finally:
                if self._killed.is_set():
                    raise Killed

        return call


@dataclass
class Desk:
    """What reports to the fake; each report is made by a process of its own."""

    github: FakeGithub
    passing: Time
    store: Store = field(default_factory=MemoryStore)
    policy: TrackerPolicy = field(default_factory=TrackerPolicy)
    key: bytes = KEY
    former: tuple[bytes, ...] = ()
    documents: Mapping[str, IncidentDocument] = field(default_factory=lambda: RECORDED)
    count: int = 0

    def apply(self, *wanted: Wanted, patience: Patience = PATIENT) -> Applied:
        """Report; `Killed` ends it."""
        applied: Applied = self.use(lambda one: one.apply(lambda: wanted), patience)
        return applied

    def plan(self, *wanted: Wanted) -> list[Step]:
        """Return what would be done."""
        plan = self.use(lambda one: one.plan(wanted))
        return [step for step in plan.steps if step.kind is not Kind.LEAVE]

    def use(self, use: Callable[[Reconciler], Any], patience: Patience = PATIENT) -> Any:
        """Let a process use a reconciler."""
        self.count += 1
        killed = threading.Event()
        self.github.kill = killed.set
        memory, holder = Paces(self.store, "server"), f"process-{self.count}"
        book = Book(self.store, HERE, holder, self.passing.now)
        parts: dict[str, Any] = {"patience": patience, "memory": memory, "renew": book.renew}
        with client_of(self.github, self.passing, **parts) as client:
            mortal: Any = Mortal(client, killed)
            house = House("fivewhys", self.key, self.policy, self.former)
            documents = self.documents
            one = reconciler_of(mortal, self.store, holder, self.passing.world, house, documents)
            return use(one)

    # --- what stands there ------------------------------------------------------------------------

    @property
    def issues(self) -> dict[int, Issue]:
        """All issues by number."""
        return self.place.issues

    @property
    def place(self) -> Repository:
        """The repository, whatever it is called now."""
        state = self.github.state
        renamed = state.renamed.get(HERE, 0)
        return state.repositories.get(HERE) or next(
            one for one in state.repositories.values() if one.id == renamed
        )

    @property
    def signer(self) -> Signer:
        """What signs."""
        return Signer(self.key, str(self.place.id))

    def of(self, incident: str) -> list[Issue]:
        """Return the issues with the marker of an incident."""
        return [one for one in self.issues.values() if incident in self._incidents(one.body or "")]

    def said(self, issue: Issue) -> list[str]:
        """Return the keys of our comments on an issue."""
        parts = [part for one in issue.comments for part in parts_of(one.body, self.signer)]
        return [part.mark.key for part in parts]

    def _incidents(self, body: str) -> set[str]:
        return {part.mark.incident for part in parts_of(body.replace("\r", ""), self.signer)}

    def wanted(self, **values: Any) -> Wanted:
        """Return what an incident wants that is seen now."""
        told: dict[str, Any] = {
            "key": "inc-a",
            "title": "[P1] backend: tables are missing",
            "body": "## Problem\n\nThe first report.",
            "signature": "missing-table",
            "last_seen": self.passing.now(),
            "labels": ("fivewhys", "P1"),
        }
        return Wanted(**{**told, **values})

    def later(self, span: int = HOUR) -> None:
        """Let time pass."""
        self.passing.clock.advance(span / SECOND)


def reconciler_of(  # noqa: PLR0913, PLR0917 - all that a process has
    client: Client,
    store: Store,
    holder: str,
    world: World,
    house: House = HOUSE,
    documents: Mapping[str, IncidentDocument] = RECORDED,
) -> Reconciler:
    """Make what a process reports with."""
    ear = Ear(client, store, documents, Redactor())
    guide = Guide(client, documents, world.clock)
    book = Book(store, HERE, holder, world.clock)
    return Reconciler(client, book, house, world, ear=ear, guide=guide)
