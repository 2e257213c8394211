"""Who looks into incidents, as options and the environment say, and into which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.bootstrap.investigating import (
    Looking,
    Only,
    investigators,
    read_looking,
    split_commands,
)
from pipeline.catalog import Catalog
from pipeline.errors import ConfigurationError
from pipeline.facts import Fact
from pipeline.investigators.command import Command
from pipeline.investigators.health import Health
from pipeline.investigators.nearby_logs import NearbyLogs
from tests.fakes.investigator import Witness
from tests.investigators.support import case, incident

if TYPE_CHECKING:
    from pathlib import Path


def read(**changed: Any) -> Looking:
    """Read what options say, with nothing said but what is changed."""
    options: dict[str, Any] = {"repo": "", "logs": (), "probe": False, "commands": (), "only": ""}
    return read_looking(Catalog(), **(options | changed))


def kinds(looking: Looking) -> list[type]:
    """Return who would look."""
    return [type(one) for one in investigators(looking, Catalog(), str)]


def test_by_default_only_the_export_is_looked_into(tmp_path: Path) -> None:
    """Probes, programs and the Logging API have to be asked for."""
    export = tmp_path / "export.jsonl"
    export.write_text("{}\n")
    assert kinds(read(logs=[str(export)])) == [NearbyLogs]
    assert kinds(read()) == []


def test_options_and_environment_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an option allows a variable allows, too; the option counts first."""
    assert kinds(read(probe=True, commands=["cat -v"])) == [Health, Command]
    monkeypatch.setenv("FIVEWHYS_PROBE", "TRUE")
    monkeypatch.setenv("FIVEWHYS_INVESTIGATORS", "cat 'a b'\nls\n")
    assert read().commands == [["cat", "a b"], ["ls"]]
    assert kinds(read()) == [Health, Command, Command]
    assert read(commands=["sh"]).commands == [["sh"]]


def test_nearby_logs_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look at a large export costs something."""
    monkeypatch.setenv("FIVEWHYS_NEARBY_LOGS", "false")
    assert kinds(read(logs=["export.jsonl"])) == []


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with all other settings: it is as if it were not set."""
    usual = read(logs=["export.jsonl"])
    for name in ("FIVEWHYS_NEARBY_LOGS", "FIVEWHYS_LOGGING_API", "FIVEWHYS_PROBE"):
        monkeypatch.setenv(name, "")
    assert read(logs=["export.jsonl"]) == usual


def test_standard_input_is_not_read_twice() -> None:
    """It is said instead, as is whatever else is no file."""
    (nearby,) = investigators(read(logs=["-", "/dev/null"]), Catalog(), str)
    asked = case(incident())
    ((fact,),) = nearby.investigate([asked]).values()
    assert "standard input cannot be read twice; /dev/null cannot be read twice" in fact.text
    assert str(fact.data["open_question"]).startswith("What was logged around")


def test_every_mistake_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of options and of the environment at once."""
    for name in ("FIVEWHYS_PROBE", "FIVEWHYS_NEARBY_LOGS", "FIVEWHYS_LOGGING_API"):
        monkeypatch.setenv(name, "maybe")
    with pytest.raises(ConfigurationError) as caught:
        read(repo="gone", commands=["ask 'a", " "])
    with pytest.raises(ConfigurationError) as missing:
        read(repo="gone", commands=["no-such-program -v", "cat", "./gone", "PIN=4711 ./ask"])
    for part in (
        "--repo: 'gone' is no folder",
        "FIVEWHYS_PROBE: 'maybe' is neither true nor false",
        "FIVEWHYS_NEARBY_LOGS: 'maybe' is neither",
        "FIVEWHYS_LOGGING_API: 'maybe' is neither",
        '--investigator: "ask \'a" is no command: No closing quotation',
        "--investigator: a command is empty",
    ):
        assert part in str(caught.value)
    for name in ("no-such-program", "./gone", "PIN=..."):
        said = f"--investigator: {name!r} is no program that can be run; write where it is"
        assert said in str(missing.value).splitlines()
    assert "--repo: 'gone' is no folder" in str(missing.value)
    monkeypatch.setenv("FIVEWHYS_INVESTIGATORS", "'")
    with pytest.raises(ConfigurationError, match="FIVEWHYS_INVESTIGATORS: "):
        split_commands([])


def test_the_logging_api_needs_somebody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without credentials nobody is asked; that is said before anything is read."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    monkeypatch.setenv("FIVEWHYS_LOGGING_API", "true")
    with pytest.raises(ConfigurationError, match=r"FIVEWHYS_LOGGING_API: .* needs credentials"):
        investigators(read(), Catalog(), str)


def test_only_one_incident_is_looked_into() -> None:
    """Of many that a store brings back, the one that somebody asks about."""
    one, other = (case(incident("broken", service=name)) for name in ("backend", "auth"))
    fact = Fact("owner", "auth owns it", "auth.py:7")
    only = Only(other.incident.id, Witness("broken", [fact]))
    assert only.investigate([one, other]) == {other.incident.id: [fact]}
    assert only.investigate([one]) == {}
