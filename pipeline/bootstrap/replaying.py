"""Building a replay from what the command line says."""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.bootstrap.investigating import Looking, investigators, read_looking
from pipeline.bootstrap.keeping import IN_MEMORY, check_store, is_missing_file, open_store
from pipeline.bootstrap.logs import read_logging
from pipeline.bootstrap.reading import (
    Mistakes,
    check_window,
    check_writable,
    load_rules,
    load_texts,
    read_catalog,
    read_priority,
    read_redactor,
    read_span,
    read_suppressions,
    read_time,
)
from pipeline.bootstrap.shipped import rules_version
from pipeline.bootstrap.spreading import spread_over
from pipeline.catalog import Catalog
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.detection import Detector
from pipeline.entry.value import A_DAY
from pipeline.errors import Mistake, SinkError
from pipeline.examining import Window
from pipeline.flow import Replay, in_turn
from pipeline.incident import PRIORITIES
from pipeline.redaction import Redactor
from pipeline.report import Policy
from pipeline.rule import RuleSet
from pipeline.sinks.files import FileSink
from pipeline.sources.files import FileSource
from pipeline.sources.files.paths import find_files
from pipeline.stores.shelf import TemporaryShelf
from pipeline.stores.spool import TemporarySpool
from pipeline.traffic import ROW, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.bootstrap.reporting import Tracker
    from pipeline.ports import Investigator, Lease, Source, Store
    from pipeline.result import Result
    from pipeline.settings import Read
    from pipeline.suppressions import Placed


FILES, GITHUB = "files", "github"
"""Where reports go."""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the command line says about a replay, unchecked."""

    sources: Sequence[str]
    rules: Sequence[str] = ()
    placeholders: str = ""
    catalog: str = ""
    suppressions: str = ""
    repo: str = ""
    out: str = "fivewhys-out"
    sinks: Sequence[str] = (FILES,)
    store: str = IN_MEMORY
    since: str = ""
    until: str = ""
    min_priority: str = PRIORITIES[-1]
    hold_rollout: str = ""
    fail_on: str = ""
    detections: str = ""
    dry_run: bool = False
    jobs: int = 0
    probe: bool = False
    investigators: Sequence[str] = ()  # commands
    logs: Sequence[str] = ()  # where entries near a failure are looked up; () is in the sources
    only: str = ""  # id of the one incident to look into; "" is each
    from_logging: str | None = None  # filter of what is read from the Logging API; None: nothing
    project: str = ""  # whose logs these are
    rehearses: bool = False  # all is kept, and what would be written in GitHub is only said
    read: Read | None = None  # settings, where some were read; what is wrong with them is refused

    @property
    def environment(self) -> Mapping[str, str]:
        """What the environment says, and the file of settings, if one was read."""
        return os.environ if self.read is None else self.read.environment


def _store_url(options: ReplayOptions) -> str:
    """Return the store's URL; a dry run looks into a database file, and creates none."""
    return IN_MEMORY if options.dry_run and is_missing_file(options.store) else options.store


def read_tracker_of(options: ReplayOptions) -> Tracker:
    """Read the settings of GitHub, from where those of the replay are from.

    Raises:
        ConfigurationError: every mistake in them.

    """
    from pipeline.bootstrap.reporting import read_tracker
    from pipeline.sinks.github.asking import Manners

    if options.read is None:
        return read_tracker()
    manners = Manners.of(options.read.settings.retrying)
    return replace(read_tracker(environment=options.read.environment), manners=manners)


def _check_github(options: ReplayOptions) -> None:
    """Check that what is reported outlasts the run, and the settings of GitHub.

    Raises:
        ConfigurationError: every mistake in them.

    """
    mistakes = Mistakes()
    mistakes.attempt(lambda: read_tracker_of(options), None)
    if options.store == IN_MEMORY:
        message = "github needs a --store: what is reported has to be known in the next run"
        mistakes.note(Mistake("--sink", 0, message))
    mistakes.raise_if_any()


