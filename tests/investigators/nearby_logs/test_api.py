"""What stands around a first failure, as the Logging API has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from google.api_core.exceptions import PermissionDenied
from google.auth.exceptions import RefreshError
from google.cloud.logging_v2.types import LogEntry as ApiEntry

from pipeline.entry import parse_entry
from pipeline.investigators.nearby_logs import Export, LoggingApi, NearbyLogs
from pipeline.logquery import quoted
from pipeline.redaction import Redactor
from tests.fakes.logging_api import FakeLoggingApi
from tests.fakes.unwritable import UNWRITABLE, unwritable
from tests.investigators.nearby_logs.surroundings import (
    FAILURE,
    STORY,
    case_of,
    in_list,
    line,
    near,
    told,
)
from tests.support import SECOND

if TYPE_CHECKING:
    from pipeline.facts import Fact


ERRORS = [PermissionDenied("no"), RefreshError("no")]  # type: ignore[no-untyped-call]


def without_source(facts: list[Fact]) -> list[Fact]:
    """Return facts that do not say whether they are from an export or from the API."""
    return [
        replace(fact, text=fact.text.replace("the Logging API", "the export")) for fact in facts
    ]


def test_the_api_shows_what_an_export_shows() -> None:
    """The same facts come of the same entries."""
    found = told(case_of(FAILURE), LoggingApi(FakeLoggingApi(STORY)))
    assert without_source(found) == near(case_of(FAILURE), in_list(STORY))


def test_what_is_asked_is_bounded() -> None:
    """Four reads, of one project, each with a span of time and a size."""
    api = FakeLoggingApi(STORY)
    told(case_of(FAILURE), LoggingApi(api))
    assert len(api.asked) == 4
    for request in api.asked:
        assert request["resource_names"] == ["projects/demo"]
        assert request["filter"].startswith('timestamp>="2025-09-')
        assert 0 < request["page_size"] <= 100


def test_without_an_instance_the_revision_is_asked_for() -> None:
    """A service whose instances nobody names is looked up by its revision."""
    failure = line("broken", 100, "", severity="ERROR")
    found = told(case_of(failure), LoggingApi(FakeLoggingApi([line("working", 99, ""), failure])))
    assert [fact.kind for fact in found] == ["nearby_entry", "last_healthy"]
    nobody = line("broken", 100, "", severity="ERROR", resource={"type": "global"})
    assert told(case_of(nobody), LoggingApi(FakeLoggingApi([nobody]))) == []


@pytest.mark.parametrize("instance", ['i" OR insertId="x', "i\\", 'i\\" OR "', "(", "é", "a\nb"])
def test_what_an_entry_says_never_becomes_part_of_a_filter(instance: str) -> None:
    """Quotes and backslashes stay within the string; for what is no ASCII the revision counts."""
    failure = line("broken", 100, instance, severity="ERROR")
    story = [line("own", 99, instance), failure, line("of another", 98, "x")]
    api = FakeLoggingApi(story)
    found = told(case_of(failure), LoggingApi(api))
    texts = {fact.data["text"] for fact in found if fact.kind == "nearby_entry"}
    assert texts == {"own"}


def test_quoting() -> None:
    """A string of the query language escapes what would end it."""
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'


def test_what_is_no_project_is_not_asked_for() -> None:
    """The project stands in the name of the log; without one nobody is asked."""
    for name in ("log", "projects/A B/logs/x", "projects/../logs/x"):
        failure = line("broken", 100, severity="ERROR", logName=name)
        api = FakeLoggingApi([failure])
        assert told(case_of(failure), LoggingApi(api)) == []
        assert api.asked == []


def test_an_answer_of_empty_pages_comes_to_an_end() -> None:
    """So many pages are read; nothing is said to be absent then."""
    api = FakeLoggingApi([FAILURE, *(line(f"n{at}", at) for at in range(90))], empty=3)
    found = told(case_of(FAILURE), LoggingApi(api))
    assert "nothing_logged_before" not in {fact.kind for fact in found}
    assert found


def of_unknown_type() -> ApiEntry:
    """Return an entry with a payload of a type that nobody here knows."""
    made = ApiEntry(insert_id="odd")
    payload = ApiEntry.pb(made).proto_payload
    payload.type_url, payload.value = "type.googleapis.com/no.such.Type", b"x"
    return made


@pytest.mark.parametrize("kind", ["unknown type", *UNWRITABLE])
def test_an_entry_that_is_none_is_left_out(kind: str) -> None:
    """A payload that cannot be written as JSON costs that entry alone."""
    odd = unwritable(kind) if kind in UNWRITABLE else of_unknown_type()
    found = told(case_of(FAILURE), LoggingApi(FakeLoggingApi(STORY, odd=[odd])))
    assert len([fact for fact in found if fact.kind == "nearby_entry"]) == 7


@pytest.mark.parametrize("error", ERRORS)
def test_an_api_that_does_not_answer_is_said(error: Exception) -> None:
    """A refusal ends the asking, and is a suggestion."""
    api = FakeLoggingApi(STORY, fails=error)
    (fact,) = told(case_of(FAILURE), LoggingApi(api))
    assert (fact.kind, fact.suggested) == ("nearby_not_read", True)
    assert "the Logging API did not answer: " in fact.text
    assert len(api.asked) == 1


def test_only_so_many_are_asked_about() -> None:
    """What a minute allows is never used up: the others are told that they were left out."""
    cases = [case_of(line("broken", at * 90_000, severity="ERROR")) for at in range(14)]
    api = FakeLoggingApi([])
    found = NearbyLogs([LoggingApi(api)], Redactor().text).investigate(cases)
    assert len(api.asked) == 12
    assert all("12 of 14" in fact.text for facts in found.values() for fact in facts)


def test_the_export_is_looked_into_first() -> None:
    """The API is asked only about what no export holds."""
    api = FakeLoggingApi(STORY)
    found = told(case_of(FAILURE), Export([("file", in_list(STORY))]), LoggingApi(api))
    assert found
    assert api.asked == []
    assert told(case_of(FAILURE), Export([]), LoggingApi(api))
    assert api.asked


def test_the_story_is_a_minute_and_more() -> None:
    """What the other tests stand on."""
    assert STORY[-1].timestamp - STORY[0].timestamp == 500 * SECOND


def test_a_failure_at_the_end_of_time_does_no_harm() -> None:
    """A span that no filter can name is cut to what can be written."""
    (failure,) = parse_entry({**FAILURE.document, "timestamp": "9999-12-31T23:59:59Z"})
    (fact,) = told(case_of(failure), LoggingApi(FakeLoggingApi([failure])))
    assert fact.kind == "nothing_logged_before"
