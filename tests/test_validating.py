"""What is wrong with a file of the user's is said in plain words, with file and line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import load_catalog
from pipeline.errors import ConfigurationError
from pipeline.placeholders import load_placeholders
from pipeline.rule import load_ruleset
from pipeline.ruletest import run_tests
from pipeline.suppressions import load_suppressions
from pipeline.whys import load_whys
from tests.support import detector, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Callable

RULES = ruleset(rule_text("a"))
DETECTOR = detector(RULES)

LOADERS: dict[str, Callable[[str], object]] = {
    "c.yml": lambda text: load_catalog(text, "c.yml"),
    "p.yml": lambda text: load_placeholders(text, "p.yml"),
    "r.yml": lambda text: load_ruleset([("r.yml", text)]),
    "s.yml": lambda text: load_suppressions(text, "s.yml"),
    "a.test.yml": lambda text: run_tests(RULES, DETECTOR, [("a.test.yml", text)]),
    "w.yml": lambda text: load_whys([("w.yml", text)]),
}
"""Each kind of file that users write, by a name for one."""

RIGHT: dict[str, Any] = {
    "c.yml": {
        "services": {
            "a": {"match": {"service": ["b"]}, "tables": {"own": ["t"]}, "owners": ["@x"]},
        },
        "resources": {"d": {"kind": "k", "match": {"text": ["5432"]}}},
        "bookkeeping_tables": ["v"],
    },
    "p.yml": {"admins": ["root", "adm_*"], "host": "db"},
    "r.yml": {
        "title": "t",
        "name": "a",
        "logsource": {"product": "gcp"},
        "detection": {"seen": {"message": "x"}, "condition": "seen"},
        "audit": {
            "entity": ["service"],
            "title": "x",
            "captures": {},
            "user_visible": True,
            "caused_by": [{"rule": "a", "same": ["service"], "within": "10m", "one_trace": True}],
            "state": {"line": "x"},
        },
    },
    "s.yml": {
        "suppressions": [
            {"match": {"rule": "a"}, "owner": "b", "reason": "c", "until": {"date": "2025-10-01"}}
        ]
    },
    "a.test.yml": {
        "matches": [{"name": "m", "entry": {"textPayload": "a"}, "captures": {}}],
        "timelines": [
            {
                "name": "t",
                "catalog": {},
                "steps": [{"at": "+1s", "entry": {"textPayload": "a"}}],
                "expect_incidents": [{"root": "a", "symptoms": ["a"], "context": []}],
            }
        ],
    },
    "w.yml": {
        "name": "w",
        "whys": [
            {
                "question": "q",
                "when": [{"fact": "f", "where": {"a": 1}}, "g"],
                "answers": [{"claim": "c", "when": ["g"], "answer": "x", "cites": ["g"]}],
                "unknown": "u",
                "settle": "s",
            }
        ],
        "next_steps": [{"when": ["f"], "text": "x"}],
    },
}
"""A right document of each."""

PYDANTIC = re.compile(
    r"Input|should|valid (?:dict|str|tuple|bool)|instance|Keys|_File|_Model|Value error"
    r"|Audit|Edge|Guard|RuleTests|Case|Timeline|Template|Error\b|unicode string"
)
"""What only we and pydantic know."""


def mistakes(name: str, text: str) -> list[str]:
    """Return what is wrong with a file, nothing if it is right."""
    try:
        LOADERS[name](text)
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


def bomb() -> str:
    """Write a few lines that mean a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(lines)


BROKEN = {
    "a list": ("- a\n- b", 1),
    "a text": ("\njust text", 2),
    "a number": ("7", 1),
    "a key twice": ("a: x\na: y", 2),
    "a tab": ("a:\n\tb: c", 2),
    "a control character": ("a: b\nc: \x00", 2),
    "half a character": ('"\\ud800": "\\ud800"', 1),
    "10 MB": ("- a\n" * 2_500_000, 1),
    "an alias bomb": (bomb(), 1),
    "an alias in itself": ("a: &a [*a]", 1),
    "a set": ("!!set {a, b}", 1),
    "bytes": ("!!binary aGVsbG8=", 1),
    "a number for a key": ("1: a", 1),
    "an object": ("a: !!python/object:os.system x", 1),
}


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("case", BROKEN)
def test_every_kind_of_file_says_what_is_wrong_and_where(name: str, case: str) -> None:
    """Each line names file and line, none a phrase that only we know."""
    text, line = BROKEN[case]
    found = mistakes(name, text)
    assert found
    assert [one for one in found if not one.startswith(f"{name}:")] == []
    assert found[0].startswith(f"{name}:{line}: ")
    assert [one for one in found if PYDANTIC.search(one)] == []


