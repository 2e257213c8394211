"""Our part of a text, and the people's: theirs stays byte for byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report import BODY_LIMIT
from pipeline.tracker.marker import Mark, Side
from pipeline.tracker.ownership import around, digest, joined, laid_out, parts_of, ticked
from tests.tracker.support import SIGNER

MARK = Mark(Side.BEGIN, "inc-a", issue=12)
TEXT = "## Problem\n\nIt failed.\n\n- [ ] look\n- [ ] mend"

around_us = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="`~<"))


@given(around_us, around_us)
def test_what_stands_around_our_part_stays_byte_for_byte(before: str, after: str) -> None:
    """However often our part is replaced."""
    text = joined(SIGNER, MARK, TEXT, f"{before}\n", f"\n{after}")
    for version in ("one", "two\n\n```\nthree\n```"):
        (part,) = parts_of(text, SIGNER)
        assert around(text, part) == (f"{before}\n", f"\n{after}")
        text = joined(SIGNER, MARK, version, *around(text, part))
        assert parts_of(text, SIGNER)[0].inside.strip() == version


def test_a_browser_changes_the_ends_of_lines() -> None:
    """Which is no edit, nor is ticking a box."""
    text = joined(SIGNER, MARK, TEXT, "theirs\n", "\n\ntheirs")
    (part,) = parts_of(text.replace("\n", "\r\n").replace("[ ] look", "[x] look"), SIGNER)
    assert not part.is_edited
    assert (part.before, part.after) == ("theirs\r\n", "\r\n\r\ntheirs")
    (part,) = parts_of(text.replace("It failed", "It did not fail"), SIGNER)
    assert part.is_edited


def test_where_the_end_is_lost_everything_stays() -> None:
    """Nobody can say where our part ended; the line of the marker itself goes."""
    text = joined(SIGNER, MARK, TEXT, "theirs\n", "\nmore of theirs")
    begin, end = (line for line in text.splitlines() if "fivewhys:v1" in line)
    (part,) = parts_of(text.replace(end, ""), SIGNER)
    assert (part.whole, part.is_edited, part.mark.issue) == (False, False, 12)
    assert around(text, part) == ("", f"\n\ntheirs\n{TEXT}\n\n\nmore of theirs")
    assert parts_of(text.replace(begin, ""), SIGNER) == ()


def test_an_end_that_is_left_over_ends_nothing() -> None:
    """Each end belongs to the text that it was written with."""
    old = joined(SIGNER, MARK, "old")
    left_over = old.splitlines()[-1]
    new = joined(SIGNER, MARK, "new", "", f"\n\ntheirs\n{left_over}")
    lost = new.replace(new.splitlines()[3], "")
    assert [part.whole for part in parts_of(lost, SIGNER)] == [False]
    assert [part.after for part in parts_of(new, SIGNER)] == [f"\n\ntheirs\n{left_over}"]


def test_of_two_the_first_whole_one_is_ours() -> None:
    """People doubled it, or moved it; the other is left as it is."""
    one, two = joined(SIGNER, MARK, "one"), joined(SIGNER, MARK, "two")
    half = one.splitlines()[0]
    (part,) = parts_of(f"{half}\n{one}\n{two}", SIGNER)
    assert (part.inside.strip(), part.before) == ("one", f"{half}\n")
    assert part.after == f"\n{two}"


def test_parts_of_several_incidents_are_told_apart() -> None:
    """And so are comments, by their keys."""
    other = joined(SIGNER, Mark(Side.BEGIN, "inc-b", "news"), "b")
    parts = parts_of(f"{joined(SIGNER, MARK, 'a')}\n{other}", SIGNER)
    assert [(part.mark.incident, part.mark.key) for part in parts] == [
        ("inc-a", ""),
        ("inc-b", "news"),
    ]


def test_a_new_part_goes_to_the_top_or_below() -> None:
    """Where nobody wrote anything it is all there is."""
    assert around(" \n", None) == ("", "")
    assert around("theirs", None) == ("", "\n\ntheirs")
    assert around("theirs", None, below=True) == ("theirs\n\n", "")


def test_what_is_too_long_goes_on_in_comments() -> None:
    """All within the limit, nothing lost, each chunk saying which it is."""
    lines = [f"- item {number} {'x' * 90}" for number in range(2_000)]
    theirs = "t" * 30_000
    layout = laid_out(SIGNER, MARK, "\n".join(lines), "", f"\n\n{theirs}")
    assert layout.body is not None
    assert len(layout.body) <= BODY_LIMIT
    assert layout.body.endswith(theirs)
    assert "it goes on in comments" in layout.body
    assert layout.overflow[0].startswith("*Part 2 of 4 of the report.*\n\n")
    assert all(len(text) < BODY_LIMIT for text in layout.overflow)
    said = "\n".join((layout.body, *layout.overflow))
    assert [line for line in said.splitlines() if line.startswith("- item")] == lines
    assert layout.of != layout.digest


def test_where_people_leave_little_room_our_part_is_a_notice() -> None:
    """And where they leave none, the body stays as it is."""
    text = "\n\n".join([TEXT] * 9)
    layout = laid_out(SIGNER, MARK, text, "", "t" * (BODY_LIMIT - 450))
    assert layout.body is not None
    assert "look" not in layout.body
    assert [one.count("look") for one in layout.overflow] == [9]
    full = laid_out(SIGNER, MARK, text, "", "t" * (BODY_LIMIT - 100))
    assert full.body is None
    assert [one.count("It failed.") for one in full.overflow] == [9]


def test_a_fence_that_nothing_closes_does_not_swallow_our_end() -> None:
    """A template may forget it."""
    layout = laid_out(SIGNER, MARK, "```\nraw", "", "")
    assert layout.body is not None
    assert [part.whole for part in parts_of(layout.body, SIGNER)] == [True]


def test_ticks_are_kept() -> None:
    """Of the same items, if people made them; what stands in a fence is no item."""
    old = "* [X] look\r\n- [x] look\n```\n- [x] mend\n```\n  - [x] deeper"
    new = "- [ ] look\n- [ ] mend\n  - [ ] deeper\n```\n- [ ] look\n```"
    told = "- [x] look\n- [ ] mend\n  - [x] deeper\n```\n- [ ] look\n```"
    assert ticked(new, [old]) == told
    assert digest(new) == digest(told)
    assert digest(new) != digest(new.replace("mend", "bend"))
