"""Reading what the user wrote: rules, templates, catalogs, options; every mistake is located."""

from __future__ import annotations

import gc
import os
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.audit import parse_span
from pipeline.bootstrap.shipped import data_folder
from pipeline.catalog import Catalog, load_catalog
from pipeline.entry import parse_timestamp
from pipeline.errors import ConfigurationError, Mistake, RuleError, SourceError, StoreError
from pipeline.incident import PRIORITIES
from pipeline.matching import compile_rule
from pipeline.placeholders import load_placeholders
from pipeline.redaction import Redactor
from pipeline.rule import RuleSet, load_ruleset
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pipeline.concluding import Texts
    from pipeline.suppressions import Placed

    Named = Callable[[str], str]

T = TypeVar("T")

TEST_SUFFIX = ".test.yml"
REDACT_EMAILS = "FIVEWHYS_REDACT_EMAILS"
PLACEHOLDERS = "FIVEWHYS_PLACEHOLDERS"
SUPPRESSIONS = "FIVEWHYS_SUPPRESSIONS"
ISSUE_TEMPLATE = "issue.md.j2"
UPDATE_TEMPLATE = "update.md.j2"


def _as_it_is(mistake: Mistake) -> Mistake:
    return mistake


class Mistakes:
    """Collects every mistake of a start, so that the user sees all of them at once.

    `located` says where what was attempted is wrong, if the user said it elsewhere.
    """

    def __init__(self, located: Callable[[Mistake], Mistake] = _as_it_is) -> None:
        self._found: list[Mistake] = []
        self._located = located

    def attempt(self, make: Callable[[], T], otherwise: T) -> T:
        """Return what `make` returns, or note its mistakes and return `otherwise`."""
        try:
            return make()
        except ConfigurationError as error:
            self._found += map(self._located, error.mistakes)
        except (SourceError, StoreError) as error:
            self._found += [Mistake("", 0, line) for line in str(error).splitlines()]
        return otherwise

    def note(self, mistake: Mistake) -> None:
        """Note one."""
        self._found.append(mistake)

    def raise_if_any(self) -> None:
        """Raise ConfigurationError when something was noted."""
        if self._found:
            raise ConfigurationError(self._found)


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


def rule_files(
    folders: Sequence[str], named: str = "", *, tests: bool = False
) -> list[tuple[str, str]]:
    """Return (name to show, text) of all rule files below the folders, or of the tests beside them.

    `named` is what named the folders, as a message begins.

    Raises:
        ConfigurationError: a folder is none, holds no rules, or a file cannot be read.

    """
    mistakes = Mistakes()
    found: list[tuple[str, str]] = []
    shown = cache(_shown)
    for folder in folders or [str(data_folder("rules"))]:
        root = Path(folder)
        paths = [root] if root.is_file() else sorted(root.rglob("*.yml"))
        if not [path for path in paths if not path.name.endswith(TEST_SUFFIX)]:
            found += mistakes.attempt(lambda name=folder: _no_rules(name, named), [])  # type: ignore[misc]
        for path in paths:
            if path.name.endswith(TEST_SUFFIX) is tests:
                text = mistakes.attempt(lambda path=path: read_text(path), "")  # type: ignore[misc]
                found.append((_named(path, shown), text))
    mistakes.raise_if_any()
    return found


def _no_rules(folder: str, named: str) -> list[tuple[str, str]]:
    reason = (
        "holds no rules (*.yml)" if Path(folder).exists() else "no such file or folder of rules"
    )
    raise ConfigurationError([Mistake(folder, 0, f"{named}{reason}")])


def _named(path: Path, shown: Callable[[Path], str]) -> str:
    """Name a file by what is shown for its folder, which most files share."""
    return shown(path) if path.is_symlink() else str(Path(shown(path.parent), path.name))


def _shown(path: Path) -> str:
    """Name a file as the user would: relative to the working directory where it lies below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (OSError, ValueError):  # the working directory may be gone
        return str(path)


def read_placeholders(path: str, named: str = "--placeholders: ") -> dict[str, tuple[str, ...]]:
    """Load what placeholders stand for; "" is the file that `FIVEWHYS_PLACEHOLDERS` names, if any.

    `named` is what named the path, as a message begins.

    Raises:
        ConfigurationError: every mistake in the file.

    """
    named = named if path else f"{PLACEHOLDERS}: "
    path = path or os.environ.get(PLACEHOLDERS, "")
    return load_placeholders(read_text(Path(path), named), path) if path else {}


@contextmanager
def _kept() -> Iterator[None]:
    """Make what stays: nobody looks for garbage in it, which takes a third of the time else."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def _by_options(key: str) -> str:
    """Name what options say; a folder of rules may be an argument as well, and says enough."""
    return "" if key == "rules" else f"--{key}: "


