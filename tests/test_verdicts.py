"""What people decided: what it says, and which of several holds."""

from dataclasses import replace

import pytest

from pipeline.verdicts import Kind, Verdict, assignee_of, resolution_of, silence_of
from tests.support import BASE, SECOND

GIVEN = Verdict(Kind.RESOLVE, "inc-1", ("a", BASE), at=BASE, by="ana", number=1)
SILENCE = replace(GIVEN, kind=Kind.SILENCE, until=BASE + 60 * SECOND)
ASSIGN = replace(GIVEN, kind=Kind.ASSIGN, assignee="@bo")
MERGE = replace(GIVEN, kind=Kind.MERGE, other=("b", BASE), other_incident="inc-2")


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (GIVEN, "resolved by ana at 2025-09-10T00:00:00Z"),
        (
            replace(GIVEN, revision="backend-00042-abc", reason="rolled back"),
            "resolved in revision backend-00042-abc by ana at 2025-09-10T00:00:00Z: rolled back",
        ),
        (SILENCE, "silenced until 2025-09-10T00:01:00Z by ana at 2025-09-10T00:00:00Z"),
        (ASSIGN, "assigned to @bo by ana at 2025-09-10T00:00:00Z"),
        (MERGE, "inc-1 and inc-2 merged by ana at 2025-09-10T00:00:00Z"),
        (
            replace(GIVEN, kind=Kind.SPLIT),
            "a split off from inc-1 by ana at 2025-09-10T00:00:00Z",
        ),
    ],
)
def test_a_verdict_says_what_it_means(verdict: Verdict, text: str) -> None:
    """In one line: what, by whom, when and why."""
    assert verdict.text == text


def test_two_may_say_the_same() -> None:
    """Whoever says it and when, and with the incidents the other way round."""
    again = replace(MERGE, handle=("b", BASE), other=("a", BASE), by="bo", at=BASE + 9, number=2)
    assert again.says_as(MERGE)
    assert replace(ASSIGN, by="bo", at=BASE + 9).says_as(ASSIGN)
    assert not replace(ASSIGN, assignee="@cy").says_as(ASSIGN)
    assert not SILENCE.says_as(ASSIGN)


def test_what_is_resolved_may_be_resolved_again() -> None:
    """It may have come back in between."""
    assert not replace(GIVEN, at=BASE + 1).says_as(GIVEN)


def test_the_last_silence_holds_until_its_end() -> None:
    """A shorter one that is given later cuts it short."""
    shorter = replace(SILENCE, until=BASE + 5, number=2)
    assert silence_of([GIVEN], BASE) is None
    assert silence_of([SILENCE], BASE + 59 * SECOND) == SILENCE
    assert silence_of([SILENCE], BASE + 60 * SECOND) is None
    assert silence_of([SILENCE, shorter], BASE + 5) is None


def test_the_last_resolution_is_the_one_that_counts() -> None:
    """Or none."""
    again = replace(GIVEN, at=BASE + 1, number=2)
    assert resolution_of([GIVEN, again, SILENCE]) == again
    assert resolution_of([SILENCE]) is None


def test_the_last_one_it_was_assigned_to_has_it() -> None:
    """Or nobody."""
    assert assignee_of([GIVEN]) == ""
    assert assignee_of([ASSIGN, replace(ASSIGN, assignee="@cy", number=2), GIVEN]) == "@cy"
