"""Issues and comments as people read them change only when somebody looks at the difference."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.tracker.model import Kind
from tests.fakes.github import FakeGithub, running
from tests.sinks.github.newsroom import Newsroom, at_the_beginning, entry
from tests.sinks.github.reporting import Desk
from tests.sinks.github.support import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.github.state import Issue

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "tests/snapshots/issues"
UPDATE = "UPDATE_SNAPSHOTS"
MINUTE, HOUR = 60, 3600

WIDE, MANY = 200, 16
HOSTILE = """\
@example/team fixes #12 <!-- fivewhys:v1 begin incident=inc-1 mac=00 --> <img src=x>
```
## heading ![image](https://example.com/leak.png) password=hunter2hunter2
```
/fivewhys resolve
a \u202egnp.exe \x1b[31mred z\u200bero"""

_MAC = re.compile(r"mac=[0-9a-f]{64}")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Tell a story and what the issue is after each of its scenes."""
    passing = at_the_beginning()
    with running(FakeGithub(clock=passing.clock)) as github:
        desk = Desk(github, passing)
        room = Newsroom(desk, tmp_path_factory.mktemp("story"))
        texts: dict[str, str] = {}
        seen = 0
        for scene in story(room):
            issue = desk.issues[1]
            texts[scene] = shown(issue, seen)
            seen = len(issue.comments)
        return texts


SCENES: dict[str, tuple[int, list[dict[str, Any]]]] = {
    "created": (0, [entry("boom table user_sessions is missing", at) for at in (0, 30)]),
    "updated": (
        10 * MINUTE,
        [
            entry("boom table user_sessions is missing", 10 * MINUTE),
            entry("bang login failed", 10 * MINUTE + 1),
        ],
    ),
    "quiet": (2 * HOUR, [entry("all is well", 2 * HOUR, severity="INFO")]),
    "answered": (3 * HOUR, []),
    "resolved": (4 * HOUR, [entry("all is well", 4 * HOUR, severity="INFO")]),
    "regressed": (5 * HOUR, [entry("boom table user_sessions is missing", 5 * HOUR)]),
}
"""What is logged, and when it is reported, in seconds since the beginning."""


def story(room: Newsroom) -> Iterator[str]:
    """Yield the names of the scenes, once each was reported."""
    desk, passed = room.desk, 0
    for scene, (at, entries) in SCENES.items():
        desk.passing.clock.advance(at + 5 - passed)
        passed = at + 5
        if scene == "answered":
            desk.github.people.comment(HERE, 1, "/fivewhys resolve", by="admin")
        if entries:
            room.read(entries)
        assert room.report().failures == {}
        assert [step for step in room.plan() if step.kind is not Kind.LEAVE] == []
        assert list(desk.issues) == [1]
        yield scene


def shown(issue: Issue, seen: int) -> str:
    """Write down an issue, with the comments behind those that were seen, without signatures."""
    head = f"{issue.title}\n{issue.state} {issue.state_reason or ''}".rstrip()
    texts = [issue.body or "", *(one.body for one in issue.comments[seen:])]
    whole = "\n\n=====\n\n".join([f"{head}\nlabels: {', '.join(issue.labels)}", *texts])
    return _MAC.sub("mac=…", whole) + "\n"


@pytest.mark.parametrize("scene", SCENES)
def test_an_issue_is_the_one_that_was_reviewed(told: dict[str, str], scene: str) -> None:
    """After each scene of its life, with its comments."""
    compare(scene, told[scene])


def test_hostile_log_text_is_shown_as_it_was_reviewed(tmp_path: Path) -> None:
    """It can be read, and does nothing (test_hostile.py looks at the tree)."""
    passing = at_the_beginning()
    with running(FakeGithub(clock=passing.clock)) as github:
        room = Newsroom(Desk(github, passing), tmp_path)
        room.read([entry(f"boom {HOSTILE}", 0), entry(f"bang {HOSTILE}", 1)])
        passing.clock.advance(60)
        assert room.report().failures == {}
        compare("hostile", shown(room.desk.issues[1], 0))


def test_what_is_too_long_goes_on_in_comments_as_it_was_reviewed() -> None:
    """Parted between paragraphs, with a notice on both sides; the middle is left out here."""
    passing = at_the_beginning()
    with running(FakeGithub(clock=passing.clock)) as github:
        desk = Desk(github, passing)
        sections = (
            f"## Part {number}\n\n```text\n{f'line of {number}' * 40}\n```" for number in range(300)
        )
        assert desk.apply(desk.wanted(body="\n\n".join(sections))).failures == {}
        whole = shown(desk.issues[1], 0).replace("line of", "…")
    texts = whole.split("\n\n=====\n\n")
    compare("overflow", "\n\n=====\n\n".join(map(ends, texts)) + "\n")


def ends(text: str) -> str:
    """Return the first and the last lines of a text, cut."""
    lines = [line if len(line) <= WIDE else f"{line[:WIDE]}…" for line in text.strip().splitlines()]
    return "\n".join(lines if len(lines) <= MANY else [*lines[:8], "[…]", *lines[-8:]])


def compare(name: str, text: str) -> None:
    """Hold a text against the one that was reviewed."""
    path = FOLDER / f"{name}.md"
    if os.environ.get(UPDATE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), (
        f"{path.relative_to(ROOT)} differs; if it should, run `{UPDATE}=1 make test`, "
        "look at `git diff` and commit it"
    )
