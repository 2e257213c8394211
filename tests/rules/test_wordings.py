"""Each wording of a rule is shown by an entry beside it, and has a source to be looked up."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.entry import format_timestamp, parse_entry
from pipeline.matching import compile_rule
from pipeline.ruletest import BASE
from pipeline.yamltext import parse
from tests.rules.showing import RULES, cases_of
from tests.rules.wordings import alternatives, plain, wordings_of

if TYPE_CHECKING:
    from pipeline.entry import LogEntry

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATED = re.compile(
    rf"\b\d+\.\d|\bv\d+\b|\b[0-9a-f]{{7,40}}\b|\brfc ?\d{{3,}}\b|\b(?:{_MONTHS}) 20\d\d\b",
    re.IGNORECASE,
)
_HOME = re.compile(r"https?://[^/\s]+/?")
_APPLICATION = "no library's"


@cache
def documents(name: str) -> tuple[dict[str, Any], ...]:
    """Return what the file of a rule holds."""
    return tuple(item.value for item in parse(RULES[name].read_text(encoding="utf-8"), name))


def entries_of(name: str) -> list[LogEntry]:
    """Return the entries beside a rule that it matches or ignores."""
    tests = cases_of(name)
    return [one for case in (*tests.matches, *tests.ignores) for one in _read(case.entry)]


def leveled(name: str) -> list[LogEntry]:
    """Return those it matches, as each level would have them: a level is shown by a copy."""
    found = [case.entry for case in cases_of(name).matches]
    levels = (
        "DEFAULT",
        "DEBUG",
        "INFO",
        "NOTICE",
        "WARNING",
        "ERROR",
        "CRITICAL",
        "ALERT",
        "EMERGENCY",
    )
    return [
        one for entry in found for level in levels for one in _read({**entry, "severity": level})
    ]


def _read(entry: dict[str, Any]) -> list[LogEntry]:
    return parse_entry({"timestamp": format_timestamp(BASE), **entry})


def unshown(name: str) -> list[str]:
    """Return the wordings of a rule that can be taken out and none of its entries tells."""
    (document, *_) = documents(name)
    match, written, made = compile_rule(plain(document)), entries_of(name), leveled(name)
    seen = {id(entry): match(entry) for entry in (*written, *made)}
    missed = []
    for wording in wordings_of(document, names=True):
        changed = compile_rule(wording.rule)
        entries = made if wording.field == "severity" else written
        if all(changed(entry) == seen[id(entry)] for entry in entries):
            missed.append(wording.text)
    return missed


DETECTIONS = [name for name in RULES if "detection" in documents(name)[0]]


@pytest.mark.parametrize("name", DETECTIONS)
def test_every_wording_of_a_rule_is_shown_by_an_entry(name: str) -> None:
    """A copy without it misses an entry, or one without it in a filter matches a near miss."""
    assert unshown(name) == []


def unsourced(name: str) -> list[str]:
    """Return what is wrong with the references of a rule."""
    found = []
    for document in documents(name):
        references = [str(one) for one in document["references"]]
        found += [f"a home page: {one}" for one in references if _HOME.fullmatch(one)]
        if len(references) != len(set(references)):
            found.append("a reference stands there twice")
        if not any(_DATED.search(one) or _APPLICATION in one for one in references):
            found.append("no reference has a version, a commit or the month in which it was read")
    return found


@pytest.mark.parametrize("name", RULES)
def test_a_rule_says_which_version_of_its_source_was_read(name: str) -> None:
    """A page without a version changes; `read in November 2026` says what it was then."""
    assert unsourced(name) == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("refused|reset", ["refused", "reset"]),
        (r"(?i:\b(?:refused|reset)\b)", ["refused", "reset"]),
        ("failed: (?:no route|not a name|reset)", ["no route", "not a name"]),
        ("failed(?: at once| later on)?", []),
        (r"a [()|]{3,} b|\(x|yes\)", ["yes\\)"]),
        (
            "(?P<why>timed out (?:at once|too late))|gone",
            ["(?P<why>timed out (?:at once|too late))", "gone", "at once", "too late"],
        ),
    ],
)
def test_the_wordings_of_an_expression(expression: str, expected: list[str]) -> None:
    """Whole alternatives that have a word, parts that have two, nothing in what may be missing."""
    found = dict(alternatives(expression))
    assert list(found) == expected
    assert all(len(rest) == len(expression) - len(one) - 1 for one, rest in found.items())


def test_names_are_wordings_where_they_are_asked_for() -> None:
    """Each alternative with a letter, of a part as of the whole; what may be missing is none."""
    expression = r"no (?:right|[Rr]ole \w+|\d|\w{3})(?: of (?:a|b))?: (?:a|42)"
    found = dict(alternatives(expression, names=True))
    assert list(found) == ["right", r"[Rr]ole \w+", "a"]
    assert list(alternatives(expression)) == []


def test_a_wording_that_no_entry_shows_is_found() -> None:
    """Of two values only one is shown; of a filter none."""
    document = {
        "title": "x",
        "name": "x",
        "id": "d0a4dbc8-8ab8-4ff1-93cc-63b9a5ab9a4e",
        "logsource": {"product": "gcp"},
        "level": "low",
        "detection": {
            "reported": {
                "message|contains": ["oven cold", "oven gone"],
                "textPayload|exists": True,
            },
            "quoted": {"severity": ["INFO"]},
            "condition": "reported and not quoted",
        },
    }
    (entry,) = _read({"textPayload": "oven cold"})
    (quoted,) = _read({"textPayload": "oven cold", "severity": "INFO"})
    assert compile_rule(plain(document))(entry) == {}
    assert compile_rule(plain(document))(quoted) is None
    assert {
        (item.field, item.text.rpartition(" ")[2], compile_rule(item.rule)(entry) is None)
        for item in wordings_of(document)
    } == {("message", "cold", True), ("message", "gone", False), ("severity", "INFO", False)}
    (level,) = [item for item in wordings_of(document) if item.field == "severity"]
    assert compile_rule(level.rule)(quoted) == {}
