"""Dotted paths into an entry."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry, path_segments

LABEL = "run.googleapis.com/base_image"


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        ({"severity": "INFO"}, "severity", ("INFO",)),
        ({"a": {"b": {"c": 0}}}, "a.b.c", (0,)),
        ({"labels": {LABEL: "x"}}, f"labels.{LABEL}", ("x",)),
        ({"labels": {LABEL: "x"}}, f'labels."{LABEL}"', ("x",)),
        ({"labels": {LABEL: {"y": 1}}}, f"labels.{LABEL}.y", (1,)),
        ({"labels": {'say "hi"': "x"}}, 'labels.say "hi"', ("x",)),
        ({"labels": {'say "hi"': "x"}}, r'labels."say \"hi\""', ("x",)),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", (2, 1)),
        ({"a.b": 1, "a": {"b": 2}}, '"a.b"', (1,)),
        ({"a": {"b.c": 1}}, 'a."b".c', ()),
        ({"a": {"b.c": 1}}, 'a.b."c"', ()),
        ({"a": [{"b": 1}, {"b": [2, 3]}, {"c": 4}, 5]}, "a.b", (1, 2, 3)),
        ({"a": ["x", None, ["y"]]}, "a", ("x", "y")),
        ({"a": {"b": None}}, "a.b", ()),
        ({"a": {"b": 1}}, "a", ({"b": 1},)),
        ({"a": 1}, "a.b", ()),
        ({"a": 1}, "", ()),
        ({"": 1}, "", (1,)),
    ],
)
def test_all_values_at_a_path_are_found(
    document: dict[str, Any], path: str, expected: tuple[object, ...]
) -> None:
    """Keys with dots or quotes are found, lists are walked, a null is a missing value."""
    assert LogEntry(document).lookup(path) == expected


@given(st.lists(st.text(), min_size=1, max_size=5), st.integers())
def test_quoting_finds_any_key(keys: list[str], leaf: int) -> None:
    """A path of quoted keys leads to the value, whatever the keys contain."""
    document: Any = leaf
    for key in reversed(keys):
        document = {key: document}
    escaped = (key.replace("\\", "\\\\").replace('"', '\\"') for key in keys)
    path = ".".join(f'"{key}"' for key in escaped)
    assert [segment.text for segment in path_segments(path)] == keys
    assert LogEntry(document).lookup(path) == (leaf,)


def test_lists_of_any_depth_are_walked() -> None:
    """Nesting beyond Python's own limit for calls is walked as well."""
    nested: Any = "x"
    for _ in range(5000):
        nested = [nested]
    assert LogEntry({"a": nested}).lookup("a") == ("x",)
