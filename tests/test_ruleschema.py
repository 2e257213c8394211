"""The JSON Schema of rule files."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pipeline.ruleschema import rule_schema
from pipeline.yamltext import parse

ROOT = Path(__file__).parents[1]
RULES = sorted(
    path for path in (ROOT / "rules").rglob("*.yml") if not path.name.endswith(".test.yml")
)
VALID: dict[str, Any] = {
    "title": "t",
    "logsource": {"product": "gcp"},
    "detection": {"seen": {"message": "x"}, "condition": "seen"},
    "audit": {"caused_by": [{"rule": "other", "within": "5m"}], "context": {"within": "1h"}},
}


def mistakes(document: object) -> list[str]:
    """Return the paths of what the schema finds wrong."""
    return [
        ".".join(map(str, error.absolute_path))
        for error in Draft202012Validator(rule_schema()).iter_errors(document)
    ]


def test_it_is_a_schema() -> None:
    """Editors refuse one that is not."""
    Draft202012Validator.check_schema(rule_schema())


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_rule_of_ours_keeps_to_it(path: Path) -> None:
    """What an editor underlines is what the loader refuses."""
    for document in parse(path.read_text(encoding="utf-8"), path.name):
        assert mistakes(document.value) == []


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("level", "urgent", "level"),
        ("title", 5, "title"),
        ("audit.titel", "x", "audit"),
        ("audit.caused_by.0.within", "soon", "audit.caused_by.0.within"),
        ("audit.captures", {"n": "number"}, "audit.captures.n"),
        ("detection", {"seen": {"message": "x"}}, "detection"),
        ("correlation", {"type": "temporal", "rules": ["a"], "timespan": "5m"}, ""),
        ("related", [{"type": "derived"}], "related.0"),
        ("scope", "server", "scope"),
    ],
)
def test_it_refuses_what_the_loader_refuses(path: str, value: object, place: str) -> None:
    """Wrong keys, types, words and spans, each where it stands."""
    document = copy.deepcopy(VALID)
    assert mistakes(document) == []
    *holders, last = path.split(".")
    target: Any = document
    for key in holders:
        target = target[int(key) if key.isdecimal() else key]
    target[last] = value
    assert mistakes(document) == [place]


CORRELATION: dict[str, Any] = {
    "title": "t",
    "correlation": {
        "type": "event_count",
        "rules": ["a"],
        "timespan": "5m",
        "condition": {"gte": 5},
    },
}


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"type": "temporal", "condition": "a and not b"}, []),
        ({"type": "value_sum", "condition": {"gt": 1.5, "lte": "9", "field": "x"}}, []),
        ({"aliases": {"ip": {"a": "source"}}, "group-by": "ip", "generate": True}, []),
        ({"type": "value_min"}, ["correlation.type"]),
        ({"window": "session"}, ["correlation"]),
        ({"condition": {"field": "x"}}, ["correlation.condition"]),
        ({"aliases": {"ip": "source"}}, ["correlation.aliases.ip"]),
    ],
)
def test_a_correlation_keeps_to_it(changes: dict[str, Any], places: list[str]) -> None:
    """Its types, bounds and keys are those of the loader."""
    assert mistakes({**CORRELATION, "correlation": CORRELATION["correlation"] | changes}) == places


FILTER: dict[str, Any] = {
    "title": "t",
    "logsource": {"product": "gcp"},
    "filter": {"rules": ["a"], "seen": {"message": "x"}, "condition": "not seen"},
}


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"filter": FILTER["filter"] | {"rules": "any"}}, []),
        ({"filter": FILTER["filter"] | {"rules": []}}, ["filter.rules"]),
        ({"filter": FILTER["filter"] | {"rules": 5}}, ["filter.rules"]),
        ({"filter": FILTER["filter"] | {"condition": ["a"]}}, ["filter.condition"]),
        ({"filter": {"rules": "any"}}, ["filter"]),
        ({"audit": {}}, [""]),
    ],
)
def test_it_knows_filters(changes: dict[str, Any], places: list[str]) -> None:
    """As the loader does."""
    assert mistakes(FILTER | changes) == places


def test_the_copy_beside_the_rules_is_the_same() -> None:
    """Editors read the file; after a change: `fivewhys rules schema > rules/schema.json`."""
    assert json.loads((ROOT / "rules/schema.json").read_text(encoding="utf-8")) == rule_schema()
