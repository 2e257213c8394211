"""What a Dockerfile copies from its context into the image: read, and nothing of it is run."""

from __future__ import annotations

import json
import posixpath
import shlex
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST = 50
"""Stages that are followed, and places of a file in one of them."""

LONGEST = 500
"""Copies of a stage, and letters of its folder; what goes on after them is in doubt."""

_HEREDOC = re2.compile(r"<<-?\s*[\"']?([A-Za-z_]\w*)[\"']?")
_DOING = re2.compile(
    r"\b(?:git clone|cp|mv|rsync|ln|tar|unzip|curl|wget|find|install|setup\.py|rm|poetry|uv|make)\b"
)
_SCRIPT = re2.compile(
    r"(?:^|[\s\"\['/])(?:ba|da|z)?sh\s+[^-\s]|^\s*\S*/?python[\d.]*[\"',]*\s+(?:[^-\s]|-m\s+(?:[^p]|p[^i]))|^\s*\.?/\S"
)
"""A script, which may do anything."""

_INSTALLING = re2.compile(r"\b(?:pip3?|uv pip)\s+install\b.*(?:\s\.(?:\[|\s|$)|\s\./|\s-e\b)")
_PACKAGES = re2.compile(
    r"^\s*(?:--mount\S*\s+)*(?:sudo\s+)?"
    r"(?:apt-get|apt|apk|yum|dnf|microdnf|rm -rf? /(?:var|root|tmp)|"
    r"(?:python3? -m )?pip3? install|useradd|adduser|groupadd|chown|chmod|mkdir|npm)\b"
)
# Images that bring nothing of one's own; behind an owner or another registry it may be anybody's.
_PLAIN = re2.compile(
    r"^(?:(?:(?:docker\.io/|mirror\.gcr\.io/|public\.ecr\.aws/docker/)?(?:library/)?"
    r"(?:python|node|debian|ubuntu|alpine|golang|openjdk|eclipse-temurin|amazoncorretto|scratch|"
    r"busybox|nginx|ruby|php|rust|buildpack-deps|pypy|centos|fedora|rockylinux))"
    r"|gcr\.io/distroless/[\w.-]+|ghcr\.io/astral-sh/uv)(?::[\w.-]+)?(?:@[\w:]+)?$"
)
_ONBUILD = "onbuild"
_ARCHIVES = (".tar", ".tgz", ".gz", ".xz", ".bz2", ".zip", ".whl")


