"""Reading settings: the file, the environment and the command line, and every mistake in them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from pipeline.errors import ConfigurationError, Mistake
from pipeline.settings.model import (
    ELSEWHERE,
    FILE,
    FREE,
    KNOWN,
    OWN,
    PREFIX,
    SECRETS,
    STORED,
    WRITTEN,
    Settings,
    variable,
)
from pipeline.settings.values import GITHUB, KEPT, SHOWN, as_text
from pipeline.validating import read_single

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pipeline.yamltext import Document

EMULATOR: Final = "PUBSUB_EMULATOR_HOST"
"""Google's own variable, which says that Pub/Sub is an emulator, and where."""

_NO_ADDRESS: Final = re.compile(r"https?://.*|[\w.-]+|.*:\d+/")
"""What people write there and no client reads: URLs, and hosts without a port."""

_NEAR = 75
"""From this likeness on (of 100) a name is proposed for one that is not known."""


_NEEDED: Final = {
    "subscription": "name the subscription of the log sink: projects/P/subscriptions/S",
    "store": KEPT,
}
"""What cannot be done without, and how it is said."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where settings were said: by options, by variables of the environment, or in the file."""

    document: Document | None
    options: Collection[str]
    variables: Collection[str]

    def mistake(self, key: str, message: str) -> Mistake:
        """Return a mistake located where the value came from."""
        if key in self.options:
            return Mistake(option_of(key), 0, message)
        if variable(key) in self.variables or self.document is None:
            return Mistake(variable(key), 0, message)
        return self.document.mistake(f"{key}: {message}", (key,))


@dataclass(frozen=True, slots=True)
class Read:
    """What was read: the settings, with defaults where something is wrong, and what is wrong.

    `environment` is for those who read `ELSEWHERE` themselves: file and environment in one.
    `places` is where all of it was said.
    """

    settings: Settings
    environment: Mapping[str, str] = field(repr=False)
    mistakes: tuple[Mistake, ...] = ()
    places: Places = field(default=Places(None, (), ()), repr=False, compare=False)

    def named(self, key: str) -> str:
        """Return what said a setting, as a message about what it names begins."""
        return str(self.places.mistake(key, ""))

    def located(self, mistake: Mistake) -> Mistake:
        """Return a mistake in a variable as one in the file, if that said it."""
        key = mistake.file.removeprefix(PREFIX).lower()
        said = self.places.document.value if self.places.document else {}
        is_taken = key in OWN or mistake.file in self.environment
        if mistake.file == variable(key) and key in said and is_taken:
            return self.places.mistake(key, mistake.message)
        return mistake


def read_settings(
    options: Mapping[str, Any], file: str = "", needed: Collection[str] = tuple(_NEEDED)
) -> Read:
    """Read settings; `options` are those of the command line that were given, by field.

    `file` is the path of the settings file, "" the one that `FIVEWHYS_SETTINGS` names, if any.
    Those that are `needed` have to be set: all that a run cannot go without.
    """
    mistakes = [*_unknown(os.environ)]
    document = None
    try:
        document = _read_file(file or os.environ.get(FILE, ""), "--settings" if file else FILE)
    except ConfigurationError as error:
        mistakes += error.mistakes
    said: dict[str, Any] = {}
    if document:
        mistakes += _unfit(document)
        # What is no text (`on`, `7`) is no setting either: that was said by now.
        said = {key: value for key, value in document.value.items() if isinstance(key, str)}
    # A variable that is there wins even if it is empty: so what the file says is taken back.
    said = {key: value for key, value in said.items() if variable(key) not in os.environ}
    places = Places(document, frozenset(options), frozenset(os.environ))
    given = {**{key: said[key] for key in OWN if key in said}, **options}
    settings, wrong = _validated(given, places)
    elsewhere: dict[str, str] = {}
    for key in (key for key in ELSEWHERE if key in said):
        if key in SECRETS and not isinstance(said[key], str):
            continue  # it is said already that it has no place there
        try:
            elsewhere[variable(key)] = as_text(said[key])
        except ValueError as error:
            wrong[key] = places.mistake(key, str(error))
    for key in needed:
        if not getattr(settings, key) and key not in wrong:
            wrong[key] = Mistake(variable(key), 0, f"it is not set; {_NEEDED[key]}")
    if settings.dry_run and not settings.sinks and "sinks" not in wrong:
        message = f"nothing is written without a sink; set {variable('sinks')} to {GITHUB}, too"
        wrong["dry_run"] = places.mistake("dry_run", message)
    mistakes += wrong.values()
    emulator = os.environ.get(EMULATOR, "")
    if "subscription" in needed and _NO_ADDRESS.fullmatch(emulator):
        message = f"{emulator!r:.{SHOWN}} is no address; write HOST:PORT, as localhost:8085"
        mistakes.append(Mistake(EMULATOR, 0, message))
    others = {name: os.environ[name] for name in map(variable, ELSEWHERE) if name in os.environ}
    return Read(settings, {**elsewhere, **others}, tuple(mistakes), places)


def option_of(key: str) -> str:
    """Return the option of the command line that says a setting."""
    return f"--{_OPTIONS.get(key, key).replace('_', '-')}"


_OPTIONS = {"sinks": "sink", "investigators": "investigator"}


def _validated(given: dict[str, Any], places: Places) -> tuple[Settings, dict[str, Mistake]]:
    """Return the settings, with the default of each that is wrong, and what is wrong, by name."""
    try:
        return Settings(**given), {}
    except ValidationError as error:
        found = {str(item["loc"][0]): item for item in error.errors(include_url=False)}
    messages = {key: item["msg"].removeprefix("Value error, ") for key, item in found.items()}
    wrong = {key: places.mistake(key, message) for key, message in messages.items()}
    usual = {key: WRITTEN.get(key, Settings.model_fields[key].default) for key in wrong}
    return Settings(**{**given, **usual}), wrong


def _read_file(path: str, option: str) -> Document | None:
    """Read the file of settings, if there is one.

    Raises:
        ConfigurationError: it cannot be read, or is no mapping of YAML.

    """
    if not path:
        return None
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        message = f"{option}: cannot be read: {reason}"
        raise ConfigurationError([Mistake(path, 0, message)]) from error
    return read_single(text, path, Settings)


def _unfit(document: Document) -> Iterable[Mistake]:
    """Yield what the file says and must not."""
    for key, value in document.value.items():
        if key not in (*OWN, *ELSEWHERE):
            meant = _nearest(str(key), (*OWN, *ELSEWHERE))
            yield document.mistake(f"{str(key)!r:.{SHOWN}} is no setting{meant}", (key,))
        elif key in SECRETS and not str(value).startswith(STORED):
            # It begins with no word that the log would take for the secret (`github_token: word`).
            message = f"it has no place here, as it is secret; name its file as {key}_file, or its"
            yield document.mistake(f"{key}: {message} {STORED} name", (key,))


def _unknown(names: Iterable[str]) -> Iterable[Mistake]:
    """Yield variables that nobody reads: most probably one was mistyped."""
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in KNOWN and not name.startswith(FREE):
            yield Mistake(name, 0, f"there is no such setting{_nearest(name, KNOWN)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    """Return which name is meant, if one is near; what all begin with says nothing."""
    from rapidfuzz import process  # noqa: PLC0415 - loads much; few runs come here

    bare = {one.removeprefix(PREFIX): one for one in known}
    found = process.extractOne(name.removeprefix(PREFIX), tuple(bare), score_cutoff=_NEAR)
    return f"; {bare[found[0]]} is meant?" if found else "; unset it"
