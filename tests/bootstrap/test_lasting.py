"""How we behave in a tracker, and the key of our markers, as settings say it."""

from __future__ import annotations

import pytest

from pipeline.audit import SECOND
from pipeline.bootstrap.lasting import read_former, read_key, read_policy
from pipeline.errors import ConfigurationError
from pipeline.lifecycle import DAY, HOUR, MINUTE
from pipeline.tracker.model import TrackerPolicy

KEY = "a key of sixteen bytes or more"


def no_file(path: str) -> str:
    """Find no file at all."""
    raise FileNotFoundError(2, "No such file or directory", path)


def wrong(environment: dict[str, str]) -> list[str]:
    """Return what is wrong with a policy."""
    with pytest.raises(ConfigurationError) as found:
        read_policy(environment)
    return [str(mistake).removeprefix("FIVEWHYS_GITHUB_") for mistake in found.value.mistakes]


def test_nothing_need_be_set() -> None:
    """Nor does an empty variable mean anything."""
    assert read_policy({}) == read_policy({"FIVEWHYS_GITHUB_GRACE": " "}) == TrackerPolicy()


def test_every_span_of_a_lifecycle_can_be_set() -> None:
    """And whether issues are closed, and from when on they flap."""
    found = read_policy(
        {
            "FIVEWHYS_GITHUB_GROUP_INTERVAL": "10m",
            "FIVEWHYS_GITHUB_GRACE": "30s ",
            "FIVEWHYS_GITHUB_REOPEN_WINDOW": "2d",
            "FIVEWHYS_GITHUB_DOUBT": "1h",
            "FIVEWHYS_GITHUB_CLOSE": "True",
            "FIVEWHYS_GITHUB_FLAPPING": "3",
            "FIVEWHYS_GITHUB_NEW_ISSUES": "5",
        }
    )
    spans = (found.group_interval, found.grace, found.reopen_window, found.doubt)
    assert spans == (10 * MINUTE, 30 * SECOND, 2 * DAY, HOUR)
    assert (found.closes, found.flapping, found.new_issues) == (True, 3, 5)


def test_every_mistake_is_said_at_once() -> None:
    """With what to write instead."""
    settings = {"GROUP_INTERVAL": "soon", "DOUBT": "0s", "CLOSE": "perhaps", "FLAPPING": "often"}
    settings |= {"NEW_ISSUES": "few"}
    said = wrong({f"FIVEWHYS_GITHUB_{name}": text for name, text in settings.items()})
    assert said == [
        "GROUP_INTERVAL: 'soon' is no time span; write it like 30s, 10m, 2h or 1d",
        "DOUBT: '0s' is no time span; write it like 30s, 10m, 2h or 1d",
        "CLOSE: 'perhaps' is neither true nor false",
        "FLAPPING: 'often' is not how often an issue is opened again: 1 to 1000",
        "NEW_ISSUES: 'few' is not how many issues may be opened within a day: 1 to 1000",
    ]


@pytest.mark.parametrize("text", ["0", "-1", "1001", "\u0663", "1" * 5000])
def test_a_count_is_a_small_number(text: str) -> None:
    """Whatever else is called a digit."""
    (said,) = wrong({"FIVEWHYS_GITHUB_FLAPPING": text})
    assert len(said) < 150


def test_grace_ends_before_nothing_is_opened_again() -> None:
    """Else no issue would ever be."""
    (said,) = wrong({"FIVEWHYS_GITHUB_GRACE": "7d"})
    assert said.startswith("GRACE: 7 d is not shorter than 7 d of FIVEWHYS_GITHUB_REOPEN_WINDOW")


@pytest.mark.parametrize(
    "settings",
    [
        {"FIVEWHYS_MARKER_KEY": f" {KEY}\n"},
        {"FIVEWHYS_MARKER_KEY_FILE": "key"},
        {"FIVEWHYS_MARKER_KEY": "sm://projects/p/secrets/s"},
        {"FIVEWHYS_MARKER_KEY_FILE": "sm://projects/p/secrets/s"},
    ],
    ids=["variable", "file", "secret", "secret in place of a file"],
)
def test_a_key_is_the_same_wherever_it_stands(settings: dict[str, str]) -> None:
    """A line feed at its end is none of it."""
    places = {"key": f"{KEY}\n", "sm://projects/p/secrets/s": KEY}
    assert read_key(settings, places.__getitem__) == KEY.encode()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "FIVEWHYS_MARKER_KEY: it is not set; set it, or FIVEWHYS_MARKER_KEY_FILE"),
        (
            {"FIVEWHYS_MARKER_KEY": KEY, "FIVEWHYS_MARKER_KEY_FILE": "key"},
            "FIVEWHYS_MARKER_KEY_FILE: it is set beside FIVEWHYS_MARKER_KEY; keep one of them",
        ),
        ({"FIVEWHYS_MARKER_KEY": "hunter2"}, "FIVEWHYS_MARKER_KEY: the key is shorter than 16"),
        (
            {"FIVEWHYS_MARKER_KEY_FILE": "key"},
            "FIVEWHYS_MARKER_KEY_FILE: it names key, which cannot be read: No such file",
        ),
    ],
    ids=["none", "two", "short", "unreadable"],
)
def test_what_is_wrong_with_a_key_is_said(settings: dict[str, str], said: str) -> None:
    """Without the key."""
    with pytest.raises(ConfigurationError) as found:
        read_key(settings, no_file)
    assert str(found.value).startswith(said)
    assert "hunter2" not in str(found.value)


LONG, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({}, []),
        ({"": f" {LONG}\n"}, [LONG]),
        ({"": f"{LONG}, {OTHER}\n{LONG}"}, [LONG, OTHER]),
        ({"": f"{LONG} sm://projects/p/secrets/s"}, [LONG, KEY]),
        ({"": KEY}, [KEY]),
        ({"_FILE": "keys"}, [LONG, OTHER]),
        ({"_FILE": "sm://projects/p/secrets/s"}, [KEY]),
    ],
    ids=["none", "one", "two", "secret", "one with blanks", "file", "secret in place of a file"],
)
def test_former_keys_may_be_several(settings: dict[str, str], keys: list[str]) -> None:
    """Parted by white space or commas, wherever they stand."""
    places = {"keys": f"{LONG}\n{OTHER}\n", "sm://projects/p/secrets/s": f"{KEY}\n"}
    told = {f"FIVEWHYS_MARKER_KEY_FORMER{name}": text for name, text in settings.items()}
    assert read_former(told, places.__getitem__) == tuple(key.encode() for key in keys)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"": f"{LONG} hunter2"}, ": a key in it is shorter than 16 bytes"),
        ({"": "hunter2"}, ": a key in it is shorter than 16 bytes"),
        ({"": LONG, "_FILE": "keys"}, "_FILE: it is set beside FIVEWHYS_MARKER_KEY_FORMER; keep"),
        (
            {"_FILE": "keys"},
            "_FILE: it names keys, which cannot be read: No such file or directory",
        ),
    ],
    ids=["short", "one short", "two", "unreadable"],
)
def test_what_is_wrong_with_former_keys_is_said(settings: dict[str, str], said: str) -> None:
    """Without the keys."""
    told = {f"FIVEWHYS_MARKER_KEY_FORMER{name}": text for name, text in settings.items()}
    with pytest.raises(ConfigurationError) as found:
        read_former(told, no_file)
    assert str(found.value).startswith(f"FIVEWHYS_MARKER_KEY_FORMER{said}")
    assert "hunter2" not in str(found.value)
