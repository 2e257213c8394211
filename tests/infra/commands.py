"""What the programs that deploy know: whether a command line of theirs exists, word by word.

gcloud carries a table of all its commands and flags; terraform and docker list theirs in their
help; of `fivewhys` we have the command line itself. Values and what stands without a flag are not
looked at, as only the cloud knows these.
"""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from pipeline.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_TABLE = "data/cli/gcloud_completions.py"
_HOMES = (
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
)


def mistakes(words: Sequence[str]) -> list[str]:
    """Return what is wrong with a command line: nothing where its program knows all of it.

    Skips where the program that would know is missing; where CI says so, it fails.
    """
    known = KNOWN.get(words[0])
    return [*known(words[1:])] if known else [f"nobody here knows {words[0]}"]


def missing(program: str) -> None:
    """Skip on a laptop, fail in CI."""
    message = f"{program} is missing, which knows its commands"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


# --- gcloud ---------------------------------------------------------------------------------------


def _gcloud(words: Sequence[str]) -> Iterator[str]:
    """Yield commands and flags that gcloud does not know."""
    root = node = gcloud_table()
    flags: dict[str, Any] = dict(root["flags"])
    rest = list(words)
    while rest and rest[0] in node["commands"]:
        node = node["commands"][rest.pop(0)]
        flags |= node["flags"]
    if node["commands"]:
        yield f"gcloud has no {' '.join(words[: len(words) - len(rest) + 1])}"
        return
    for flag, value in _flags(rest):
        name = flag if flag in flags else flag.replace("--no-", "--", 1)
        kind = flags.get(name)
        if kind is None:
            yield f"{flag} is no flag of gcloud {' '.join(words[: len(words) - len(rest)])}"
        elif isinstance(kind, list) and value.lower() not in map(str.lower, kind):
            yield f"{flag} cannot be {value!r}"
        elif kind == "bool" and value:
            yield f"{flag} takes no value"
        elif kind != "bool" and not value:
            yield f"{flag} needs a value, behind a ="


def _flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        if word == "--":
            return
        if word.startswith("--"):
            flag, _, value = word.partition("=")
            yield flag, value


@cache
def gcloud_table() -> dict[str, Any]:
    """Return gcloud's own table of its commands and flags."""
    found = shutil.which("gcloud")
    homes = [Path(found).resolve().parent.parent] if found else []
    for home in (*homes, *map(Path, _HOMES)):
        if (home / _TABLE).is_file():
            table: dict[str, Any] = runpy.run_path(str(home / _TABLE))["STATIC_COMPLETION_CLI_TREE"]
            return table
    missing("gcloud")
    raise AssertionError


# --- terraform and docker -------------------------------------------------------------------------


def _helped(program: str, help_flag: str) -> Callable[[Sequence[str]], Iterator[str]]:
    """Return what looks up flags in the help of a program."""

    def look(words: Sequence[str]) -> Iterator[str]:
        rest = [word for word in words if not word.startswith("-chdir=")]
        command = [*_leading(rest)]
        text = _help(program, help_flag, *command)
        if text is None:
            yield f"{program} has no {' '.join(command)}"
            return
        for word in rest:
            flag = word.partition("=")[0]
            if flag.startswith("-") and not re.search(rf"(?m)(^|[\s,]){re.escape(flag)}\b", text):
                yield f"{flag} is no flag of {program} {' '.join(command)}"

    return look


_SUBCOMMANDS = {"image", "state"}
"""Commands that have commands."""


def _leading(words: Sequence[str]) -> Sequence[str]:
    return words[: 2 if words[0] in _SUBCOMMANDS else 1]


@cache
def _help(program: str, flag: str, *command: str) -> str | None:
    """Return a program's help for a command, None if it has no such command."""
    found = shutil.which(program)
    if found is None:
        missing(program)
        raise AssertionError
    words = [found, *command, flag]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    return (
        text
        if f"Usage: {program} [global options] {' '.join(command)}" in text
        or (re.search(rf"Usage:\s+{program} (buildx )?{' '.join(command)}", text))
        else None
    )


# --- fivewhys -------------------------------------------------------------------------------------


def _fivewhys(words: Sequence[str]) -> Iterator[str]:
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and rest[0] in getattr(command, "commands", ()):
        command = command.commands[rest.pop(0)]
    if hasattr(command, "commands"):
        yield f"fivewhys has no {' '.join(words)}"
        return
    known = {name for one in command.params for name in one.opts}
    for flag, _ in _flags(rest):
        if flag not in known:
            yield f"{flag} is no option of fivewhys {command.name}"


KNOWN: dict[str, Callable[[Sequence[str]], Iterator[str]]] = {
    "gcloud": _gcloud,
    "terraform": _helped("terraform", "-help"),
    "docker": _helped("docker", "--help"),
    "fivewhys": _fivewhys,
}
