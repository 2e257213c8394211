"""Learning messages: which skeletons there are, how often, and an example of each."""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pipeline.mining.generalising import generalise
from pipeline.mining.masking import normal, skeleton
from pipeline.mining.template import VERSION, Template, make_template

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXAMPLE", "SKELETONS", "Miner"]

SKELETONS: Final = 10_000
"""Skeletons that are kept; past it, those with the highest hashes are forgotten."""
EXAMPLE: Final = 500
"""Bytes of a message that are kept as an example."""


@dataclass(slots=True)
class _Seen:
    """How many messages had a skeleton, and the least of them in the order of bytes."""

    messages: int
    example: bytes


class Miner:
    """Learns messages and tells their templates; its memory is bounded, and no order matters."""

    def __init__(self, limit: int = SKELETONS) -> None:
        self._limit = limit
        self._seen: dict[bytes, _Seen] = {}
        self._highest: list[tuple[int, bytes]] = []
        self._texts: dict[bytes, bytes] = {}
        self._groups: dict[bytes, list[_Seen]] = {}
        self._current = True

    def learn(self, message: str | bytes) -> bytes:
        """Take note of a message, redacted before if it has to be; return its skeleton."""
        key = skeleton(message)
        data = message if isinstance(message, bytes) else normal(message)
        self._note(key, 1, data[:EXAMPLE])
        return key

    def template_of(self, message: str | bytes) -> Template:
        """Return the template of a message; of one that was not learned, it is its skeleton."""
        return self.template_of_skeleton(skeleton(message), normal(message))

    def template_of_skeleton(self, key: bytes, example: bytes = b"") -> Template:
        """Return the template of messages by the skeleton that `learn` returned."""
        self._refresh()
        text = self._texts.get(key)
        return make_template(key, 0, example) if text is None else self._template(text)

    def templates(self) -> list[Template]:
        """Return all templates, the most frequent first."""
        self._refresh()
        found = [self._template(text) for text in self._groups]
        return sorted(found, key=lambda item: (-item.messages, item.text, item.id))

    def merge(self, other: Miner) -> None:
        """Learn all that another miner learned."""
        for key, seen in other._seen.items():
            self._note(key, seen.messages, seen.example)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain JSON: the version, and of each skeleton count and example."""
        rows = sorted(self._seen.items())
        return {
            "version": VERSION,
            "skeletons": [[_text(key), seen.messages, _text(seen.example)] for key, seen in rows],
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], limit: int = SKELETONS) -> Miner:
        """Return the miner that a snapshot describes.

        Raises:
            ValueError: another version made it, and its skeletons are not those of this one.

        """
        if state["version"] != VERSION:
            message = f"a snapshot of version {state['version']!r} cannot be read by {VERSION!r}"
            raise ValueError(message)
        miner = cls(limit)
        for key, messages, example in state["skeletons"]:
            miner._note(_data(key), messages, _data(example))
        return miner

    def _note(self, key: bytes, messages: int, example: bytes) -> None:
        seen = self._seen.get(key)
        if seen is None:
            self._keep(key, _Seen(messages, example))
            return
        seen.messages += messages
        seen.example = min(seen.example, example)

    def _keep(self, key: bytes, seen: _Seen) -> None:
        """Keep a new skeleton, or forget the one with the highest hash.

        Which ones stay depends on all that came and not on when: what was forgotten, or refused,
        has a higher hash than all that are kept from then on. So the counts of the kept are exact.
        """
        rank = -int.from_bytes(hashlib.sha256(key).digest()[:8], "big")
        if len(self._seen) < self._limit:
            heapq.heappush(self._highest, (rank, key))
        elif rank <= self._highest[0][0]:
            return
        else:
            _, forgotten = heapq.heapreplace(self._highest, (rank, key))
            del self._seen[forgotten]
        self._seen[key] = seen
        self._current = False

    def _refresh(self) -> None:
        """See anew which words are parameters, if there are other skeletons than last time."""
        if self._current:
            return
        self._current = True
        self._texts = generalise(self._seen)
        groups: dict[bytes, list[_Seen]] = defaultdict(list)
        for key, text in self._texts.items():
            groups[text].append(self._seen[key])
        self._groups = dict(groups)

    def _template(self, text: bytes) -> Template:
        group = self._groups[text]
        messages = sum(seen.messages for seen in group)
        return make_template(text, messages, min(seen.example for seen in group))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _data(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