@dataclass(frozen=True, slots=True)
class Copy:
    """A `COPY` or `ADD`: what, whence ("" is the context), and to which absolute path."""

    line: int
    sources: tuple[str, ...]
    target: str
    stage: str = ""
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its name, what it begins with, its copies, and lines that may do anything."""

    name: str
    base: str
    line: int
    copies: tuple[Copy, ...] = ()
    doubts: tuple[int, ...] = ()
    folder: str = "/"


@dataclass
class Dockerfile:
    """The stages of a file, in order; none if it cannot be read."""

    stages: list[Stage] = field(default_factory=list)

    @property
    def copies(self) -> list[Copy]:
        """All that is copied from the context, in any stage."""
        return [copy for stage in self.stages for copy in stage.copies if not copy.stage]

    def places(self, path: str) -> list[str]:
        """Return where a file of the context ends in the last stage; none if nowhere."""
        known: list[frozenset[str]] = []
        for at, stage in enumerate(self.stages):
            base = self._index(stage.base, at)
            found = set(known[base]) if base >= 0 else set()
            for copy in stage.copies:
                other = self._index(copy.stage, at) if copy.stage else -1
                there = [path] if not copy.stage else known[other] if other >= 0 else []
                found.update(end for one in there for end in _copied(copy, one.lstrip("/")))
            known.append(frozenset(sorted(found)[:MOST]))
        return sorted(known[-1]) if known else []

    def doubts(self) -> list[int]:
        """Return the lines, of the stages that the last one is made of, that may do anything."""
        found: list[int] = []
        waiting = [len(self.stages) - 1] if self.stages else []
        seen: set[int] = set()
        while waiting:
            at = waiting.pop()
            if at in seen or at < 0:
                continue
            seen.add(at)
            stage = self.stages[at]
            named = [self._index(copy.stage, at) for copy in stage.copies if copy.stage]
            base = self._index(stage.base, at)
            waiting += [*named, base]
            found += [*stage.doubts, *(copy.line for copy in stage.copies if copy.unclear)]
            found += [stage.line] if base < 0 and not _is_plain(stage.base) else []
        return sorted(set(found))

    def _index(self, name: str, before: int) -> int:
        """Return which stage, before another, has a name; -1 if it is an image."""
        for at in range(before - 1, -1, -1):
            if self.stages[at].name == name.lower() or name == str(at):
                return at
        return -1


def _is_plain(image: str) -> bool:
    """Say whether an image is known to copy nothing of whoever builds on it."""
    return bool(_PLAIN.search(image)) and _ONBUILD not in image


def parse(text: str) -> Dockerfile:
    """Read a Dockerfile; what is no instruction is passed over."""
    found = Dockerfile()
    for line, word, rest in _instructions(text):
        if word == "FROM" and len(found.stages) < MOST:
            found.stages.append(_stage(found, line, rest))
        elif found.stages:
            found.stages[-1] = _after(found.stages[-1], line, word, rest)
    return found


def _stage(found: Dockerfile, line: int, rest: str) -> Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    base = words[0] if words else ""
    name = words[2].lower() if len(words) > len(("image", "AS")) else str(len(found.stages))
    at = found._index(base, len(found.stages))  # noqa: SLF001 - the stages of the same file
    folder = found.stages[at].folder if at >= 0 else "/"
    return Stage(name, base, line, folder=folder)


def _after(stage: Stage, line: int, word: str, rest: str) -> Stage:
    """Return a stage after one more instruction."""
    if len(stage.copies) >= LONGEST or len(stage.folder) > LONGEST:
        return stage if stage.doubts else replace(stage, doubts=(line,))
    if word == "WORKDIR":
        folder = rest.strip().strip("\"'")
        doubts = (*stage.doubts, line) if "$" in folder else stage.doubts
        return replace(stage, folder=posixpath.join(stage.folder, folder), doubts=doubts)
    if word in {"COPY", "ADD"}:
        return replace(stage, copies=(*stage.copies, _copy(stage, line, word, rest)))
    acts = word == "RUN" and (
        _DOING.search(_without_packages(rest))
        or _SCRIPT.search(_without_packages(rest))
        or _INSTALLING.search(rest)
    )
    if (acts or word == "ONBUILD") and len(stage.doubts) < LONGEST:
        return replace(stage, doubts=(*stage.doubts, line))
    return stage


def _without_packages(rest: str) -> str:
    """Return a command without what only installs packages of a distribution, or of Python."""
    parts = re2.split(r"&&|;|\|\|", rest)
    return ";".join(part for part in parts if not _PACKAGES.search(part))


def _copy(stage: Stage, line: int, word: str, rest: str) -> Copy:
    words = _words(rest)
    flags = [one for one in words if one.startswith("--")]
    paths = [one for one in words if not one.startswith("--")]
    whence = next((one.partition("=")[2] for one in flags if one.startswith("--from=")), "")
    odd = any(one.startswith(("--exclude", "--parents")) for one in flags)
    if len(paths) < len(("source", "target")):
        return Copy(line, (), stage.folder, whence, unclear=True)
    *sources, target = paths
    fetched = word == "ADD" and any("://" in one or one.endswith(_ARCHIVES) for one in sources)
    unclear = odd or fetched or "$" in rest or "<<" in rest
    whole = posixpath.join(stage.folder, target)
    whole += "/" if target in {".", "./"} or len(sources) > 1 else ""
    return Copy(line, tuple(map(_clean, sources)), whole, whence, unclear)


def _words(rest: str) -> list[str]:
    """Return the words of an instruction, in the form of JSON too."""
    if rest.lstrip().startswith("["):
        try:
            told = json.loads(rest)
        except (ValueError, RecursionError):
            return []
        return [one for one in told if isinstance(one, str)]
    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()


def _clean(source: str) -> str:
    """Return a source relative to the context, or to `/` of a stage; "" is all of it."""
    path = posixpath.normpath(source).lstrip("/")
    return "" if path == "." else path


def takes(copy: Copy, path: str) -> bool:
    """Say whether a copy has a file of the context."""
    return any(True for _ in _copied(copy, path))


def _copied(copy: Copy, path: str) -> Iterator[str]:
    """Yield where a copy puts a file."""
    for source in copy.sources:
        for base in _bases(source, path):
            below = path[len(base) :].lstrip("/")
            name = "" if below else path.rpartition("/")[2]
            ends = copy.target.endswith("/")
            whole = below or (name if ends else "")
            yield posixpath.normpath(posixpath.join(copy.target, whole) if whole else copy.target)


def _bases(source: str, path: str) -> Iterator[str]:
    """Yield the folder above a file, or the file, that a source stands for."""
    if not source:
        yield ""
        return
    parts, wanted = path.split("/"), source.split("/")
    head = parts[: len(wanted)]
    fits = len(head) == len(wanted) and all(map(fnmatchcase, head, wanted))
    if fits:
        yield "/".join(head)


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, instruction and the rest of it; continued lines and here-documents are one."""
    lines = text.split("\n")
    escape = "`" if any("escape=`" in line for line in lines[:3]) else "\\"
    at = 0
    while at < len(lines):
        start, parts = at, [_uncommented(lines[at])]
        at += 1
        while parts[-1].endswith(escape) and at < len(lines):
            if not lines[at].lstrip().startswith("#"):
                parts[-1] = parts[-1][:-1]
                parts.append(lines[at].rstrip())
            at += 1
        word, _, rest = " ".join(parts).strip().partition(" ")
        if word.upper() in {"RUN", "COPY", "ADD"}:
            at, body = _here(lines, at, _HEREDOC.findall(rest))
            rest += body
        if word.isalpha():
            yield start + 1, word.upper(), rest


def _uncommented(line: str) -> str:
    return "" if line.lstrip().startswith("#") else line.rstrip()


def _here(lines: Sequence[str], at: int, names: Sequence[str]) -> tuple[int, str]:
    """Return where the here-documents of an instruction end, and what they say."""
    body = []
    for name in names:
        while at < len(lines) and lines[at].strip() != name:
            body.append(lines[at])
            at += 1
        at += 1
    return min(at, len(lines)), "".join(f"; {line}" for line in body)
