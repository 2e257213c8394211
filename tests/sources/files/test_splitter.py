"""The scanner that cuts JSON text into objects."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.files.splitter import Piece, Splitter
from pipeline.sources.files.streams import TOO_LARGE

LONG = "x" * 300


def split(text: str, size: int = 7, limit: int = 1000, *, inside: bool = False) -> list[Piece]:
    """Split text that comes in pieces of a few bytes."""
    splitter, data = Splitter(inside=inside, limit=limit), text.encode()
    pieces = [
        piece
        for start in range(0, len(data), size)
        for piece in splitter.feed(data[start : start + size])
    ]
    return [*pieces, *splitter.finish()]


def short(pieces: list[Piece]) -> list[tuple[int, str]]:
    """Return the line of each piece, and its text or what is wrong with it."""
    return [(piece.line, piece.wrong or piece.data.decode()) for piece in pieces]


CUT = "an object that does not end where the next one begins"
EARLY = "the text ends inside an object that began here"
STRAY = "text that is no JSON object"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "}{"}', [(1, '{"a": "}{"}')]),
        ('{"a": "\\"}"}\n{}', [(1, '{"a": "\\"}"}'), (2, "{}")]),
        ('[{"a": [1, {"b": 2}]},\n\n{}]', [(1, '{"a": [1, {"b": 2}]}'), (3, "{}")]),
        ('{"a": 1\n{"b": 2}', [(1, CUT), (2, '{"b": 2}')]),
        ('[{"a": 1,\n{"b": 2}]', [(1, CUT), (2, '{"b": 2}')]),
        ('{"a": [1, 2}\n{"b": 2}', [(1, CUT), (2, '{"b": 2}')]),
        ('[{"a": 1], [{"b": 2}]', [(1, CUT), (1, '{"b": 2}')]),
        ('{"a": "open\n}\n{}', [(1, '{"a": "open\n}'), (3, "{}")]),
        ('{"a": "open\\\n}\n{}', [(1, '{"a": "open\\\n}'), (3, "{}")]),
        ('{"a": [{"b": 1}, 5 {"c": 2}', [(1, CUT), (1, '{"c": 2}')]),
        ('{"a": {\n', [(1, EARLY)]),
        ("{} text {}", [(1, "{}"), (1, STRAY), (1, "{}")]),
        ('{}\n "text", 5', [(1, "{}"), (2, '"text"'), (2, STRAY)]),
        ('{}\n"open\n{}', [(1, "{}"), (2, STRAY), (3, "{}")]),
        ("]}{}]", [(1, "{}")]),
        ("", []),
    ],
)
def test_objects_are_found_whatever_stands_between(
    text: str, expected: list[tuple[int, str]]
) -> None:
    """Each with its line; a broken one ends at the latest where the next one begins."""
    assert short(split(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"entries": [{"a": [{}]},\n{}], "n": 5}', [(1, '{"a": [{}]}'), (2, "{}")]),
        ('{"by": {"ERROR": [{}], "INFO": ["x", {}]}}', [(1, "{}"), (1, "{}")]),
        ('{"a": {"b": {"c": 1}}}', []),
        ('{"entries": [{}, {"a": ', [(1, "{}"), (1, EARLY)]),
    ],
)
def test_a_wrapper_is_looked_into(text: str, expected: list[tuple[int, str]]) -> None:
    """The elements of its lists are what it holds; the rest of it is no record."""
    assert short(split(text, inside=True)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{"a": [{{}}, "{LONG}{LONG}", {{"b": 1}}]}}', [(1, "{}"), (1, '{"b": 1}')]),
        (f'{{"a": "{LONG}{LONG}"}}\n{{}}', [(1, TOO_LARGE), (2, "{}")]),
        (f'{{"a": {{"b": "{LONG}{LONG}"}}\n}}\n{{}}', [(1, TOO_LARGE), (3, "{}")]),
        (f'[\n{{"a": [\n{{"b": [\n"{LONG}{LONG}", {{}}]}}, {{}}]}}]', [(3, TOO_LARGE), (4, "{}")]),
        (f'["{LONG}{LONG}", "x",\n{{}}]', [(1, TOO_LARGE), (2, "{}")]),
        (f"{{}}\n{LONG}{LONG}{LONG}\n{{}}", [(1, "{}"), (2, TOO_LARGE), (3, "{}")]),
        (f'{{"a": "{LONG}{LONG}', [(1, TOO_LARGE)]),
        (f'{{"a": [{{"b": "{LONG}{LONG}', [(1, TOO_LARGE)]),
        (f'{{"a": [{LONG}{LONG}, {{}}]}}', [(1, "{}")]),
    ],
)  # fmt: skip
def test_what_is_too_large_is_looked_into_or_skipped(
    text: str, expected: list[tuple[int, str]]
) -> None:
    """An object beyond the limit must be a wrapper; what is too large in there is skipped."""
    assert short(split(text, limit=400)) == expected


@pytest.mark.parametrize("unit", ['{"a": "', "[", '{"a":', "x", '"', '"x",', "\\", "{}"])
def test_no_text_makes_the_scanner_slow_or_keep_more_than_its_limit(unit: str) -> None:
    """Whatever is repeated, the buffer stays within the limit and one piece."""
    splitter = Splitter(limit=1000)
    chunk = (unit * 1000).encode()[:1000]
    for _ in range(100):
        list(splitter.feed(chunk))
        assert len(splitter._buffer) <= 2001  # noqa: SLF001 - the bound is the promise
        assert len(splitter._around) <= 1000  # noqa: SLF001 - the bound is the promise


OBJECTS = st.lists(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=4), inner, max_size=3)
            ),
            max_leaves=6,
        ),
    ),
    max_size=5,
)


@given(
    OBJECTS,
    st.sampled_from([None, 0, 2]),
    st.sampled_from([("", ""), ("[", ","), ("", "\n"), ("[\n", ",\n"), ('{"x": [', ", ")]),
    st.integers(min_value=1, max_value=40),
    st.sampled_from(["ascii", "utf-8"]),
)
def test_every_layout_gives_its_objects_back(
    objects: list[object],
    indent: int | None,
    frame: tuple[str, str],
    size: int,
    encoding: str,
) -> None:
    """Any objects, indented or not, in an array or one after another, in pieces of any size."""
    start, between = frame
    end = {"{": "]}", "[": "]", "": ""}[start[:1]]
    dumped = [json.dumps(item, indent=indent, ensure_ascii=encoding == "ascii") for item in objects]
    pieces = split(start + between.join(dumped) + end, size, 10**6, inside=start.startswith("{"))
    assert [json.loads(piece.data) for piece in pieces] == objects
    assert not any(piece.wrong for piece in pieces)
