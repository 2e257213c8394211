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
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import hyperscan

from pipeline.entry.outline import SPELLINGS
from pipeline.literals import literals_of
from pipeline.wording import Expression

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pipeline.rule import Rule

Place = tuple[int, int]
"""Where a text ends, and which one it is, by a number."""

FOLDING = "\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a" + "".join(
    map(chr, range(0xFB00, 0xFB07))
)
"""All characters beyond ASCII whose folded case holds an ASCII character."""

_ESCAPED = ("\\u00", "\\u01", "\\u1e9", "\\u212a", "\\ufb0")
_TRY_ALL = 0
_FLAGS = hyperscan.HS_FLAG_CASELESS
_EXACTLY = 0


class Screen:
    """Tells from an entry's JSON text which rules to try."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Derive what each rule needs."""
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
        self._wanted = [(text, _TRY_ALL) for text in (*_ESCAPED, *FOLDING)]
        self._wanted += [(text, number) for number, text in enumerate(needed, start=1)]

    @cached_property
    def _databases(self) -> list[Any]:
        """What tells whether a text holds them; compiled when an entry is first looked at."""
        once = _FLAGS | hyperscan.HS_FLAG_SINGLEMATCH
        return _compiled([_Wanted(text, number, once) for text, number in self._wanted])

    @cached_property
    def _everywhere(self) -> list[Any]:
        """What tells where in lines they stand; compiled when lines are first screened."""
        return _compiled(
            [_Wanted(text, number, _FLAGS) for text, number in self._wanted]
            + [_Wanted(text, _TRY_ALL, _EXACTLY) for text in SPELLINGS]
        )

    @property
    def is_blind(self) -> bool:
        """Whether a rule has no literal: then each entry has to be looked at."""
        return bool(self._always)

    def places(self, lines: bytes) -> list[Place]:
        """Return where, in raw lines, texts end for which the line they stand in has to be parsed.

        A screen that `is_blind` cannot tell.
        """
        found: list[Place] = []
        for database in self._everywhere:
            database.scan(lines, match_event_handler=_note_end, context=found)
        return found

    def tried_for(self, numbers: Collection[int]) -> tuple[int, ...] | None:
        """Return the indexes of the rules to try on an entry in whose raw line such texts stand.

        `numbers` are those of the places. None: the line may hold others, which only `candidates`
        can tell.
        """
        return None if _TRY_ALL in numbers else self._tried(numbers)

    def candidates(self, text: bytes) -> tuple[int, ...]:
        """Return the indexes of the rules to try on an entry with this JSON text, in order."""
        hits: list[int] = []
        for database in self._databases:
            database.scan(text, match_event_handler=_note, context=hits)
        return self._all if _TRY_ALL in hits else self._tried(hits)

    def _tried(self, numbers: Collection[int]) -> tuple[int, ...]:
        if not numbers:
            return self._always
        return tuple(sorted(frozenset(self._always).union(*map(self._rules.__getitem__, numbers))))


class _Wanted(NamedTuple):
    text: str
    number: int
    flags: int


def _compiled(wanted: Sequence[_Wanted]) -> list[Any]:
    """Compile literals, and expressions by themselves: together they take ten times as long."""
    expressions = [item for item in wanted if isinstance(item.text, Expression)]
    literals = [item for item in wanted if not isinstance(item.text, Expression)]
    return [_database(part) for part in (literals, expressions) if part]


def _database(wanted: Sequence[_Wanted]) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[item.text.encode() for item in wanted],
        ids=[item.number for item in wanted],
        elements=len(wanted),
        flags=[item.flags for item in wanted],
        literal=not isinstance(wanted[0].text, Expression),
    )
    return database


def _note(identifier: int, _start: int, _end: int, _flags: int, hits: Any) -> None:
    hits.append(identifier)


def _note_end(identifier: int, _start: int, end: int, _flags: int, found: Any) -> None:
    found.append((end, identifier))
