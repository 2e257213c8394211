"""Rows share a facet if they are alike to links, and are in order of time whenever told."""

from __future__ import annotations

from itertools import permutations

from msgspec import structs

from pipeline.correlation.keys import FIRST, LAST
from pipeline.correlation.rows import AT_ONCE, Rows
from tests.support import BASE, SECOND, detection


def _rows(*values: object) -> Rows:
    rows = Rows({"rule": ("value",)})
    for at, value in enumerate(values):
        item = structs.replace(detection("rule", at=at, value=value), fingerprint="same")
        rows.tell(item.key, item.richness, [item])
    rows.settle()
    return rows


def test_what_is_alike_shares_a_facet() -> None:
    """Also when something else was told in between."""
    rows = _rows("a", "a", "b", "a", ["c"], ["c"], None, None)
    assert [[*facet.rows] for facet in rows.by_fingerprint["same"]] == [
        [0, 1, 3],
        [2],
        [4, 5],
        [6, 7],
    ]


def test_what_is_only_equal_does_not() -> None:
    """One, true and 1.0 are equal to Python and three things to links, whichever comes first."""
    for values in permutations((1, True, 1.0, "1")):
        assert len(_rows(*values).by_fingerprint["same"]) == len(values)


def test_what_comes_after_the_rows_were_settled_is_put_in_order() -> None:
    """Later, earlier, in between, and what was taken back before it was ever settled."""
    rows = Rows({"rule": ()})
    found = [
        structs.replace(detection("rule", at=at), fingerprint="same") for at in (5, 7, 6, 1, 9, 8)
    ]
    for index, item in enumerate(found):
        rows.tell(item.key, item.richness, [item])
        if index % 2:
            rows.settle()
    rows.tell(found[0].key, (2, 1, 1, ""), [])
    rows.settle()
    (facet,) = rows.by_fingerprint["same"]
    assert [*facet.rows] == [3, 2, 1, 5, 4]
    assert [*facet.times] == [rows.times[row] for row in facet.rows]


def test_what_waits_to_become_rows_is_there_whenever_it_is_looked_at() -> None:
    """Also when there is enough of it in between, and when some of it is taken back."""
    rows = Rows({"rule": ()})
    found = [detection("rule", at=at) for at in range(2 * AT_ONCE + 2)]
    for item in found:
        rows.tell(item.key, item.richness, [item])
        assert [one.key for one in rows.told(hash(item.key)) or ()] == [item.key]
    rows.tell(found[-1].key, (2, 1, 1, ""), [])
    assert [one.key for one in rows.detections()] == [item.key for item in found[:-1]]
    assert len(rows) == len(found)


def test_they_become_rows_together() -> None:
    """Nobody has to look."""
    rows = Rows({"rule": ()})
    for at in range(AT_ONCE + 1):
        item = detection("rule", at=at)
        rows.tell(item.key, item.richness, [item])
    assert len(rows.times) == AT_ONCE


def test_a_time_that_does_not_fit_is_the_last_or_first_that_does() -> None:
    """Whatever an entry claims, all others are told as they are."""
    rows, ages = Rows({"rule": ()}), 2 * 10**10
    for at in (-ages, 0, ages):
        item = detection("rule", at=at)
        rows.tell(item.key, item.richness, [item])
    rows.settle()
    assert [*rows.times] == [FIRST, BASE, LAST]


def test_a_detection_is_as_rich_as_the_copy_it_is_told_of() -> None:
    """A traceback that was joined of lines tells more than the line whose key it has."""
    rows, found = Rows({"rule": ()}), detection("rule")
    rows.tell(found.key, (9, 9, 9, "digest"), [found])
    assert [item.richness for item in rows.detections()] == [(9, 9, 9, "digest")]


def test_what_was_taken_back_stays_so_while_it_may_matter() -> None:
    """A poorer copy that comes later shows nothing."""
    rows = Rows({"rule": ()})
    old, new = detection("rule", at=0), detection("rule", at=100)
    for item in (old, new):
        rows.tell(item.key, item.richness, [item])
        rows.tell(item.key, (2, 1, 1, ""), [])
    rows = rows.only((), BASE + 50 * SECOND, {})
    for item in (old, new):
        rows.tell(item.key, item.richness, [item])
    assert [item.key for item in rows.detections()] == [old.key]