@pytest.mark.parametrize("name", LOADERS)
def test_every_kind_of_file_may_be_empty(name: str) -> None:
    """It says nothing then."""
    assert mistakes(name, "") == mistakes(name, "# nothing\n") == []


@pytest.mark.parametrize("name", LOADERS)
def test_the_right_documents_here_are_right(name: str) -> None:
    """So that what is found below was put there."""
    assert mistakes(name, yaml.safe_dump(RIGHT[name])) == []


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "x", [], [[]], {}, {"x": 1}, {1: 2}, [None], b"x", {"x"}]),
)


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, str]:
    """Put some value into some place of a right document, or add a key there."""
    name = draw(st.sampled_from(sorted(LOADERS)))
    document = yaml.safe_load(yaml.safe_dump(RIGHT[name]))
    holder: Any = {"whole": document}
    key: Any = "whole"
    while isinstance(holder[key], dict | list) and holder[key] and draw(st.integers(0, 4)):
        holder = holder[key]
        keys = [*holder, "unheard_of", 7] if isinstance(holder, dict) else range(len(holder))
        key = draw(st.sampled_from(list(keys)))
        if isinstance(holder, dict):
            holder.setdefault(key, None)
    whole = {"whole": document} if key == "whole" else None
    holder[key] = draw(VALUES)
    return name, yaml.dump(holder["whole"] if whole else document, allow_unicode=True)


@given(changed())
def test_a_wrong_value_anywhere_is_said_in_plain_words(case: tuple[str, str]) -> None:
    """Whatever stands wherever: file, line, and no phrase that only we know."""
    name, text = case
    for line in mistakes(name, text):
        assert re.match(rf"{re.escape(name)}:\d+: \S", line)
        assert not PYDANTIC.search(line)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("c.yml", "a: 1\n---\nb: 2", "c.yml:3: a second document begins here, which nobody reads"),
        ("s.yml", "suppressions: []\n---\n- a", "s.yml:3: a second document begins here"),
        ("s.yml", "suppressions: 7", "s.yml:1: suppressions: wanted is a list, `- value` on a li"),
        ("s.yml", "[]", "s.yml:1: wanted is a mapping with keys of suppressions"),
        (
            "c.yml",
            "services:\n  a:\n    tables:\n      owns: [t]",
            "c.yml:4: unknown key 'services.a.tables.owns'; known here: database, own",
        ),
        (
            "c.yml",
            "services:\n  tables:\n    name: x",
            "c.yml:3: unknown key 'services.tables.name'; known here: match, repository, path, c",
        ),
        (
            "c.yml",
            "services:\n  a:\n    depends_on: [b, 7]",
            "c.yml:3: services.a.depends_on.1: wanted is a text, not 7; put it in quotes",
        ),
        (
            "c.yml",
            "services:\n  a:\n    path:",
            "c.yml:3: services.a.path: wanted is a text, and there is nothing",
        ),
        (
            "c.yml",
            "services:\n  1: {}",
            "c.yml:2: the key 1 is no text; put it in quotes",
        ),
        (
            "a.test.yml",
            "timelines:\n- name: x\n  steps: []\n  expect_incidents:\n  - {root: a}",
            "a.test.yml:5: the key 'timelines.0.expect_incidents.0.symptoms' is missing",
        ),
        (
            "w.yml",
            "name: w\nwhys: [{question: q, unknown: u, settle: s, when: [{facts: f}]}]",
            "w.yml:2: unknown key 'whys.0.when.0.facts'; known here: fact, where",
        ),
        (
            "w.yml",
            "name: w\nwhys: [{question: q, unknown: u, settle: s, when: [{fact: f, x: 1}]}]",
            "w.yml:2: unknown key 'whys.0.when.0.x'; known here: fact, where",
        ),
    ],
)
def test_a_message_says_what_is_wanted(name: str, text: str, expected: str) -> None:
    """And what is there instead."""
    assert any(one.startswith(expected) for one in mistakes(name, text)), mistakes(name, text)
