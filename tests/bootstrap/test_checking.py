"""What is wrong with what settings name is said by the name that the user gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from pipeline.bootstrap.checking import read_house
from pipeline.errors import ConfigurationError
from pipeline.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NEEDED: Final = {
    "subscription": "projects/test-project/subscriptions/fivewhys",
    "store": "sqlite:///store.db",
}
GONE: Final = {
    "rules": "gone: {}: no such file or folder of rules",
    "placeholders": "gone: {}: cannot be read: No such file or directory",
    "catalog": "gone: {}: cannot be read: No such file or directory",
    "suppressions": "gone: {}: cannot be read: No such file or directory",
    "repo": "{}: 'gone' is no folder",
    "investigators": "{}: 'gone' is no program that can be run; write where it is",
}
"""Settings that name something, and what is said where that is not there."""

AS_OPTION: Final = {key: f"--{key}" for key in GONE} | {"investigators": "--investigator"}


@pytest.fixture(autouse=True)
def _nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def wrong(file: str = "", /, **options: object) -> list[str]:
    """Return what is said to be wrong."""
    with pytest.raises(ConfigurationError) as caught:
        read_house(read_settings({**NEEDED, **options}, file))
    return str(caught.value).splitlines()


@pytest.mark.parametrize("key", [key for key in GONE if key != "rules"])
def test_what_an_option_names_is_said_by_the_option(key: str) -> None:
    """As it was given on the command line."""
    given = ("gone",) if key == "investigators" else "gone"
    assert wrong(**{key: given}) == [GONE[key].format(AS_OPTION[key])]


def test_folders_of_rules_are_said_by_the_option_each() -> None:
    """There may be several."""
    assert wrong(rules=("gone",)) == [GONE["rules"].format("--rules")]


def test_of_rules_and_placeholders_both_are_said() -> None:
    """Though the one are read by the other."""
    found = wrong(rules=("gone",), placeholders="gone")
    assert found == [GONE[key].format(AS_OPTION[key]) for key in ("rules", "placeholders")]


@pytest.mark.parametrize("key", GONE)
def test_what_a_variable_names_is_said_by_the_variable(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No option was given: to name one would send the user to a place that is not there."""
    monkeypatch.setenv(f"FIVEWHYS_{key.upper()}", "gone")
    assert wrong() == [GONE[key].format(f"FIVEWHYS_{key.upper()}")]


@pytest.mark.parametrize("key", GONE)
def test_what_the_file_names_is_said_by_its_line_and_key(key: str, tmp_path: Path) -> None:
    """The file may be long."""
    settings = tmp_path / "settings.yml"
    settings.write_text(f"receivers: 2\n{key}: gone\n", encoding="utf-8")
    assert wrong(str(settings)) == [GONE[key].format(f"{settings}:2: {key}")]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("nearby_logs", "maybe", "'maybe' is neither true nor false"),
        ("redact_emails", "maybe", "'maybe' is neither true nor false"),
        ("logging_api", "true", "the Logging API needs credentials: File {} was not found."),
        ("logging_filter", "x", "the Logging API needs credentials: File {} was not found."),
    ],
)
def test_what_others_read_is_said_where_it_stands(
    key: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the file, or in a variable, which wins."""
    gone = tmp_path / "gone.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(gone))
    settings = tmp_path / "settings.yml"
    settings.write_text(f"receivers: 2\n{key}: {value}\n", encoding="utf-8")
    assert wrong(str(settings)) == [f"{settings}:2: {key}: {said.format(gone)}"]
    monkeypatch.setenv(f"FIVEWHYS_{key.upper()}", value)
    assert wrong(str(settings)) == [f"FIVEWHYS_{key.upper()}: {said.format(gone)}"]


def github(tmp_path: Path, **said: str) -> Mapping[str, str]:
    """Return what is wrong with a tracker that the file names, by where."""
    settings = tmp_path / "settings.yml"
    lines = {"sinks": "github", "github_repository": "example/platform", **said}
    settings.write_text("".join(f"{key}: {text}\n" for key, text in lines.items()), "utf-8")
    found = (line.partition(": ") for line in wrong(str(settings)))
    return {where.replace(f"{settings}", "settings.yml"): text for where, _, text in found}


def test_what_is_said_nowhere_has_the_name_of_its_variable(tmp_path: Path) -> None:
    """Also what has no place in the file, and is not taken from there."""
    found = github(tmp_path, github_storm="1", github_token="[ghp_secret]")
    assert [*found] == [
        "settings.yml:4",
        "FIVEWHYS_GITHUB_TOKEN",
        "FIVEWHYS_MARKER_KEY",
        "settings.yml:3",
    ]
    assert found["settings.yml:3"].startswith("github_storm: ")
