"""Log text that wants to act: through the whole reporter, and read again as GitHub would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pipeline.markdown import TITLE_LIMIT
from pipeline.report import BODY_LIMIT
from pipeline.stores.sql.store import SqlStore
from pipeline.tracker.marker import Mark, Side, Signer
from pipeline.tracker.ownership import joined, parts_of
from tests.fakes.github import FakeGithub, running
from tests.sinks.github.newsroom import Newsroom, at_the_beginning, entry
from tests.sinks.github.reporting import KEY, Desk
from tests.sinks.github.support import HERE
from tests.test_markdown import HOSTILE, assert_defused, parser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

    from tests.fakes.github.state import Issue

HEX = "0123456789abcdef"
SECRETS = [
    ("password=%s", "hunter2hunter2"),
    ('{"password": "%s"}', "correct horse"),
    ("Authorization: Bearer %s", HEX * 2),
    ("Cookie: sid=%s; theme=dark", HEX),
    ("postgresql://app:%s@db/main", "s3cretp4ss"),
    ("curl -u app:%s https://example.com", "s3cretp4ss"),
    ("https://example.com/a?token=%s&z=1", HEX),
    ("aws %s", "AKIA" + "ABCDEFGH" * 2),
    ("github %s", "ghp_" + "a1B2c3" * 6),
    ("github %s", "github_pat_" + "a1B2c3D4e5F" * 2 + "_" + "a1B2c3D4e5" * 5),
    ("google %s", "AIza" + "a1B2c3D4e5F" * 3 + "xy"),
    ("slack %s", "xoxb-" + "1234567890-" * 2 + "a1B2c3D4e5F6"),
    ("stripe %s", "sk_live_" + "a1B2c3D4" * 3),
    ("jwt %s", f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{'a1B2c3D4' * 5}"),
    ("mail %s", "jane.doe" + "@example.com"),
    ("-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----", "MIIEvQ" + "aB1+" * 10),
]
COMMANDS = [
    "\n/fivewhys resolve\n",
    "```\n/fivewhys silence 7d\n```\n/fivewhys silence 7d",
    "fivewhys:silence",
    "/fivewhys assign @stranger",
]
LONG = "x`@a #1 <!-- " * 90_000
ORDINARY = "word"
TEXTS = [ORDINARY, *HOSTILE, *COMMANDS, *(text % secret for text, secret in SECRETS), LONG]
CONSOLE = "https://console.cloud.google.com/logs/query;"
INLINE = {"text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak"}

_LINKED = re.compile(r"(?i:https?:|ftp:)//|(?i:\bwww)\.|(?i:mailto:)[^\s\u200b]")
_ISSUE = re.compile(r"(?<=same as )#\d+")
_NUMBER = re.compile(r"^\[P\d\] (\d+)-")


@dataclass(frozen=True)
class Told:
    """What stands in the tracker in the end: the issues by the number of their text."""

    desk: Desk
    issues: dict[int, Issue]
    verdicts: int


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Report each text as an incident of its own, then once more with a new symptom."""
    passing = at_the_beginning()
    with (
        running(FakeGithub(clock=passing.clock)) as github,
        pytest.MonkeyPatch.context() as settings,
    ):
        # Only the most urgent incidents are looked into, and those that are not say so.
        settings.setenv("FIVEWHYS_NEARBY_LOGS", "false")
        desk = Desk(github, passing)
        room = Newsroom(desk, tmp_path_factory.mktemp("hostile"))
        room.read(one for number, text in enumerate(TEXTS) for one in first(number, text))
        passing.clock.advance(60)
        assert room.report().failures == {}
        # What anybody can read in an issue, genuine signature and all, is logged.
        markers = [issue.body or "" for issue in desk.issues.values()][:2]
        room.read(
            one for number, text in enumerate(TEXTS) for one in second(number, text, markers[1])
        )
        passing.clock.advance(3600)
        assert room.report().failures == {}
        assert {step.kind for step in room.plan()} == {"leave"}
        with SqlStore(room.url) as store:
            return Told(desk, dict(by_number(desk)), len([*store.verdicts()]))


def first(number: int, text: str) -> Iterator[dict[str, object]]:
    """Yield what is logged first about a text, which stands wherever it can."""
    for at in (number * 0.001, 1 + number * 0.001):
        yield entry(
            f"boom {text}",
            at,
            f"{number}-service",
            insertId=f"{number} {at} {text}"[:2000],
            logName=f"projects/demo/logs/{text}"[:500],
            labels={"any": text},
        )


def second(number: int, text: str, marker: str) -> Iterator[dict[str, object]]:
    """Yield what is logged later: it goes on, with a new symptom."""
    yield entry(f"boom {text}", 600 + number * 0.001, f"{number}-service")
    yield entry(f"bang {text}\n{marker}\n{text}", 601 + number * 0.001, f"{number}-service")


def by_number(desk: Desk) -> Iterator[tuple[int, Issue]]:
    """Yield issues by the number that their titles begin with."""
    for issue in desk.issues.values():
        found = _NUMBER.match(issue.title)
        assert found, issue.title
        yield int(found[1]), issue


def texts_of(issue: Issue) -> list[str]:
    """Return all Markdown of an issue."""
    return [issue.body or "", *(one.body for one in issue.comments)]


def shape(markdown: str) -> list[tuple[str, str, int]]:
    """Return the blocks of a text."""
    return [(one.type, one.tag, one.level) for one in parser().parse(markdown)]


def inline(markdown: str) -> list[Token]:
    """Return what stands in the blocks of a text."""
    return [child for token in parser().parse(markdown) for child in token.children or ()]


def numbered(texts: list[str]) -> list[object]:
    """Return parameters for the numbers of texts."""
    return [pytest.param(TEXTS.index(text), id=ascii(text)[:40]) for text in texts]


