"""Messages of a subscription as a block of raw lines, so that most of them need no parsing."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from pipeline.entry import LogEntry, Rejection, decode_json, parse_entry, parse_line
from pipeline.entry.outline import LONGEST
from pipeline.errors import EntryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.ports import Batch, Message


@dataclass(frozen=True)
class Messages:
    """Messages, each a line (`ports.Block`): none of them holds a line feed."""

    messages: Sequence[Message]

    @cached_property
    def data(self) -> bytes:
        """Their texts, each ended by a line feed."""
        return b"\n".join([*(one.data for one in self.messages), b""])

    @cached_property
    def regular(self) -> bool:
        """Whether each begins with `{` and ends with `}`, and none is very long."""
        return all(
            one.data[:1] == b"{" and one.data[-1:] == b"}" and len(one.data) <= LONGEST
            for one in self.messages
        )

    @cached_property
    def _ends(self) -> list[int]:
        return [end - 1 for end in accumulate(len(one.data) + 1 for one in self.messages)]

    def __len__(self) -> int:
        return len(self.messages)

    def lines_at(self, places: Sequence[int]) -> Sequence[int]:
        """Return in which of them each of some places of the data lies; 0 is the first."""
        ends = self._ends
        return [bisect_left(ends, place) for place in places]

    def line(self, at: int) -> bytes:
        """Return the text of one."""
        return self.messages[at].data

    def read(self, lines: Iterable[int]) -> Iterator[LogEntry | Rejection]:
        """Parse some of them."""
        for at in lines:
            yield from read_message(self.messages[at])


def batch_of(messages: Sequence[Message]) -> Batch:
    """Return messages as they are examined quickest; each record's place is a message's name."""
    found = Messages(messages)
    if found.data.count(b"\n") > len(messages):  # as none has that a log sink published
        return [record for one in messages for record in read_message(one)]
    return found


def read_message(message: Message) -> list[LogEntry | Rejection]:
    """Return what a message holds: entries, or why there are none."""
    entry = parse_line(message.data, message.name)
    if entry is not None:
        return [entry]
    try:
        return [*parse_entry(decode_json(message.data), place=message.name)]
    except EntryError as error:
        reason = str(error)
    except ValueError as error:
        reason = f"no JSON: {error}"
    return [Rejection(message.name, reason)]
