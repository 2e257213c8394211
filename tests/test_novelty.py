"""The self-audit counts trouble that no rule knows, in any order and however often it came."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import novelty
from pipeline.novelty import FEW, Example, Heard, Patterns, SelfAudit, Unknown, self_audit
from tests.support import BASE, entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.entry import LogEntry


def audited(*heard: tuple[LogEntry, bool], limit: int = 10) -> SelfAudit:
    """Audit entries, each with whether a rule matches it."""
    found, kept = Heard(), Patterns(limit)
    for one, known in heard:
        found.take(one, list, known=known)
    kept.add(found.examples)
    return self_audit(lambda: iter([found.rows]), len(found.rows) // 2, kept)


def test_the_commonest_patterns_come_first() -> None:
    """Each with an example, the earliest."""
    pages = [entry(f"page {n} closed", at=5 - n, key=f"p{n}") for n in range(3)]
    rest = entry("disk full", key="d"), entry("known", key="k")
    found = audited(*[(one, False) for one in (*pages, rest[0])], (rest[1], True))
    assert (found.heard, found.unmatched, found.patterns, found.is_complete) == (5, 4, 2, True)
    assert [(item.pattern, item.count) for item in found.commonest] == [
        ("page <num> closed", 3),
        ("disk full", 1),
    ]
    assert found.commonest[0].example.insert_id == "p2"


def test_entries_that_were_not_parsed_are_noted_together() -> None:
    """Whatever their order, the earliest is the example; texts and ids are redacted."""
    found = Heard()
    some = [Unknown(n, BASE + at, f"id-{n}", f"page {n} closed") for n, at in enumerate((2, 1, 3))]
    found.note(some, lambda texts: [text.replace("page", "leaf") for text in texts])
    digest = found.rows[1]
    assert found.rows.tolist() == [0, digest, 1, digest, 2, digest]
    assert found.examples == {
        digest: Example(BASE + 1, "id-1", "leaf <num> closed", "leaf 1 closed")
    }


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (entry("x", severity="WARNING"), True),
        (entry("x", severity="NOTICE"), False),
        (entry("x", severity=None), False),
        (entry("WARNING: x", severity=None), True),
        (entry("two\nlines", severity=None), False),
        (entry('Traceback (most recent call last):\n  File "a", line 1\nE', severity=None), True),
        (entry(severity="ERROR", jsonPayload={"code": 7}), True),
        (entry(severity="ERROR", protoPayload={"methodName": "v1.create"}), True),
    ],
)  # fmt: skip
def test_what_counts_as_trouble(one: LogEntry, *, counts: bool) -> None:
    """WARNING or worse, wherever the level stands, and tracebacks without a severity."""
    assert audited((one, False)).heard == counts


def test_what_has_no_words_is_told_by_what_it_has() -> None:
    """Its request, or its payload."""
    request = {"requestMethod": "GET", "requestUrl": "https://example.com/x", "status": 503}
    silent = [
        entry(key="a", httpRequest=request),
        entry(key="b", jsonPayload={"code": 7}),
        entry(key="c", protoPayload={"serviceName": "run", "methodName": "create"}),
    ]
    found = audited(*[(one, False) for one in silent])
    assert {item.pattern for item in found.commonest} == {
        "GET <url> <num>",
        "{<str>:<num>}",
        "run create",
    }


def test_long_texts_are_cut() -> None:
    """An example is for people."""
    (found,) = audited((entry("word " * 1000), False)).commonest
    assert len(found.example.text) == novelty.EXAMPLE_LIMIT
    assert len(found.pattern) <= 300


def pieces(rows: Sequence[tuple[int, int]], size: int = 2) -> Iterator[array[int]]:
    """Yield rows in pieces, as a spool does."""
    flat = array("q", [number for row in rows for number in row])
    yield from (flat[at : at + 2 * size] for at in range(0, len(flat), 2 * size))


def plainly(rows: Iterable[tuple[int, int]]) -> Counter[int]:
    """Count the lowest digest of each identity."""
    lowest: dict[int, int] = {}
    for identity, digest in rows:
        lowest[identity] = min(digest, lowest.get(identity, digest))
    return Counter(lowest.values())


ROWS = st.lists(st.tuples(st.integers(-5, 5) | st.integers(-(2**63), 2**63 - 1), st.integers(0, 4)))


@given(st.data())
def test_neither_order_nor_repetition_nor_number_changes_the_count(data: st.DataObject) -> None:
    """Few rows are counted by a dict, many by numpy, some at a time; both count each entry once."""
    rows = data.draw(ROWS.filter(bool))
    shuffled = data.draw(st.permutations(rows + rows[:2]))
    kept = Patterns()
    kept.add({digest: Example(0, "id", f"p{digest}", "") for digest in range(1, 5)})
    found = self_audit(lambda: pieces(rows), len(rows), kept)
    assert found == self_audit(lambda: pieces(shuffled), len(shuffled), kept)
    assert found == self_audit(lambda: pieces(shuffled), FEW + 1, kept)
    assert found == self_audit(lambda: pieces(shuffled), 3 * novelty.PARTED, kept)
    counts = plainly(rows)
    assert (found.heard, found.unmatched) == (counts.total(), counts.total() - counts[0])
    assert {item.pattern: item.count for item in found.commonest} == {
        f"p{digest}": count for digest, count in counts.items() if digest
    }


@given(st.permutations(range(50)), st.integers(1, 60))
def test_the_patterns_that_are_kept_do_not_depend_on_order(order: list[int], limit: int) -> None:
    """However many there are, no more than twice the limit are held."""
    kept = Patterns(limit)
    for digest in order:
        kept.add({digest: Example(0, "", str(digest), "")})
        assert len(kept._kept) <= 2 * limit  # noqa: SLF001 - that is what is bounded
    assert list(kept.kept()) == list(range(min(limit, 50)))
    assert kept.is_complete is (limit >= 50)
    assert not kept.kept() or kept.kept()[0].pattern == "0"


def test_of_copies_one_that_a_rule_matches_counts() -> None:
    """Whichever came first."""
    poor, rich = entry("odd", key="a"), entry("well known", key="a")
    for copies in ([(poor, False), (rich, True)], [(rich, True), (poor, False)]):
        found = audited(*copies)
        assert (found.heard, found.unmatched, found.commonest) == (1, 0, ())
