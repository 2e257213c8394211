"""What an entry must contain for a rule to match."""

import re

import pytest

from pipeline.literals import literals_of
from pipeline.wording import Expression
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
        ("(?:No module|cannot import) named", {"no module named", "cannot import named"}),
        ("(?i:Golden) path", {"golden path"}),
        (
            r"session[ _](?:maker|factory)\b gone",
            {f"session{a}{b} gone" for a in " _" for b in ("maker", "factory")},
        ),
        ("sessions?(?:(?:abcd)+)? gone", {"session"}),
        ("was (?:not )?found", {"was found", "was not found"}),
        ("[abcd][abcde]efghi", {f"{letter}efghi" for letter in "abcde"}),
        ("[a-c]efgh", {"efgh"}),
        ("[abcd][abcd]efgh[ij]", {f"{a}efgh{b}" for a in "abcd" for b in "ij"}),
        (r"(?P<kind>redis(?:\+[a-z]{1,9})?)://", {"redis:", "redis+"}),
        (r'authorization["]{0,2}[:=] bearer [a-z]', {": bearer ", "= bearer "}),
        ("(?:a b |c d |e )?gone(?: by|)", {"gone"}),
        (r"(?:ab|c\d)efgh", {"efgh"}),
        (r"(?:ab|c(?:d|e)+)efgh", {"efgh"}),
        (r"(?:abcdef)+x", {"abcdef"}),
        (r"(?:abcdef){2,3}", {"abcdef"}),
        (r"(?:abcdef)*long enough", {"long enough"}),
        (r"(?:abcdef)?", None),
        (r"(?:abcdef|\d+)", None),
        (r"relation \x22[^\x22]+\x22 does", {"relation "}),
        (r"gone(?:(?: for(\d)) good)? and away", {"gone and away", " good and away"}),
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
        ("  a: {x: 'abcd'}\n  b: {y|lt: 3}\n  condition: a or b", None),
        ("  a: {x|endswith: .gserviceaccount.com, y: abcde}\n  condition: a", {"abcde"}),
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


@pytest.mark.parametrize(
    ("detection", "written", "not_written"),
    [
        ("{httpRequest.status|gte: 500}", ["500", "599", "1000"], ["499", "99"]),
        ("{httpRequest.status|gt: 499}", ["500"], ["499"]),
        ("{httpRequest.status: 503}", ["503"], ["403", "500"]),
        ("{httpRequest.status: [500, 503]}", ["500", "503"], ["200"]),
        ("{a.status|gte: 7}", ["7", "9", "10"], ["6", "0"]),
    ],
)
def test_a_number_is_found_behind_the_name_of_its_field(
    detection: str, written: list[str], not_written: list[str]
) -> None:
    """As digits, as text, with white space and zeros, in a list, and in JSON inside JSON."""
    found = literals(f"  a: {detection}\n  condition: a")
    assert found is not None
    assert all(type(text) is Expression for text in found)
    shapes = ('"status":%s', '"Status" : "%s"', r"\"status\":\n %s", '"status":" +00%s"')
    for shape in shapes:
        assert all(_holds(found, shape % number) for number in written)
        assert not any(_holds(found, f"{{{shape % number}, x}}") for number in not_written)
    assert _holds(found, '"status":[1]')
    assert _holds(found, '"status":5.03e2')
    assert not _holds(found, '"status":"error 503"')


