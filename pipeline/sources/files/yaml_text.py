"""YAML documents, the default output of `gcloud logging read`, one at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.entry import Rejection
from pipeline.sources.files.records import Read, has_entry, read_record
from pipeline.sources.files.streams import MAX_RECORD, TOO_LARGE, split_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MAX_WRAPPERS = 3
_MARKERS = (b"...", b"%YAML", b"%TAG")
_ALIAS = re.compile(rb"(?:^|[\s\[,:-])\*[^\s*]", re.MULTILINE)
_INDENTED = re.compile(rb"^[-? :\t]{50}", re.MULTILINE)  # only so can block style nest deeply
_DEEP = 100
_TOO_DEEP = f"nested deeper than {_DEEP} levels"
_NO_ALIASES = "YAML aliases are not read: a few lines of them can stand for gigabytes"


class _Loader(yaml.CSafeLoader):
    """Reads plain scalars as JSON has them: a time stays text with all its digits, `no` a word."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML fills it below


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]{0,18})$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def read_yaml(name: str, chunks: Iterable[bytes]) -> Iterator[Read]:
    """Read YAML documents, each an entry, a list of entries or something that wraps one."""
    for line, document in _documents(chunks):
        if document is None:
            yield Rejection(f"{name}:{line}", TOO_LARGE)
        else:
            yield from _read_document(f"{name}:{line}", document)


def _documents(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield each document, or each item of one that is a list, with the line it begins on.

    None stands for one that is too large; its lines are not kept.
    """
    kept: list[bytes] = []
    start, size = 1, 0
    for number, line in enumerate(split_lines(chunks), 1):
        if line is not None and _begins_document(line, kept):
            yield start, None if size > MAX_RECORD else b"\n".join(kept)
            kept, size = [], 0
        size += MAX_RECORD + 1 if line is None else len(line)
        if size > MAX_RECORD:
            kept = kept[:1]
        elif line is not None and (kept or line.strip()) and not line.startswith(_MARKERS):
            start = start if kept else number
            kept.append(line)
    yield start, None if size > MAX_RECORD else b"\n".join(kept)


def _begins_document(line: bytes, before: list[bytes]) -> bool:
    if line[:3] in (b"---", b"..."):
        return line[3:4] in (b"", b" ", b"\t", b"\r")
    return line.startswith(b"- ") and any(item.startswith(b"- ") for item in before)


def _read_document(place: str, text: bytes) -> list[Read]:
    try:
        value = _load(text)
    except (yaml.YAMLError, ValueError) as error:
        return [Rejection(place, f"no YAML: {_problem(error)}")]
    if value is None:
        return []
    if isinstance(value, list):
        return [item for record in value for item in read_record(record, place)]
    found = read_record(value, place)
    inner = [
        item
        for index, record in enumerate(_listed(value, _MAX_WRAPPERS), 1)
        for item in ([] if has_entry(found) else read_record(record, f"{place}#{index}"))
    ]
    return inner if has_entry(inner) else found


def _load(text: bytes) -> Any:
    if _ALIAS.search(text) or _INDENTED.search(text) or text.count(b"[") + text.count(b"{") > _DEEP:
        _check(text)
    return yaml.load(text.decode("utf-8", "replace"), _Loader)  # noqa: S506 - a safe loader's child


def _check(text: bytes) -> None:
    """Raise ValueError for what would blow up when built: the C parser itself has no limit."""
    depth = 0
    for event in yaml.parse(text.decode("utf-8", "replace"), _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEP:
            raise ValueError(_TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(_NO_ALIASES)  # noqa: TRY004 - the text is wrong, not the caller


def _problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"{error.problem} (line {error.problem_mark.line + 1} of the document)"
    return str(error)


def _listed(value: Any, levels: int) -> Iterator[Any]:
    """Yield the elements of the lists that a wrapping object holds."""
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict) and levels:
        for inner in value.values():
            yield from _listed(inner, levels - 1)