def test_each_text_has_one_issue_with_one_comment(told: Told) -> None:
    """None hides in another one, and none is lost."""
    assert sorted(told.issues) == list(range(len(TEXTS)))
    assert {len(issue.comments) for issue in told.issues.values()} == {1}


@pytest.mark.parametrize("number", numbered([*HOSTILE, *COMMANDS]))
def test_the_tree_is_the_one_of_an_ordinary_word(told: Told, number: int) -> None:
    """Whatever a text says, the body and the comment have the same blocks."""
    ordinary = texts_of(told.issues[0])
    for text, other in zip(texts_of(told.issues[number]), ordinary, strict=True):
        assert shape(text) == shape(other)


@pytest.mark.parametrize("number", numbered(TEXTS))
def test_nothing_in_the_tree_acts(told: Told, number: int) -> None:
    """No image, no link but to the console, no HTML but our two markers and code."""
    for text in texts_of(told.issues[number]):
        assert len(text) <= BODY_LIMIT
        blocks = [one.content.strip() for one in parser().parse(text) if one.type == "html_block"]
        assert len(blocks) == 2
        assert all(one.startswith("<!-- fivewhys:v1 ") for one in blocks)
        children = inline(text)
        assert {one.type for one in children} <= INLINE | {
            "html_inline",
            "link_open",
            "link_close",
        }
        html = {one.content for one in children if one.type == "html_inline"}
        assert html <= {"<code>", "</code>"}
        led = [str(one.attrs["href"]) for one in children if one.type == "link_open"]
        assert all(url.startswith(CONSOLE) for url in led)
        prose = [one.content for one in children if one.type in {"text", "text_special"}]
        assert not [one for one in prose if _LINKED.search(one)]
        assert_defused(text.replace(blocks[0], "").replace(blocks[1], ""))


@pytest.mark.parametrize("number", numbered(TEXTS))
def test_a_title_is_one_line_of_text(told: Told, number: int) -> None:
    """Nothing in it mentions, links or is Markdown."""
    issue = told.issues[number]
    assert 0 < len(issue.title) <= TITLE_LIMIT
    assert "\n" not in issue.title
    assert_defused(issue.title)
    (whole,) = parser().parseInline(issue.title)
    assert {one.type for one in whole.children or ()} == {"text"}
    assert not _LINKED.search(issue.title)


@pytest.mark.parametrize("number", numbered(TEXTS))
def test_labels_are_ours(told: Told, number: int) -> None:
    """Log text makes none, least of all one that decides something."""
    assert set(told.issues[number].labels) <= {"fivewhys", "P1", "P2", "P3", "P4", "boom"}


@pytest.mark.parametrize("number", numbered(TEXTS))
def test_no_marker_but_ours_counts(told: Told, number: int) -> None:
    """Not one that was copied out of another issue, signature and all."""
    issue = told.issues[number]
    (body,), (comment,) = (parts_of(text, told.desk.signer) for text in texts_of(issue))
    assert body.mark.incident == comment.mark.incident
    assert (body.mark.key, bool(comment.mark.key)) == ("", True)
    assert (body.before, body.after, comment.before, comment.after) == ("", "", "", "")


def test_incidents_are_told_apart_by_their_markers(told: Told) -> None:
    """Each has its own."""
    signer = told.desk.signer
    marks = [parts_of(one.body or "", signer)[0].mark for one in told.issues.values()]
    assert len({mark.incident for mark in marks}) == len(TEXTS)


def test_log_text_decides_nothing(told: Told) -> None:
    """Although it stands in comments of an account that may write."""
    assert told.verdicts == 0


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_no_secret_gets_out(told: Told, text: str, secret: str) -> None:
    """Neither in a body nor in a comment or a title."""
    issue = told.issues[TEXTS.index(text % secret)]
    for place in (issue.title, *texts_of(issue)):
        assert secret not in place
        assert secret[:12] not in place or len(secret) < 12


def test_a_forged_marker_makes_nothing_ours(told: Told) -> None:
    """An issue that somebody files with one is theirs, whoever signed it with whatever key."""
    desk = told.desk
    mark = Mark(Side.BEGIN, "inc-forged")
    forged = joined(Signer(b"another key of sixteen bytes", str(desk.place.id)), mark, "Mine.")
    elsewhere = joined(Signer(KEY, "1"), mark, "Mine.")
    assert parts_of(forged, desk.signer) == parts_of(elsewhere, desk.signer) == ()
    assert parts_of(joined(desk.signer, mark, "Mine."), desk.signer) != ()


def test_a_likeness_to_an_issue_is_told_and_acts_on_nothing(tmp_path: Path) -> None:
    """Whatever stands in the issue and in the log: all that leads anywhere is its number."""
    passing = at_the_beginning()
    with running(FakeGithub(clock=passing.clock)) as github:
        desk = Desk(github, passing)
        typed = [text for text in HOSTILE if "\ud83d" not in text]  # which no browser sends
        for text in typed:
            body = f"It fails:\n\n```\nboom {text}\n```\n\n{text}"
            github.people.open_issue(HERE, f"{text} about the backend", body)
        room = Newsroom(desk, tmp_path)
        room.read(
            entry(f"boom {text} about the backend", number) for number, text in enumerate(typed)
        )
        passing.clock.advance(3600)
        assert room.report().failures == {}
        (issue,) = [one for one in desk.issues.values() if "fivewhys" in one.labels]
    told = [line for line in (issue.body or "").splitlines() if "ossibly the same as" in line]
    assert told
    for line in told:
        assert_defused(_ISSUE.sub("", line))
        assert {one.type for one in inline(line)} <= INLINE
