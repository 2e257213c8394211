"""JSON as people write it, cleaned of what no encoder accepts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import clean, decode_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            '{"a": NaN, "b": Infinity, "c": -Infinity}',
            {"a": "NaN", "b": "Infinity", "c": "-Infinity"},
        ),
        ('{"a": "x\\ud800y"}', {"a": "x\ufffdy"}),
        ('{"\\udfff": 1}', {"\ufffd": 1}),
        ('{"a": "line\none"}', {"a": "line\none"}),
        ("18446744073709551615", 2**64 - 1),
        ('{"a": NaN, "b": 18446744073709551616}', {"a": "NaN", "b": 2.0**64}),
        ("9" * 5000, "Infinity"),
        ("-" + "9" * 5000, "-Infinity"),
        ('{"a": NaN, "b": [true, null, 1.5, "é"]}', {"a": "NaN", "b": [True, None, 1.5, "é"]}),
    ],
)
def test_sloppy_json_is_read(text: str, value: object) -> None:
    """NaN, lone surrogates, raw control characters and huge numbers are normal input."""
    assert decode_json(text) == value
    assert decode_json(text.encode("utf-8", "surrogatepass")) == value


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    """A Latin-1 byte costs one character, not the record."""
    assert decode_json(b'{"a": "caf\xe9"}') == {"a": "caf\ufffd"}


@pytest.mark.parametrize("text", ["", "{", '{"a": "\\x"}', "{'a': 1}"])
def test_what_is_no_json_raises_with_the_reason(text: str) -> None:
    """Broken text, and text nested beyond reading, raise ValueError."""
    with pytest.raises(ValueError, match=r"."):
        decode_json(text)


@pytest.mark.parametrize("depth", [101, 900])
@pytest.mark.parametrize("encoding", ["bytes", "text"])
def test_what_lies_too_deep_is_left_out_and_says_so(depth: int, encoding: str) -> None:
    """Whoever walks a document later never meets more than a hundred levels."""
    text = '{"a":' * depth + "{}" + "}" * depth
    value: Any = decode_json(text.encode() if encoding == "bytes" else text)
    levels = 0
    while isinstance(value, dict):
        value = value["a"]
        levels += 1
    assert levels == 100
    assert value == "[left out: nested deeper than 100 levels]"


def test_what_is_nested_beyond_reading_raises() -> None:
    """A hundred thousand brackets are no entry, and no crash."""
    with pytest.raises(ValueError, match="nested too deeply"):
        decode_json("[" * 100_000)


def test_other_types_become_text() -> None:
    """Keys and values that JSON doesn't know are replaced by their text."""
    assert clean({1: (b"x",), None: {2}, "n": 10**400, "m": -(10**400)}) == {
        "1": ["b'x'"],
        "None": "{2}",
        "n": "Infinity",
        "m": "-Infinity",
    }


@given(JSON)
def test_cleaned_values_are_json_and_stay_as_they_are(value: object) -> None:
    """Cleaning gives strict JSON, and cleaning it again changes nothing."""
    cleaned = clean(value)
    json.dumps(cleaned, allow_nan=False).encode("utf-8")
    assert clean(cleaned) == cleaned
