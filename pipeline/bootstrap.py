"""The only place that reads our own files, the environment and the clock; it builds the runs."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.audit import parse_span
from pipeline.catalog import Catalog, load_catalog
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.detection import Detector
from pipeline.entry import parse_timestamp
from pipeline.errors import ConfigurationError, Mistake, RuleError, SinkError, SourceError
from pipeline.flow import Replay, Texts, Window
from pipeline.incident import PRIORITIES
from pipeline.matching import compile_rule
from pipeline.redaction import Redactor
from pipeline.report import Policy
from pipeline.rule import RuleSet, load_ruleset
from pipeline.ruletest import TestResult, run_tests
from pipeline.sinks.files import FileSink
from pipeline.sources.files import FileSource
from pipeline.sources.files.paths import find_files
from pipeline.stores.identities import TemporaryIdentities
from pipeline.whys import WhysTemplates, load_whys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipeline.document import IncidentDocument
    from pipeline.flow import Result
    from pipeline.stores.sql import SqlStore

T = TypeVar("T")

IN_MEMORY = "sqlite://"
SQLITE_FILE = "sqlite:///"
NO_TEXTS = Texts(WhysTemplates({}, {}), "", "")
TEST_SUFFIX = ".test.yml"
ISSUE_TEMPLATE = "issue.md.j2"


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the command line says about a replay, unchecked."""

    sources: Sequence[str]
    rules: Sequence[str] = ()
    catalog: str = ""
    repo: str = ""
    out: str = "fivewhys-out"
    store: str = IN_MEMORY
    since: str = ""
    until: str = ""
    min_priority: str = PRIORITIES[-1]
    fail_on: str = ""
    detections: str = ""
    dry_run: bool = False


class Mistakes:
    """Collects every mistake of a start, so that the user sees all of them at once."""

    def __init__(self) -> None:
        self._found: list[Mistake] = []

    def attempt(self, make: Callable[[], T], otherwise: T) -> T:
        """Return what `make` returns, or note its mistakes and return `otherwise`."""
        try:
            return make()
        except ConfigurationError as error:
            self._found += error.mistakes
        except SourceError as error:
            self._found += [Mistake("", 0, line) for line in str(error).splitlines()]
        return otherwise

    def raise_if_any(self) -> None:
        """Raise ConfigurationError when something was noted."""
        if self._found:
            raise ConfigurationError(self._found)


def data_folder(name: str) -> Path:
    """Return `rules` or `templates`: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name


def read_text(path: Path, option: str = "") -> str:
    """Read a UTF-8 file of the user's.

    Raises:
        ConfigurationError: it cannot be read, with the option that named it.

    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(
            [Mistake(str(path), 0, f"{option}cannot be read: {reason}")]
        ) from error


def rule_files(folders: Sequence[str], *, tests: bool = False) -> list[tuple[str, str]]:
    """Return (name to show, text) of all rule files below the folders, or of the tests beside them.

    Raises:
        ConfigurationError: a folder is none, holds no rules, or a file cannot be read.

    """
    mistakes = Mistakes()
    found: list[tuple[str, str]] = []
    for folder in folders or [str(data_folder("rules"))]:
        root = Path(folder)
        paths = [root] if root.is_file() else sorted(root.rglob("*.yml"))
        if not [path for path in paths if not path.name.endswith(TEST_SUFFIX)]:
            found += mistakes.attempt(lambda name=folder: _no_rules(name), [])  # type: ignore[misc]
        for path in paths:
            if path.name.endswith(TEST_SUFFIX) is tests:
                text = mistakes.attempt(lambda path=path: read_text(path), "")  # type: ignore[misc]
                found.append((_shown(path), text))
    mistakes.raise_if_any()
    return found


def _no_rules(folder: str) -> list[tuple[str, str]]:
    reason = "holds no rules (*.yml)" if Path(folder).exists() else "no such file or folder"
    raise ConfigurationError([Mistake(folder, 0, f"--rules: {reason}")])


