"""The screen: which rules could match an entry, told from its JSON text in one pass.

It is used twice: on raw lines, to tell which need parsing at all (`places`), and on the canonical
text of an entry, to tell which rules to try (`candidates`).

Sound by construction: it never leaves out a rule that matches. What it looks for are the rules'
literals (`literals.py`), with Hyperscan: measured on entries of 900 bytes it took 1.3 us for 60
literals, Aho-Corasick (Rust) 1.7 us, an RE2 set of the expressions themselves 20 us.

A text that may hold a literal otherwise than as it is written is tried with every rule: JSON in
which a character is escaped by its number (an ANSI escape or a NUL, which messages lose, stands in
JSON so), and characters beyond ASCII whose case folds into ASCII letters.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import hyperscan

from pipeline.literals import literals_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rule import Rule

FOLDING = "\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a" + "".join(
    map(chr, range(0xFB00, 0xFB07))
)
"""All characters beyond ASCII whose folded case holds an ASCII character."""

_ESCAPED = ("\\u00", "\\u01", "\\u1e9", "\\u212a", "\\ufb0")
_TRY_ALL = 0
_FLAGS = hyperscan.HS_FLAG_CASELESS
# Fields as BigQuery and Python's clients spell them, of which `entry.outline` knows nothing.
_SPELLINGS = (b"proto_payload", b"protopayload_", b"text_payload", b"receive_timestamp")


class Screen:
    """Tells from an entry's JSON text which rules to try."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Derive what each rule needs, and compile one database of all of it."""
        needed: dict[str, set[int]] = defaultdict(set)
        always: set[int] = set()
        for index, rule in enumerate(rules):
            literals = literals_of(rule)
            if literals is None:
                always.add(index)
            for literal in literals or ():
                needed[literal].add(index)
        self._all = tuple(range(len(rules)))
        self._always = tuple(sorted(always))
        self._rules = [frozenset(always), *(frozenset(found) for found in needed.values())]
        expressions = [text.encode() for text in (*_ESCAPED, *FOLDING, *needed)]
        doubtful = len(expressions) - len(needed)
        ids = [*[_TRY_ALL] * doubtful, *range(1, len(needed) + 1)]
        self._database = _compiled(expressions, ids, _FLAGS | hyperscan.HS_FLAG_SINGLEMATCH)
        self._everywhere = _compiled([*expressions, *_SPELLINGS], None, _FLAGS)

    @property
    def is_blind(self) -> bool:
        """Whether a rule has no literal: then each entry has to be looked at."""
        return bool(self._always)

    def places(self, lines: bytes) -> list[int]:
        """Return where, in raw lines, texts end for which the line they stand in has to be parsed.

        A screen that `is_blind` cannot tell.
        """
        found: list[int] = []
        self._everywhere.scan(lines, match_event_handler=_note_end, context=found)
        return found

    def candidates(self, text: bytes) -> tuple[int, ...]:
        """Return the indexes of the rules to try on an entry with this JSON text, in order."""
        hits: list[int] = []
        self._database.scan(text, match_event_handler=_note, context=hits)
        if not hits:
            return self._always
        if _TRY_ALL in hits:
            return self._all
        return tuple(sorted(frozenset(self._always).union(*(self._rules[hit] for hit in hits))))


def _compiled(expressions: Sequence[bytes], ids: Sequence[int] | None, flags: int) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    count = len(expressions)
    database.compile(
        expressions=expressions,
        ids=ids or range(count),
        elements=count,
        flags=[flags] * count,
        literal=True,
    )
    return database


def _note(identifier: int, _start: int, _end: int, _flags: int, hits: Any) -> None:
    hits.append(identifier)


def _note_end(_identifier: int, _start: int, end: int, _flags: int, found: Any) -> None:
    found.append(end)
