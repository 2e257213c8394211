"""The example export: it is what its generator writes, and it tells the story of its README."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parent.parent / "examples"
EXPORT = EXAMPLES / "staging-2025-09-10.jsonl"
PLACEHOLDER = {"type": "str", "message": "Missing field", "severity": "ERROR"}

Entry = dict[str, Any]
Identity = tuple[str, str, str]


def identity(entry: Entry) -> Identity:
    """Return what makes two records the same entry."""
    return entry["logName"], entry["timestamp"], entry["insertId"]


def text_of(entry: Entry) -> str:
    """Return what an entry says, "" if nothing."""
    text: str = entry.get("textPayload") or entry.get("jsonPayload", {}).get("message", "")
    return text


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """Lines of the committed export."""
    return EXPORT.read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def entries(lines: list[str]) -> list[Entry]:
    """Entries of the committed export."""
    return [json.loads(line) for line in lines]


def saying(entries: list[Entry], words: str) -> Iterator[Entry]:
    """Yield the entries, each once, whose text has these words."""
    unique = {identity(entry): entry for entry in entries if words in text_of(entry)}
    yield from unique.values()


def test_the_committed_export_is_what_the_generator_writes(lines: list[str]) -> None:
    """`python examples/make_export.py` gives the committed file, to the byte."""
    generator = runpy.run_path(str(EXAMPLES / "make_export.py"))
    assert generator["export_lines"]() == lines


def test_it_holds_about_two_thousand_entries_of_four_services(entries: list[Entry]) -> None:
    """Its size and its services are what the README says."""
    services = {entry["resource"]["labels"]["service_name"] for entry in entries}
    assert 1_900 <= len(entries) <= 2_100
    assert services == {
        "netra-analytics-service",
        "netra-auth-service",
        "netra-backend-staging",
        "netra-frontend-staging",
    }


def test_it_lies_within_two_hours(entries: list[Entry]) -> None:
    """It begins at half past eleven and ends at half past one, UTC."""
    times = [entry["timestamp"] for entry in entries]
    assert min(times).startswith("2025-09-09T23:30:")
    assert max(times) < "2025-09-10T01:30:00"


def test_twenty_records_are_duplicates_and_one_of_them_lost_its_payload(
    entries: list[Entry],
) -> None:
    """A reader that folds duplicates has to keep the richer copy, which comes second."""
    copies = Counter(map(identity, entries))
    assert len({entry["insertId"] for entry in entries}) == len(copies)
    assert len(entries) - len(copies) == 20
    payloads = ("textPayload", "jsonPayload", "protoPayload", "httpRequest")
    (poorer,) = [e for e in entries if not any(name in e for name in payloads)]
    assert [text_of(e) for e in entries if identity(e) == identity(poorer)] == [
        "",
        "✗ Missing critical user tables: ['user_sessions']",
    ]


def test_it_is_out_of_order_in_parts(entries: list[Entry]) -> None:
    """Neither oldest nor newest first."""
    times = [entry["timestamp"] for entry in entries]
    assert times != sorted(times)
    assert times != sorted(times, reverse=True)


def test_the_new_revision_fails_on_every_start(entries: list[Entry]) -> None:
    """Nine instances report the missing table, in structured and in plain lines."""
    failed = list(saying(entries, "✗ Missing critical user tables: ['user_sessions']"))
    instances = {entry["labels"]["instanceId"] for entry in failed}
    revisions = {entry["resource"]["labels"]["revision_name"] for entry in failed}
    assert len(instances) == len(failed) == 9
    assert revisions == {"netra-backend-staging-00042-kel"}
    assert {"jsonPayload" in entry for entry in failed} == {True, False}
    assert min(entry["timestamp"] for entry in failed).startswith("2025-09-10T00:33:54.")


@pytest.mark.parametrize(
    ("words", "second"),
    [
        ("Context impl PostgresqlImpl.", "00:33:51"),
        ("Will assume transactional DDL.", "00:33:51"),
        ("Step 3: Migrations completed", "00:33:51"),
        ("✗ Golden path validation failed: Users cannot log in without proper auth", "00:33:54"),
        ("✗ Service dependency validation FAILED - 0 services failed", "00:33:54"),
        ("⚠️ Extra tables in database not defined in models: \n   {'auth_users'", "00:33:54"),
        ("Startup validation: BYPASSED (BYPASS_STARTUP_VALIDATION=true)", "00:33:54"),
        ("Critical failures: 1", "00:33:54"),
        ("Business impact: Chat functionality threatened", "00:33:54"),
    ],
)
def test_the_first_incident_follows_the_deployment(
    entries: list[Entry], words: str, second: str
) -> None:
    """The migrations complete in one second, the checks fail three seconds later."""
    times = {entry["timestamp"][11:19] for entry in saying(entries, words)}
    assert second in times


def test_the_audit_log_has_the_deployment(entries: list[Entry]) -> None:
    """The service was replaced shortly before the new revision started."""
    method = "google.cloud.run.v1.Services.ReplaceService"
    (audit,) = {
        entry["timestamp"]
        for entry in entries
        if entry.get("protoPayload", {}).get("methodName") == method
    }
    assert "2025-09-10T00:33:00" < audit < "2025-09-10T00:33:48"


def test_the_second_incident_ends_requests_with_503(entries: list[Entry]) -> None:
    """Each wait that ran out belongs, by its trace, to a request that failed, and no other did."""
    waits = {entry["trace"] for entry in saying(entries, "QueuePool limit of size 5 overflow 10 r")}
    failed = {
        entry["trace"] for entry in entries if entry.get("httpRequest", {}).get("status") == 503
    }
    assert waits == failed
    assert len(waits) > 10
    assert any("Traceback (most recent call last):\n" in text_of(entry) for entry in entries)


def test_it_has_what_a_careless_reader_stumbles_over(entries: list[Entry]) -> None:
    """Levels in the text only, quoted errors, placeholders, mail addresses, a made-up token."""
    assert any("severity" not in entry and " - WARNING - " in text_of(entry) for entry in entries)
    assert any(entry.get("jsonPayload", {}).get("error") == PLACEHOLDER for entry in entries)
    assert any(
        entry.get("severity") == "INFO" and "Missing critical user tables" in text_of(entry)
        for entry in entries
    )
    assert any("user@example.com" in text_of(entry) for entry in entries)
    assert any("Bearer fake-bearer-token" in text_of(entry) for entry in entries)