def _shown(path: Path) -> str:
    """Name a file as the user would: relative to the working directory where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def load_rules(folders: Sequence[str] = ()) -> RuleSet:
    """Load and compile-check rules; without folders, those that come with fivewhys.

    Raises:
        ConfigurationError: every mistake in them.

    """
    ruleset = load_ruleset(rule_files(folders))
    mistakes = Mistakes()
    for rule in ruleset.rules.values():
        mistakes.attempt(lambda rule=rule: compile_rule(rule), None)  # type: ignore[misc]
        if (
            rule.audit.whys
            and not (data_folder("templates") / "whys" / f"{rule.audit.whys}.yml").is_file()
        ):
            mistakes.attempt(lambda rule=rule: _no_whys(rule.place, rule.audit.whys), None)  # type: ignore[misc]
    mistakes.raise_if_any()
    return ruleset


def _no_whys(place: str, name: str) -> None:
    file, _, line = place.rpartition(":")
    known = ", ".join(
        sorted(path.stem for path in (data_folder("templates") / "whys").glob("*.yml"))
    )
    message = f"whys names the template {name!r}, which does not exist; there are: {known}"
    raise RuleError([Mistake(file, int(line), message)])


def load_texts() -> Texts:
    """Load the whys templates and the issue template.

    Raises:
        ConfigurationError: every mistake in them.

    """
    folder = data_folder("templates")
    files = [(_shown(path), read_text(path)) for path in sorted((folder / "whys").glob("*.yml"))]
    issue = folder / ISSUE_TEMPLATE
    return Texts(load_whys(files), read_text(issue), _shown(issue))


def read_catalog(path: str) -> Catalog:
    """Load a catalog; "" is none.

    Raises:
        ConfigurationError: every mistake in it.

    """
    return load_catalog(read_text(Path(path), "--catalog: "), path) if path else Catalog()


def read_time(text: str, option: str) -> int | None:
    """Read a time stamp, or a span before now (`6h`); return nanoseconds UTC, None for "".

    Raises:
        ConfigurationError: it is neither.

    """
    if not text:
        return None
    try:
        return time.time_ns() - parse_span(text)
    except ValueError:
        pass
    try:
        return parse_timestamp(text)
    except ValueError as error:
        message = f"{text!r} is neither a time (2025-09-10T00:30:00Z) nor a span before now (6h)"
        raise ConfigurationError([Mistake(option, 0, message)]) from error


def read_priority(text: str, option: str) -> str:
    """Check a priority; return it in capitals.

    Raises:
        ConfigurationError: it is none.

    """
    if text.upper() not in PRIORITIES:
        message = f"{text!r} is no priority; there are {', '.join(PRIORITIES)}"
        raise ConfigurationError([Mistake(option, 0, message)])
    return text.upper()


def check_checkout(path: str) -> None:
    """Check that `--repo` names a folder.

    Raises:
        ConfigurationError: it does not.

    """
    if path and not Path(path).is_dir():
        raise ConfigurationError([Mistake("--repo", 0, f"{path!r} is no folder")])


def _store_url(options: ReplayOptions) -> str:
    """Return the store's URL; a dry run looks into a database file, and creates none."""
    return IN_MEMORY if options.dry_run and _is_missing_file(options.store) else options.store


def _is_missing_file(url: str) -> bool:
    return url.startswith(SQLITE_FILE) and not Path(url.removeprefix(SQLITE_FILE)).exists()


@contextmanager
def replay(options: ReplayOptions) -> Iterator[tuple[Replay, FileSource]]:
    """Build a replay and its source, and close what it opened when done.

    Raises:
        ConfigurationError: every mistake in the options and in all files they name.
        StoreError: the store cannot be opened.

    """
    mistakes = Mistakes()
    ruleset = mistakes.attempt(lambda: load_rules(options.rules), RuleSet())
    catalog = mistakes.attempt(lambda: read_catalog(options.catalog), Catalog())
    texts = mistakes.attempt(load_texts, NO_TEXTS)
    since = mistakes.attempt(lambda: read_time(options.since, "--since"), None)
    until = mistakes.attempt(lambda: read_time(options.until, "--until"), None)
    priority = mistakes.attempt(
        lambda: read_priority(options.min_priority, "--min-priority"), PRIORITIES[-1]
    )
    if options.fail_on:
        mistakes.attempt(lambda: read_priority(options.fail_on, "--fail-on"), "")
    mistakes.attempt(lambda: check_checkout(options.repo), None)
    files = mistakes.attempt(lambda: find_files(options.sources), list[str]())
    mistakes.raise_if_any()
    settings = CorrelationSettings()
    with open_store(_store_url(options)) as store, TemporaryIdentities() as identities:
        yield (
            Replay(
                detector=Detector(ruleset, Redactor()),
                correlator=Correlator(ruleset, settings),
                identities=identities,
                catalog=catalog,
                texts=texts,
                investigators=(),
                store=store,
                sinks=(FileSink(options.out),),
                policy=Policy(min_priority=priority, group_wait=settings.group_wait),
                window=Window(since, until),
                dry_run=options.dry_run,
            ),
            FileSource(files),
        )


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


def find_rule(name: str, folders: Sequence[str]) -> tuple[str, str]:
    """Return the file and the text of a rule.

    Raises:
        ConfigurationError: there is no rule of that name, or the rules are wrong.

    """
    ruleset = load_rules(folders)
    places = {item.name: item.document.name for item in ruleset.correlations}
    places |= {item.name: item.place.rpartition(":")[0] for item in ruleset.rules.values()}
    if name not in places:
        message = f"there is no rule {name!r}; `fivewhys rules list` names them all"
        raise ConfigurationError([Mistake("", 0, message)])
    return places[name], dict(rule_files(folders))[places[name]]


def run_rule_tests(folders: Sequence[str]) -> list[TestResult]:
    """Run the tests beside the rules.

    Raises:
        ConfigurationError: every mistake in rules and tests.

    """
    ruleset = load_rules(folders)
    return run_tests(ruleset, Detector(ruleset, Redactor()), rule_files(folders, tests=True))


def open_store(url: str) -> SqlStore:
    """Open a store.

    Raises:
        StoreError: it cannot be opened.

    """
    from pipeline.stores.sql import SqlStore

    return SqlStore(url)


def open_kept_store(url: str) -> SqlStore:
    """Open a store that is there already.

    Raises:
        ConfigurationError: there is no such file.
        StoreError: it cannot be opened.

    """
    if _is_missing_file(url):
        message = f"{url} does not exist; `fivewhys replay --store {url}` makes it"
        raise ConfigurationError([Mistake("--store", 0, message)])
    return open_store(url)


def find_incident(url: str, identifier: str) -> IncidentDocument:
    """Return one incident of a store.

    Raises:
        ConfigurationError: the store has no incident of that id.
        StoreError: the store cannot be opened, or several ids begin like this.

    """
    with open_kept_store(url) as store:
        found = store.incident(identifier)
    if found is None:
        message = f"the store has no incident {identifier!r}; `fivewhys incidents list` names them"
        raise ConfigurationError([Mistake("", 0, message)])
    return found
