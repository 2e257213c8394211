"""What every investigator holds to (`ports.Investigator`), whatever the incidents are."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from pipeline.catalog import Catalog, load_catalog
from pipeline.facts import Fact
from pipeline.investigators.command import Command
from pipeline.investigators.health import Health, Patience
from pipeline.investigators.nearby_logs import Export, LoggingApi, NearbyLogs
from pipeline.investigators.source_code import SourceCode
from pipeline.investigators.source_code.history import Repository
from pipeline.redaction import Redactor
from tests.fakes.investigator import Witness
from tests.fakes.logging_api import FakeLoggingApi
from tests.fakes.source import ListSource
from tests.investigators.nearby_logs.surroundings import FAILURE, STORY, case_of, line
from tests.investigators.support import Project, case, incident

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.ports import Case, Investigator

HOSTILE = "\x00\ufffd'\"`${jndi:x}{{ 7 * 7 }} ../../etc/passwd \x1b[31m; rm -rf / #" + "a" * 5_000
CATALOG = (
    "services:\n  backend:\n    health: http://127.0.0.1:1/\n"
    "    tables: {own: [users]}\n    depends_on: [auth]\n"
    "  auth: {health: 'http://[fe80::1]/', tables: {own: [sessions]}}\n"
)


def _source_code(folder: Path) -> Investigator:
    project = Project(folder / "project")
    project.commit("Begin", {"app.py": "import os\n", "broken.py": b"\xff\x00def"})
    return SourceCode({"": Repository(project.root)}, _catalog())


def _nearby_logs(_: Path) -> Investigator:
    api = LoggingApi(FakeLoggingApi(STORY))
    return NearbyLogs([Export([("file", ListSource(STORY))], ["standard input"]), api], _redact)


def _health(_: Path) -> Investigator:
    return Health(_catalog(), lambda: 0, _redact, Patience(0.2, 0.2, 0.5))


def _command(folder: Path) -> Investigator:
    program = folder / "ask.py"
    program.write_text(
        "import json, sys\n"
        "asked = json.load(sys.stdin)\n"
        "print(json.dumps({'facts': [{'kind': 'seen', 'text': asked['incident']['id']}]}))\n"
    )
    return Command([sys.executable, str(program)], {}, _redact)


def _witness(_: Path) -> Investigator:
    return Witness("broken", [Fact("known", "it is known", "here")])


def _redact(text: str) -> str:
    return Redactor().text(text)


def _catalog() -> Catalog:
    return load_catalog(CATALOG, "catalog.yml")


MAKERS = (_source_code, _nearby_logs, _health, _command, _witness)


@pytest.fixture(name="investigator", params=MAKERS, ids=lambda make: make.__name__.strip("_"))
def _investigator(request: pytest.FixtureRequest, tmp_path: Path) -> Investigator:
    make: Callable[[Path], Investigator] = request.param
    return make(tmp_path)


def _hostile_cases() -> list[Case]:
    """Return incidents whose fields hold what nobody expects there."""
    fields: list[dict[str, Any]] = [
        {"table": HOSTILE, "module": HOSTILE, "name": HOSTILE, "upstream": HOSTILE},
        {"tables": [HOSTILE, 5, None, []], "variable": 7, "file": ["a"], "line": -1},
        {"module": "..", "name": "", "upstream": "auth", "tables": ["users", "sessions"]},
    ]
    found = [incident(f"broken{at}", **values) for at, values in enumerate(fields)]
    found.append(incident("nowhere", service=HOSTILE))
    odd = [_with_sample(one, log_name=HOSTILE, insert_id=HOSTILE, timestamp=-1) for one in found]
    return [case(one, commit=HOSTILE) for one in [*found, *odd]]


def _with_sample(found: Any, **changed: Any) -> Any:
    """Return an incident with an odd first sample, under another id."""
    samples = tuple(structs.replace(one, **changed) for one in found.root.samples)
    root = replace(found.root, samples=samples)
    return replace(found, id=f"{found.id}-odd", root=root, symptoms=(root,))


def test_no_cases_are_no_facts(investigator: Investigator) -> None:
    """Where nothing happened nothing is established."""
    assert dict(investigator.investigate([])) == {}


def test_nothing_is_raised_and_nobody_else_is_spoken_of(investigator: Investigator) -> None:
    """Whatever an incident holds: facts come for the cases given and for no other."""
    cases = [case_of(FAILURE), case_of(line("broken", 3, service="other")), *_hostile_cases()]
    found = investigator.investigate(cases)
    assert set(found) <= {one.incident.id for one in cases}


def test_a_fact_says_what_and_where_from(investigator: Investigator) -> None:
    """Every fact has a kind, a text and a reference, and a link only to the web."""
    cases = [case_of(FAILURE), *_hostile_cases()]
    found = [fact for facts in investigator.investigate(cases).values() for fact in facts]
    assert found
    for fact in found:
        assert fact.kind.replace("_", "").isalnum()
        assert fact.text.strip()
        assert fact.ref.strip()
        assert fact.url == "" or fact.url.startswith("https://")
        assert all(isinstance(key, str) for key in fact.data)


def test_the_same_question_has_the_same_answer(investigator: Investigator) -> None:
    """Neither asking again nor the order of the cases changes what is established."""
    cases = [case_of(FAILURE), *_hostile_cases()[:4]]
    first = _timeless(investigator.investigate(cases))
    assert _timeless(investigator.investigate(cases)) == first
    assert _timeless(investigator.investigate(cases[::-1])) == first


def _timeless(found: Any) -> dict[str, list[Fact]]:
    """Return facts without how long something took."""
    return {
        key: [replace(one, data={**one.data, "ms": 0}) for one in facts]
        for key, facts in found.items()
    }