@pytest.mark.parametrize(
    ("expression", "written", "not_written"),
    [
        ("^(?:[5-9]|[1-9][0-9]{1,5})s$", ["5s", "9", "12.5s", "3600s"], ["4.9s", "0.95s", "1.25s"]),
        ("^[1-9][0-9]", ["12.5s"], ["9s", "0.12s"]),
        ("^7+x", ["7s"], ["6s"]),
        ("^40[34]", ["403", "404"], ["4", "14"]),
        ("^(?P<whole>[1-9])", ["9.5s"], ["0.5s"]),
    ],
)
def test_digits_that_begin_a_value_are_found_behind_the_name_of_its_field(
    expression: str, written: list[str], not_written: list[str]
) -> None:
    """As text, as a number, in a list, and in JSON inside JSON."""
    found = literals(f"  a: {{httpRequest.latency|re: '{expression}'}}\n  condition: a")
    assert found is not None
    assert all(type(text) is Expression for text in found)
    for shape in ('"latency":"%s"', '"Latency" : "%s"', r"\"latency\":\n \"%s\""):
        assert all(_holds(found, shape % text) for text in written)
        assert not any(_holds(found, shape % text) for text in not_written)
    assert _holds(found, '"latency":["1s"]')
    assert _holds(found, '"latency":1.25e1')


@pytest.mark.parametrize(
    "expression",
    [
        "[5-9]s",
        "^s[5-9]",
        "^[a-f5]",
        r"^\d",
        "^(?:[5-9]|s)",
        "^[5-9]*s",
        "(?m)^[5-9]",
        r"^\pL[5-9]",
        "^",
        "^" + 60 * "(" + "5" + 60 * ")",
    ],
)
def test_other_expressions_of_a_field_are_not(expression: str) -> None:
    """Then the rule is tried on every entry."""
    assert literals(f"  a: {{httpRequest.latency|re: '{expression}'}}\n  condition: a") is None


def test_flags_and_made_fields_tell_no_digits() -> None:
    """The one may mean other lines, the others stand in no text."""
    assert literals("  a: {x.y|re|m: '^[5-9]'}\n  condition: a") is None
    assert literals("  a: {labels.y|re: '^[5-9]'}\n  condition: a") is None
    assert literals("  a: {severity|re: '^[5-9]'}\n  condition: a") is None


def _holds(expressions: set[str], text: str) -> bool:
    return any(re.search(expression, text, re.IGNORECASE) for expression in expressions)


@pytest.mark.parametrize(
    "detection",
    [
        "{httpRequest.status|lt: 500}",
        "{httpRequest.status|gte: 0}",
        "{httpRequest.status|gte: -1}",
        "{httpRequest.status: 0}",
        "{httpRequest.status: 1.5}",
        "{message|gte: 500}",
        "{severity|gte: 500}",
        "{labels.status|gte: 500}",
        "{gcp.audit.num_response_items|gte: 500}",
        "{timestamp|hour|gte: 5}",
        "{'labels.\"a/b\"|gte': 500}",
    ],
)
def test_a_number_that_may_be_written_anyhow_has_no_literal(detection: str) -> None:
    """Limits that zero meets, and fields whose name need not stand before the value."""
    assert literals(f"  a: {detection}\n  condition: a") is None


def test_the_name_of_an_api_tells_little() -> None:
    """It stands in the log name of all that the API logs."""
    api, method = "x: run.googleapis.com", "y|endswith: Jobs.DeleteJob"
    assert literals(f"  a: {{{api}, {method}}}\n  condition: a") == {"jobs.deletejob"}


def test_a_text_tells_more_than_a_number() -> None:
    """Of both, the text is looked for; words in camel case may be written in snake case."""
    both = "  a: {x: 'abcd', httpRequest.status: 503}\n  condition: a"
    assert literals(both) == {"abcd"}
    camel = literals("  a: {a.retryCount|gt: 2}\n  condition: a")
    assert camel is not None
    assert _holds(camel, '"retry_count": 3')


@pytest.mark.parametrize(("begin", "end"), [("(?:abcd|", ")"), ("(?:abcd", ")+"), ("(?:a", ")?")])
def test_of_what_is_nested_deeply_nothing_is_known(begin: str, end: str) -> None:
    """RE2 takes a thousand levels; whoever looks for literals gives up before, and says so."""
    assert expression(450 * begin + "hello" + 450 * end) is None
