"""Where what deploys a service sets environment variables: names and lines, values never.

Read are Dockerfiles, compose files, the YAML of Cloud Run, Kubernetes, App Engine, Cloud Build and
GitHub's workflows, Terraform, shell, `.env` files, and scripts that call gcloud; by their lines,
not by a parser: hostile ones take no time, and broken ones are read as far as they go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import re2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FLAGS: Final = ("--set-env-vars", "--update-env-vars", "--set-secrets", "--update-secrets")

_ENV_FILE: Final = (".env", ".env.")
_EXAMPLES: Final = ("example", "sample", "template", "dist", "test", "default")
_SHELL: Final = (".sh", ".bash", ".zsh", ".ps1")
_SCRIPTS: Final = (".py", ".js", ".mjs", ".ts", ".rb", ".go")
_MAKE: Final = frozenset(("Makefile", "justfile", "Procfile"))
_FAR: Final = 2
"""Levels above a line at which it may stand that it is about the environment."""

_ITEM = re2.compile(r"^\s*(?:- +)?[\"']?([A-Z][A-Z0-9_]{2,127})[\"']?\s*(?::=?|=)(?:[^=]|$)")
_NAMED = re2.compile(
    r"^\s*(?:- +)?[\"']?name[\"']?\s*[:=]\s*[\"']?([A-Z][A-Z0-9_]{2,127})[\"']?,?\s*$"
)
_INLINE = re2.compile(r"[{,\[]\s*[\"']?([A-Z][A-Z0-9_]{2,127})[\"']?\s*[:=]")
_ASSIGNED = re2.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w{1,127})=")
_EXPORTED = re2.compile(r"(?:^|[;&]\s*)\s*export\s+([A-Za-z_]\w{1,127})=|^\s*\$env:(\w{2,128})\s*=")
_PAIR = re2.compile(r"(?:^|[\s,\"'|;^@{=])([A-Za-z_]\w{1,127})=")
_SPACED = re2.compile(r"[:=]\s*(?:\"(?:\s[^\"]*|[^\"]*\s)\"|'(?:\s[^']*|[^']*\s)'),?\s*$")
_ABOUT = re2.compile(r"(?:^|[^a-z])env(?:ironment)?s?(?:[_-]?(?:vars?|variables))?(?:\.update\()?$")
_FLAG = re2.compile("|".join(FLAGS))


@dataclass(frozen=True, slots=True)
class Set:
    """A line that sets a variable, and with what; `spaced` says of white space around the value.

    `runs` is whether it is there when the service runs: an `ARG` is gone once the image is built.
    """

    name: str
    line: int
    how: str
    spaced: bool = False
    runs: bool = True


def is_deployment(path: str, data: Callable[[], bytes]) -> bool:
    """Say whether a file is one that may set variables; examples of `.env` files set none."""
    name = path.rpartition("/")[2]
    if name.endswith(_SCRIPTS):
        return any(flag.encode() in data() for flag in FLAGS)
    return _reader(name) is not None or ("." not in name and data().startswith(b"#!"))


@lru_cache(maxsize=20_000)
def settings(name: str, data: bytes) -> tuple[Set, ...]:
    """Return what a file of this name sets, each name of a line once."""
    lines = data.decode("utf-8", "replace").split("\n")
    reader = _blocks if name.endswith(_SCRIPTS) else _reader(name) or _shell
    found = [*reader(lines), *_flags(lines)]
    return tuple({(one.name, one.line): one for one in found}.values())


def _reader(name: str) -> Callable[[list[str]], Iterator[Set]] | None:
    low = name.lower()
    if low.startswith(("dockerfile", "containerfile")) or low.endswith(".dockerfile"):
        return _docker
    if low.endswith((".yml", ".yaml", ".tf", ".tfvars", ".hcl")):
        return _blocks
    if low.startswith(_ENV_FILE) or low.endswith(".env"):
        return None if any(word in low for word in _EXAMPLES) else _env_file
    return _shell if low.endswith(_SHELL) or name in _MAKE else None


def _docker(lines: list[str]) -> Iterator[Set]:
    word = ""
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("#"):
            continue
        first, _, rest = ("", "", line) if word else line.strip().partition(" ")
        word = word or first.upper()
        if word in {"ENV", "ARG"}:
            names = [match.group(1) for match in _PAIR.finditer(rest)]
            if not names and first:  # `ENV name value`, `ARG name`
                names = [name for name in rest.split()[:1] if name.isidentifier()]
            for name in names:
                yield Set(name, number, f"{word} of the image", _is_spaced(line), word == "ENV")
        if not line.rstrip().endswith("\\"):
            word = ""


def _env_file(lines: list[str]) -> Iterator[Set]:
    for number, line in enumerate(lines, start=1):
        if (match := _ASSIGNED.search(line)) is not None:
            yield Set(match.group(1), number, "an env file", _is_spaced(line))


def _shell(lines: list[str]) -> Iterator[Set]:
    for number, line in enumerate(lines, start=1):
        if (match := _EXPORTED.search(line)) is not None:
            yield Set(match.group(1) or match.group(2), number, "export", _is_spaced(line))


def _blocks(lines: list[str]) -> Iterator[Set]:
    """Yield what lines set that stand below something about the environment, by their margins."""
    above: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith(("#", "//")):
            continue
        margin = 2 * (len(line) - len(line.lstrip())) + text.startswith("- ")
        while above and above[-1][0] >= margin:
            above.pop()
        header = _header(text)
        yield from _of_line(lines, number, [name for _, name in above[-_FAR:]])
        if _ABOUT.search(header):
            for match in _INLINE.finditer(text):
                yield Set(match.group(1), number, "env", _is_spaced(line))
        above.append((margin, header))


def _of_line(lines: list[str], number: int, above: list[str]) -> Iterator[Set]:
    """Yield what one line sets: its key, or with a name that stands right below `env`."""
    text, below = lines[number - 1], lines[number : number + 1]
    named, item = _NAMED.search(text), _ITEM.search(text)
    if named is not None and above and _ABOUT.search(above[-1]):
        spaced = any(_header(line.strip()) == "value" and _is_spaced(line) for line in below)
        yield Set(named.group(1), number, "env", spaced)
    elif item is not None and any(map(_ABOUT.search, above)):
        yield Set(item.group(1), number, "env", _is_spaced(text))
    elif above[-1:] == ["secrets"] and (item := _ASSIGNED.search(text)) is not None:
        yield Set(item.group(1), number, "secrets")


def _header(text: str) -> str:
    """Return what a line says before its value."""
    ends = [at for sign in ":={" if (at := text.find(sign)) >= 0]
    return text[: min(ends, default=len(text))].strip("- \"'").lower()


def _flags(lines: list[str]) -> Iterator[Set]:
    """Yield what flags of gcloud set: up to the next flag, on all lines that a value goes on."""
    flag = ""
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith(("#", "//")):
            continue
        marks = list(_FLAG.finditer(line))
        names = [flag, *(mark.group() for mark in marks)]
        starts = [0, *(mark.end() for mark in marks)]
        ends = [*(mark.start() for mark in marks), len(line)]
        pieces = [line[start:end] for start, end in zip(starts, ends, strict=True)]
        for name, piece in zip(names, pieces, strict=True):
            for match in _PAIR.finditer(_value(piece) if name else ""):
                yield Set(match.group(1), number, name)
        last = pieces[-1]
        goes_on = line.rstrip().endswith("\\") or not last.strip("\"', =[]")
        flag = names[-1] if goes_on and _value(last) == last else ""


def _value(text: str) -> str:
    """Return what stands before the next flag."""
    return text.partition(" --")[0]


def _is_spaced(line: str) -> bool:
    return _SPACED.search(line) is not None