@_kept()
def load_rules(
    folders: Sequence[str] = (), placeholders: str = "", named: Named = _by_options
) -> RuleSet:
    """Load and compile-check rules; without folders, those that come with fivewhys.

    `placeholders` is the path of a file (`read_placeholders`). `named` tells what named either, by
    `rules` and `placeholders`, as a message begins.

    Raises:
        ConfigurationError: every mistake in them.

    """
    mistakes, no_files = Mistakes(), list[tuple[str, str]]()
    files = mistakes.attempt(lambda: rule_files(folders, named("rules")), no_files)
    none: dict[str, tuple[str, ...]] = {}
    expanded = mistakes.attempt(
        lambda: read_placeholders(placeholders, named("placeholders")), none
    )
    mistakes.raise_if_any()
    ruleset = load_ruleset(files, expanded)
    for rule in ruleset.rules.values():
        mistakes.attempt(lambda rule=rule: compile_rule(rule), None)  # type: ignore[misc]
    for maker in ruleset.makers.values():
        whys = maker.audit.whys
        if whys and not (data_folder("templates") / "whys" / f"{whys}.yml").is_file():
            mistakes.attempt(lambda maker=maker: _no_whys(maker.place, maker.audit.whys), None)  # type: ignore[misc]
    mistakes.raise_if_any()
    return ruleset


def _no_whys(place: str, name: str) -> None:
    file, _, line = place.rpartition(":")
    known = ", ".join(
        sorted(path.stem for path in (data_folder("templates") / "whys").glob("*.yml"))
    )
    message = f"whys names the template {name!r}, which does not exist; there are: {known}"
    raise RuleError([Mistake(file, int(line), message)])


@cache
def load_texts(whys: str) -> Texts:
    """Load the templates of Markdown and a whys template, when an incident first needs it.

    Raises:
        ConfigurationError: every mistake in them.

    """
    from pipeline.concluding import Texts
    from pipeline.whys import load_whys

    folder = data_folder("templates")
    issue, update = folder / ISSUE_TEMPLATE, folder / UPDATE_TEMPLATE
    return Texts(
        load_whys(_whys_files(folder / "whys", whys)),
        read_text(issue),
        _shown(issue),
        read_text(update),
        _shown(update),
    )


def _whys_files(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield the file of a whys template, and that of the one it asks first; none of an unknown."""
    for path in folder.glob("*.yml"):
        if path.stem == name:
            text = read_text(path)
            yield _shown(path), text
            for document in parse(text, _shown(path)):
                yield from _whys_files(folder, document.value.get("asks_first", ""))


def read_catalog(path: str, named: str = "--catalog: ") -> Catalog:
    """Load a catalog; "" is none. `named` is what named the path, as a message begins.

    Raises:
        ConfigurationError: every mistake in it.

    """
    return load_catalog(read_text(Path(path), named), path) if path else Catalog()


def read_suppressions(path: str, named: str = "--suppressions: ") -> tuple[Placed, ...]:
    """Load suppressions; "" is the file that `FIVEWHYS_SUPPRESSIONS` names, if any.

    `named` is what named the path, as a message begins.

    Raises:
        ConfigurationError: every mistake in the file.

    """
    named = named if path else f"{SUPPRESSIONS}: "
    path = path or os.environ.get(SUPPRESSIONS, "")
    if not path:
        return ()
    from pipeline.suppressions import load_suppressions

    return load_suppressions(read_text(Path(path), named), path)


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


def read_span(text: str, option: str) -> int:
    """Read a time span (`5m`); return nanoseconds, 0 for "".

    Raises:
        ConfigurationError: it is none.

    """
    try:
        return parse_span(text) if text else 0
    except ValueError as error:
        message = f"{text!r} is no time span; write it like 30s, 10m, 2h or 1d"
        raise ConfigurationError([Mistake(option, 0, message)]) from error


def read_redactor(environment: Mapping[str, str] = os.environ) -> Redactor:
    """Make the redactor; `FIVEWHYS_REDACT_EMAILS=false` lets e-mail addresses stay.

    Raises:
        ConfigurationError: the setting is neither true nor false.

    """
    return Redactor(emails=read_setting(REDACT_EMAILS, default=True, environment=environment))


def read_setting(name: str, *, default: bool, environment: Mapping[str, str] = os.environ) -> bool:
    """Read a variable of the environment that is true or false; one that is empty is not set.

    Raises:
        ConfigurationError: it is neither.

    """
    setting = environment.get(name) or str(default)
    if setting.lower() not in {"true", "false"}:
        message = f"{setting!r} is neither true nor false"
        raise ConfigurationError([Mistake(name, 0, message)])
    return setting.lower() == "true"


def check_window(since: int | None, until: int | None) -> None:
    """Check that the window of a run can hold an entry.

    Raises:
        ConfigurationError: it cannot.

    """
    if since is not None and until is not None and since >= until:
        message = "--until is not after --since: no entry can lie between them"
        raise ConfigurationError([Mistake("--until", 0, message)])


def check_writable(name: str, option: str, *, folder: bool = False) -> None:
    """Check that a folder or a file can be written, before anything is read; make neither.

    Raises:
        ConfigurationError: it cannot, with the reason.

    """
    path = Path(name)
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not name or (there == path and path.is_dir() is not folder):
        reason = f"{name!r} is no {'folder' if folder else 'file'}"
    elif not folder and there not in (path, path.absolute().parent):
        reason = f"{name!r} lies in a folder that does not exist"
    elif (there != path and not there.is_dir()) or not os.access(there, os.W_OK):
        reason = f"{name!r} cannot be written here"
    else:
        return
    raise ConfigurationError([Mistake(option, 0, reason)])


def read_priority(text: str, option: str) -> str:
    """Check a priority; return it in capitals.

    Raises:
        ConfigurationError: it is none.

    """
    if text.upper() not in PRIORITIES:
        message = f"{text!r} is no priority; there are {', '.join(PRIORITIES)}"
        raise ConfigurationError([Mistake(option, 0, message)])
    return text.upper()