@contextmanager
def replay(options: ReplayOptions) -> Iterator[tuple[Replay, Source]]:
    """Build a replay and its source, and close what it opened when done.

    Raises:
        ConfigurationError: every mistake in the options and in all files they name.
        StoreError: the store cannot be opened, or another process correlates there.

    """
    mistakes = Mistakes()
    for mistake in options.read.mistakes if options.read else ():
        mistakes.note(mistake)
    ruleset = mistakes.attempt(lambda: load_rules(options.rules, options.placeholders), RuleSet())
    version = mistakes.attempt(lambda: rules_version(options.rules), "")
    catalog = mistakes.attempt(lambda: read_catalog(options.catalog), Catalog())
    none: tuple[Placed, ...] = ()
    nobody: tuple[Investigator, ...] = ()
    suppressions = mistakes.attempt(lambda: read_suppressions(options.suppressions), none)
    ever: int | None = 0  # not None, as if it had not been said
    since = mistakes.attempt(lambda: read_time(options.since, "--since"), ever)
    until = mistakes.attempt(lambda: read_time(options.until, "--until"), None)
    priority = mistakes.attempt(
        lambda: read_priority(options.min_priority, "--min-priority"), PRIORITIES[-1]
    )
    hold = mistakes.attempt(lambda: read_span(options.hold_rollout, "--hold-rollout"), 0)
    if options.fail_on:
        mistakes.attempt(lambda: read_priority(options.fail_on, "--fail-on"), "")
    files = mistakes.attempt(lambda: find_files(options.sources), list[str]())
    source: Source = FileSource(files)
    if options.from_logging is not None:
        wanted, project = options.from_logging, options.project
        source = mistakes.attempt(lambda: read_logging(wanted, project, since, until), source)
    logs = mistakes.attempt(lambda: find_files(options.logs), list[str]())
    looking = mistakes.attempt(
        lambda: read_looking(
            catalog,
            repo=options.repo,
            logs=logs or files,
            probe=options.probe,
            commands=options.investigators,
            only=options.only,
            environment=options.environment,
        ),
        Looking({}),
    )
    redactor = mistakes.attempt(lambda: read_redactor(options.environment), Redactor())
    looks = mistakes.attempt(lambda: investigators(looking, catalog, redactor.text), nobody)
    mistakes.attempt(lambda: check_window(since, until), None)
    mistakes.attempt(lambda: check_store(options.store), None)
    if not options.dry_run and FILES in options.sinks:
        mistakes.attempt(lambda: check_writable(options.out, "--out", folder=True), None)
    if GITHUB in options.sinks:
        mistakes.attempt(lambda: _check_github(options), None)
    if options.detections:
        mistakes.attempt(lambda: check_writable(options.detections, "--detections"), None)
    spread = mistakes.attempt(lambda: spread_over(options.jobs), in_turn)
    mistakes.raise_if_any()
    settings = CorrelationSettings(latest=time.time_ns() + A_DAY)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(_store_url(options)))
        lease = _lease(options, store, stack)
        traffic = None
        if any(item.audit.share for item in ruleset.correlations):
            traffic = Traffic(stack.enter_context(TemporarySpool(ROW)), redactor.name)
        yield (
            Replay(
                detector=Detector(ruleset, redactor),
                correlator=Correlator(
                    ruleset,
                    settings,
                    topology=catalog,
                    shelf=stack.enter_context(TemporaryShelf()),
                    traffic=traffic,
                ),
                spool=lambda row: stack.enter_context(TemporarySpool(row)),
                catalog=catalog,
                texts=load_texts,
                investigators=looks,
                store=store,
                sinks=(FileSink(options.out),) if FILES in options.sinks else (),
                policy=Policy(
                    min_priority=priority,
                    group_wait=settings.group_wait,
                    group_interval=0,
                    rollout_hold=hold,
                ),
                window=Window(since, until),
                suppressions=suppressions,
                dry_run=options.dry_run,
                spread=spread,
                rules_version=version,
                traffic=traffic,
                lease=lease,
            ),
            source,
        )


def _lease(options: ReplayOptions, store: Store, stack: ExitStack) -> Lease | None:
    """Return the lease of who correlates in a store that is kept, if it is written at all."""
    if options.dry_run or options.store == IN_MEMORY:
        return None
    from pipeline.bootstrap.alone import alone

    return stack.enter_context(alone(store))


def write_detections(path: str, result: Result) -> None:
    """Write the detections of a run as JSON lines; "" writes none.

    Raises:
        SinkError: the file cannot be written.

    """
    if not path:
        return
    try:
        with Path(path).open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in result.detection_lines())
    except OSError as error:
        message = f"--detections: {path} cannot be written: {error.strerror}"
        raise SinkError(message, recoverable=False) from error
