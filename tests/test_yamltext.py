"""YAML with the line of every key."""

import pytest

from pipeline.errors import ConfigurationError
from pipeline.yamltext import parse

TEXT = """\
a: 1
b:
  - c: 2025-09-10T00:00:00Z
  - d
---
# nothing
---
e: &x {f: 1}
g: {<<: *x, h: 2}
"""


def messages(text: str) -> list[str]:
    """Return what is said about a text that is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "file.yml")
    return [str(mistake) for mistake in caught.value.mistakes]


def test_every_key_and_item_has_its_line() -> None:
    """Lines count from 1, over all documents of a file; empty documents are left out."""
    first, second = parse(TEXT, "file.yml")
    assert [first.line(path) for path in [("a",), ("b",), ("b", 0, "c"), ("b", 1)]] == [1, 2, 3, 4]
    assert second.place(("g", "h")) == "file.yml:9"


def test_what_is_not_known_is_placed_at_its_nearest_ancestor() -> None:
    """A missing key is shown where it should have stood."""
    first, _ = parse(TEXT, "file.yml")
    assert first.place(("b", 0, "z", "y")) == "file.yml:3"
    assert str(first.mistake("wrong", ("z",))) == "file.yml:1: wrong"


def test_time_stamps_stay_text_and_merges_work() -> None:
    """Values are those of the wire; `<<` merges."""
    first, second = parse(TEXT, "file.yml")
    assert first.value["b"][0]["c"] == "2025-09-10T00:00:00Z"
    assert second.value["g"] == {"f": 1, "h": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "file.yml:1: not valid YAML: expected ',' or ']'"),
        ("a: 1\na: 2", "file.yml:2: the key 'a' is written twice"),
        ("a: 1\nb: \x01", "file.yml:2: not valid YAML: U+0001 may not stand in it"),
        (
            "a:\n\tb: 1",
            "file.yml:2: not valid YAML: found character '\\t' that cannot start any tok",
        ),
        ("a: *b", "file.yml:1: not valid YAML: found undefined alias"),
        ("a: !!python/object:os.system x", "file.yml:1: not valid YAML: could not determine"),
        ("a: 1\nb: !!int x", "file.yml:2: 'x' is no int"),
        ("a: !!bool x", "file.yml:1: 'x' is no bool"),
        ("a: !!timestamp x", "file.yml:1: 'x' is no timestamp"),
        ("? [a]\n: 1", "file.yml:1: not valid YAML: found unhashable key"),
        ("a: !unknown [1]", "file.yml:1: not valid YAML: could not determine"),
        ("[" * 2000, "file.yml:1: nested too deeply"),
        ("a: &a [*a]", "file.yml:1: nested too deeply, or an alias stands within what it means"),
    ],
)
def test_what_is_no_yaml_is_said_with_its_line(text: str, message: str) -> None:
    """Broken text is one located mistake."""
    assert messages(text)[0].startswith(message)


@pytest.mark.parametrize("depth", [10, 160])
def test_deep_texts_are_read_like_shallow_ones(depth: int) -> None:
    """The loader for texts that may be deep gives the same values and lines as the fast one."""
    text = "a:\n  - b: " + "[" * depth + "x" + "]" * depth + "\n  - 2025-09-10T00:00:00Z\n"
    (document,) = parse("# [[[[ ]]]]\n" * 100 + text, "file.yml")
    value = document.value["a"][0]["b"]
    for _ in range(depth):
        (value,) = value
    assert value == "x"
    assert document.value["a"][1] == "2025-09-10T00:00:00Z"
    assert document.line(("a", 1)) == 103


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            "{a: 1, b: x, c: [null, 1.5, yes, 'no', 2025-09-10]}",
            {"a": 1, "b": "x", "c": [None, 1.5, True, "no", "2025-09-10"]},
        ),
        ("{2: a, true: b, null: c, 0x10: d}", {2: "a", True: "b", None: "c", 16: "d"}),
        ("a: !!str 1", {"a": "1"}),
        ("a: !!set {x, y}", {"a": {"x", "y"}}),
        ("{=: 1, b: 2}", {"=": 1, "b": 2}),
        ("[&x [1], *x]", [[1], [1]]),
        ("{<<: {a: 1}, b: 2}", {"a": 1, "b": 2}),
    ],
)
def test_values_are_those_of_a_safe_loader(text: str, value: object) -> None:
    """Plain documents, and those with tags, aliases and merges, mean what YAML says."""
    (document,) = parse(text, "file.yml")
    assert document.value == value


def test_aliases_cannot_expand_without_bound() -> None:
    """A few lines that expand to billions of values are refused quickly."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "expands to more than" in messages("\n".join(lines))[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [("- a\n" * 600_000, 1), ("a: 1\n---\n" + "b" * 2_000_001, 2), (" " * 10_000_000, 1)],
)
def test_a_huge_document_is_refused_before_it_fills_the_memory(text: str, line: int) -> None:
    """A file of many documents may be larger than one of them."""
    (message,) = messages(text)
    assert message.startswith(f"file.yml:{line}: has ")
    assert message.endswith("characters from here on; at most 2,000,000 are read")


def test_many_documents_may_be_larger_than_one() -> None:
    """As rules are, thousands in one file."""
    text = ("---\na: " + "x" * 999_000 + "\n") * 3
    assert len(parse(text, "file.yml")) == 3
