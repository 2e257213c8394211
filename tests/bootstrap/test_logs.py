"""Replaying what the Logging API holds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from pipeline.bootstrap.logs import read_logging
from pipeline.bootstrap.replaying import ReplayOptions, replay
from pipeline.bootstrap.settled import settled
from pipeline.cli import app
from pipeline.entry import LogEntry, format_timestamp
from pipeline.sources.files import FileSource
from pipeline.sources.logging_api import LoggingSource, Query, ReadSettings
from tests.fakes.logging_server import FakeLogging, served
from tests.support import BASE, SECOND, entry

if TYPE_CHECKING:
    from pipeline.document import IncidentDocument
    from pipeline.ports import Source
    from pipeline.result import Result

EXPORT = Path(__file__).parents[2] / "examples" / "staging-2025-09-10.jsonl"


def replayed(source: Source | None = None) -> Result:
    """Replay the example, or another source."""
    with replay(ReplayOptions([str(EXPORT)], sinks=(), jobs=1)) as (run, export):
        return run.run(source or export)


def test_the_api_comes_to_what_an_export_comes_to() -> None:
    """The same incidents with the same counts; a copy of an entry is not answered twice."""
    entries = [one for one in FileSource([str(EXPORT)]).read() if isinstance(one, LogEntry)]
    distinct = {one.key: one for one in sorted(entries, key=lambda one: one.richness)}
    query = Query(("projects/demo",), "", BASE - 86_400 * SECOND, BASE + 86_400 * SECOND)
    with served(FakeLogging([*distinct.values()])) as client:
        found = replayed(LoggingSource(client, query, ReadSettings(size=100, every=0)))
    usual = replayed()
    assert found.entries.read == found.entries.accepted == usual.entries.accepted == len(distinct)
    assert [_told(one) for one in found.document().incidents] == [
        _told(one) for one in usual.document().incidents
    ]


@pytest.mark.parametrize("until", [BASE + 8 * SECOND, None])
def test_what_is_read_is_what_was_asked_for(until: int | None) -> None:
    """By the filter, of that project, since then and until then, or until now."""
    api = FakeLogging([entry("down", at=at, key=f"k{at}") for at in range(10)])
    wanted = 'insertId="k2" OR insertId="k5" OR insertId="k9"'
    begun = time.time_ns()
    with served(api) as client:
        found = read_logging(wanted, "demo", BASE + 3 * SECOND, until, client)
        keys = [one.insert_id for batch in found.batches() for one in batch
                if isinstance(one, LogEntry)]  # fmt: skip
    (asked,) = api.asked
    assert keys == (["k5"] if until else ["k5", "k9"])
    assert asked.resource_names == ["projects/demo"]
    since, end = asked.filter.split(" AND ")[:2]
    assert since == f'timestamp>="{format_timestamp(BASE + 3 * SECOND)}"'
    if until is None:
        assert end >= f'timestamp<"{format_timestamp(begun)}"'


def _told(incident: IncidentDocument) -> object:
    return incident.id, [(one.title, one.count) for one in incident.symptoms]


def test_what_is_asked_of_the_api_is_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before anything is read: whose logs, since when, and who asks."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    found = CliRunner().invoke(app, ["replay", "--from-logging", "severity>=ERROR"])
    assert found.exit_code == 2
    for part in (
        "--project: name the project whose logs are read",
        "--since: --from-logging needs it",
        "--from-logging: the Logging API needs credentials",
    ):
        assert part in found.output


def test_a_time_that_cannot_be_read_is_told_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is not missing, too."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    options = ["--from-logging", "a", "--project", "p", "--since", "nope", "--until", "6h"]
    found = CliRunner().invoke(app, ["replay", *options])
    assert found.exit_code == 2
    assert "--since: 'nope' is neither a time" in found.output
    assert found.output.count("--since: ") == 1


def test_a_filter_that_is_no_utf_8_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And so is a project: nobody could be asked with it."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    options = ["--from-logging", "sev\udcff", "--project", "p\udcff", "--since", "6h"]
    found = CliRunner().invoke(app, ["replay", *options])
    assert found.exit_code == 2
    assert "--from-logging: it is not UTF-8 text" in found.output
    assert "--project: it is not UTF-8 text" in found.output


@pytest.mark.parametrize("written", ["environment", "file"])
def test_whose_logs_are_read_may_be_a_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str
) -> None:
    """That of `run`, for which it fills gaps; what is said on the command line goes before it."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "the-machines")
    usual = ReplayOptions([], from_logging="")
    assert settled(usual).project == "the-machines"
    if written == "file":
        (tmp_path / "settings.yml").write_text("logging_project: folders/1\n", encoding="utf-8")
        monkeypatch.setenv("FIVEWHYS_SETTINGS", str(tmp_path / "settings.yml"))
    else:
        monkeypatch.setenv("FIVEWHYS_LOGGING_PROJECT", "folders/1")
    assert settled(usual).project == "folders/1"
    assert settled(ReplayOptions([], from_logging="", project="mine")).project == "mine"


def test_a_run_reads_files_or_the_api() -> None:
    """Not both: nobody could tell from where an entry was."""
    found = CliRunner().invoke(app, ["replay", str(EXPORT), "--from-logging", ""])
    assert found.exit_code == 2
    assert "name a SOURCE or --from-logging" in found.output
