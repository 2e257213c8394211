"""The settings that say where issues go."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap import routing as module
from pipeline.bootstrap.routing import read_routing, read_similar, read_storms
from pipeline.errors import ConfigurationError
from pipeline.lifecycle import DAY, HOUR
from pipeline.tracker.routing import RoutingSettings
from pipeline.tracker.similar import SimilarSettings
from pipeline.tracker.storming import StormSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    Set = Callable[..., None]

HERE = "example/platform"
ROOT = Path(__file__).parents[2]
SETTINGS = set(re.findall(r"_PREFIX}(\w+)", Path(module.__file__).read_text(encoding="utf-8")))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Return what sets variables of the reporter, by the rest of their names."""

    def put(**values: str) -> None:
        for name, text in values.items():
            monkeypatch.setenv(f"FIVEWHYS_GITHUB_{name}", text)

    return put


def routing() -> RoutingSettings:
    """Read them."""
    return read_routing(HERE)


def test_nothing_has_to_be_set(said: Set) -> None:
    """Nor does what is blank say anything."""
    default = RoutingSettings(repository=HERE)
    assert (routing(), read_similar()) == (default, SimilarSettings())
    said(TITLE=" ", REPOSITORIES="", ALLOWED_LABELS=" ", SIMILAR="", SIMILAR_CLOSED="", ADOPT=" ")
    assert (routing(), read_similar()) == (default, SimilarSettings())


def test_lists_are_parted_by_commas_or_stand_one_a_line(said: Set) -> None:
    """A comma within a template is part of it."""
    said(
        LABELS="{{ priority }}, {{ {'P1': 'urgent'}.get(priority, 'calm') }},a,,b",
        ALLOWED_LABELS="P?,\nteam, other\n",
        REPOSITORIES="example/auth , example/shop,",
    )
    found = routing()
    assert found.labels == (
        "{{ priority }}",
        "{{ {'P1': 'urgent'}.get(priority, 'calm') }}",
        "a",
        "b",
    )
    assert found.allowed == ("P?,", "team, other")
    assert found.repositories == {"example/auth", "example/shop"}


def test_an_empty_list_of_labels_is_none(said: Set) -> None:
    """Beside ours, that is."""
    said(LABELS="")
    assert routing().labels == ()


def test_what_is_set_counts(said: Set) -> None:
    """Each of them."""
    said(TITLE="{{ title }}", MILESTONE="M", TYPE="Bug", ASSIGN="false", MENTION_TEAMS="True")
    found = routing()
    assert (found.title, found.milestone, found.type) == ("{{ title }}", "M", "Bug")
    assert (found.assigns, found.mentions) == (False, True)


def test_all_mistakes_are_said_at_once(said: Set) -> None:
    """By the names of the variables."""
    said(
        TITLE="{{ owner }}",
        LABELS="{{",
        MILESTONE="{% if %}",
        TYPE="{{ x }}",
        REPOSITORIES="platform",
        ASSIGN="perhaps",
        MENTION_TEAMS="2",
    )
    with pytest.raises(ConfigurationError) as caught:
        routing()
    found = [one.file for one in caught.value.mistakes]
    names = ("ASSIGN", "MENTION_TEAMS", "REPOSITORIES", "TITLE", "MILESTONE", "TYPE", "LABELS")
    assert found == [f"FIVEWHYS_GITHUB_{name}" for name in names]


@pytest.mark.parametrize(
    ("similar", "adopt", "expected"),
    [
        ("90", "true", (90, True, 0, True)),
        ("90 %", "false", (90, False, 0, True)),
        ("false", "true", (101, True, 0, True)),
        ("False", "FALSE", (101, False, 0, False)),
        ("", "95", (85, True, 95, True)),
    ],
)
def test_how_alike_issues_are_to_be(
    said: Set, similar: str, adopt: str, expected: tuple[int, bool, int, bool]
) -> None:
    """To be linked, and to be gone on in; with neither nothing is compared."""
    said(SIMILAR=similar, ADOPT=adopt, SIMILAR_CLOSED="3d")
    found = read_similar()
    assert (found.link_from, found.adopts, found.adopt_from, found.compares) == expected
    assert found.closed_within == 3 * DAY


@pytest.mark.parametrize("wrong", ["49", "101", "-60", "much", "²"])
def test_what_is_no_score_is_a_mistake(said: Set, wrong: str) -> None:
    """Nor is a span."""
    said(SIMILAR=wrong, ADOPT=wrong, SIMILAR_CLOSED=wrong)
    with pytest.raises(ConfigurationError) as caught:
        read_similar()
    found = [one.file for one in caught.value.mistakes]
    names = ("SIMILAR", "SIMILAR_CLOSED", "ADOPT")
    assert found == [f"FIVEWHYS_GITHUB_{name}" for name in names]
    assert "a number from 50 to 100, or false" in str(caught.value)


def test_what_a_storm_is(said: Set) -> None:
    """Or that there is none."""
    assert read_storms() == StormSettings()
    said(STORM="5", STORM_WITHIN="1h")
    assert read_storms() == StormSettings(5, HOUR)
    said(STORM="False")
    assert read_storms().least == 0


@pytest.mark.parametrize("wrong", ["1", "0", "-5", "many", "10001", "³"])
def test_what_is_no_storm_is_a_mistake(said: Set, wrong: str) -> None:
    """Nor is a span."""
    said(STORM=wrong, STORM_WITHIN="soon")
    with pytest.raises(ConfigurationError) as caught:
        read_storms()
    found = [one.file for one in caught.value.mistakes]
    assert found == ["FIVEWHYS_GITHUB_STORM", "FIVEWHYS_GITHUB_STORM_WITHIN"]


def test_each_setting_is_documented() -> None:
    """In the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in SETTINGS if f"`FIVEWHYS_GITHUB_{name}`" not in readme] == []
