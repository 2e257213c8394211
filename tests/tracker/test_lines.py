"""Markdown by its lines: fences, and where a text is parted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.tracker.lines import chunks, closed, lines_of

LIMIT = 200

lines = st.lists(
    st.sampled_from(
        [
            "", "text", "```", "```py", "~~~", "````", "- [ ] a", "<!-- a", "b -->\n",
            "<details>\n", "</details>\n", "<!-- c -->\n", "x" * 90,
            "`" * 60, "x" * 500, "\r", "``` a`b",
        ]
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


def fenced(text: str) -> list[str]:
    """Return the lines that stand in fences."""
    return [line.text for line in lines_of(text) if line.fenced]


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("a\n```\nb\n```\nc", ["```", "b", "```"]),
        ("```a\r\nb\r\n```\r\nc", ["```a", "b", "```"]),
        ("~~~\n```\n~~~\nc", ["~~~", "```", "~~~"]),
        ("````\n```\n````\nc", ["````", "```", "````"]),
        ("```\nb", ["```", "b"]),
        ("```\n``` c\n```\nd", ["```", "``` c", "```"]),
        ("``` a`b\nc", []),
        ("    ```\nc", []),
        ("<details>\n\n```\nb\n```\n</details>", ["```", "b", "```"]),
        ("<!--\n```\n-->\nb", []),
    ],
)
def test_fences_are_those_of_commonmark(text: str, inside: list[str]) -> None:
    """Opened and closed by the same characters, and not within a comment."""
    assert fenced(text) == inside


@given(lines)
def test_lines_are_where_they_say(texts: list[str]) -> None:
    """All of a text, nothing twice."""
    text = "\n".join(texts)
    found = [*lines_of(text)]
    assert [line.text for line in found] == [one.removesuffix("\r") for one in text.split("\n")]
    assert all(text[line.start :].startswith(line.text) for line in found)


@given(lines, st.integers(-5, LIMIT))
def test_no_chunk_is_too_long_nor_leaves_a_fence_open(texts: list[str], first: int) -> None:
    """However little room there is for the first."""
    parted = chunks("\n".join(texts), first, LIMIT)
    assert len(parted[0]) <= max(0, first)
    assert all(len(chunk) <= LIMIT for chunk in parted)
    for chunk in parted:
        for token in MarkdownIt().parse(chunk):
            if token.type == "fence" and token.map and len(parted) > 1:
                assert chunk.split("\n")[token.map[1] - 1].lstrip().startswith(token.markup)


@given(lines)
def test_what_is_closed_leaves_no_fence_open(texts: list[str]) -> None:
    """So that what stands behind it is not part of it."""
    text = closed("\n".join(texts))
    *_, last = lines_of(f"{text}\nbehind")
    assert not last.fenced
    assert closed(text) == text


@given(lines)
def test_nothing_is_lost(texts: list[str]) -> None:
    """Each word is in one of the chunks, in order."""
    parted = "\n".join(chunks("\n".join(texts), LIMIT, LIMIT))
    assert parted.count("text") - parted.count("```text") >= texts.count("text")
    assert parted.count("x") >= "".join(texts).count("x")


def test_a_text_is_parted_between_blocks() -> None:
    """Comments, details and fences stay together as long as they fit."""
    comment = "<!-- a\n\n" + "b" * 100 + "\n-->"
    fence = "```\n" + "c\n\n" * 40 + "```"
    assert chunks(f"{comment}\n{fence}\n\nd", 150, LIMIT) == [comment, f"{fence}\n\nd"]


def test_a_long_fence_becomes_several() -> None:
    """A line that is too long by itself is cut in there, where it says no more than it says."""
    parted = chunks("```text\n" + "a" * 300 + "\n\n```\nb", 100, LIMIT)
    assert parted[0] == ""
    assert [chunk.startswith("```text\na") for chunk in parted[1:]] == [True, True]
    assert parted[-1].endswith("\n\n```\nb")


def test_what_cannot_be_parted_is_shown_as_text() -> None:
    """A comment that was cut in two would show the rest of what it hides."""
    parted = chunks("<!--\n" + "a\n" * 200 + "-->", LIMIT, LIMIT)
    assert all(
        chunk.startswith("```text\n") and chunk.endswith("\n```") for chunk in parted if chunk
    )
    lines_only = chunks("a\n" * 200, LIMIT, LIMIT)
    assert "\n".join(lines_only) == ("a\n" * 200).strip()


def test_a_fence_that_nobody_would_write_is_written_with_a_plain_one() -> None:
    """Its backticks, of which there are too many, are shown as apostrophes."""
    marks = "`" * 90
    parted = chunks(f"{marks}\n{marks[1:]}\n" + "a\n" * 100 + marks, LIMIT, LIMIT)
    assert parted[0].startswith("```\n" + "'" * 89)
