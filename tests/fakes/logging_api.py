"""A Logging API that holds entries and understands the filters that it is asked with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from operator import ge, le, lt
from typing import TYPE_CHECKING, Any

from google.cloud.logging_v2.types import LogEntry as ApiEntry
from google.protobuf.json_format import ParseDict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.entry import LogEntry

_COMPARISON = re.compile(r'([\w.]+(?:\."[^"]+")?)(>=|<=|<|=)"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class Page:
    """One page of an answer."""

    entries: Sequence[Any]
    next_page_token: str = ""


@dataclass(frozen=True)
class Answer:
    """Pages, as the API's pager has them."""

    pages: Iterator[Page]


@dataclass
class FakeLoggingApi:
    """`nearby_logs.api.Client` over a list; `empty` pages come before each entry.

    The entries of `odd` come first in every answer, whatever is asked for. It raises `fails` if
    there is one. What is no filter that it understands breaks the test.
    """

    held: Sequence[LogEntry]
    empty: int = 0
    odd: Sequence[Any] = ()
    fails: Exception | None = None
    asked: list[Mapping[str, Any]] = field(default_factory=list)

    def list_log_entries(self, request: Mapping[str, Any], *, timeout: float) -> Answer:
        """Return the entries that a filter lets through, in the order that is asked for."""
        assert timeout > 0
        self.asked.append(request)
        if self.fails:
            raise self.fails
        found = [one for one in self.held if holds(request["filter"], one)]
        newest = request["order_by"] == "timestamp desc"
        return Answer(self._pages(sorted(found, key=lambda one: one.timestamp, reverse=newest)))

    def _pages(self, found: Sequence[LogEntry]) -> Iterator[Page]:
        if self.odd:
            yield Page(self.odd, "more")
        for one in found:
            for _ in range(self.empty):
                yield Page((), "more")
            yield Page((api_entry(one),), "more")
        yield Page(())


def api_entry(one: LogEntry) -> Any:
    """Return an entry as the API's types have it."""
    made = ApiEntry()
    ParseDict(dict(one.document), ApiEntry.pb(made))
    return made


def holds(text: str, one: LogEntry) -> bool:
    """Evaluate a filter: comparisons under AND, OR and parentheses."""
    values: list[bool] = []

    def compare(match: re.Match[str]) -> str:
        path, operator, quoted = match.groups()
        value = _ESCAPED.sub(r"\1", quoted)
        values.append(any(_compared(str(item), operator, value) for item in one.lookup(path)))
        return str(values[-1])

    shape = _COMPARISON.sub(compare, text)
    assert re.fullmatch(r"(?:True|False|AND|OR|[() \n])+", shape), shape
    return bool(eval(shape.replace("AND", "and").replace("OR", "or")))  # noqa: S307 - five words


def _compared(item: str, operator: str, value: str) -> bool:
    if operator == "=":
        return item == value
    ours, theirs = item.rstrip("Z0."), value.rstrip("Z0.")
    return bool(_ORDERS[operator](ours, theirs))


_ORDERS = {">=": ge, "<=": le, "<": lt}
