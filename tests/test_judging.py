"""What people say about an incident, as verdicts."""

from __future__ import annotations

import pytest

from pipeline.judging import Voice, assign, merge, resolve, silence, split
from pipeline.lifecycle import DAY
from pipeline.verdicts import Kind, Verdict
from tests.support import BASE
from tests.tracker.recorded import document

VOICE = Voice("ana", BASE, "why")
ROOT = ("v1-aaaa", BASE)
ONE, TWO = document(), document("inc-2", ["login_failed"])


def verdict(kind: Kind, **told: object) -> Verdict:
    """Return what ana decided about the incident."""
    values: dict[str, object] = {"handle": ROOT, **told}
    return Verdict(kind, "inc-1", at=BASE, by="ana", reason="why", **values)  # type: ignore[arg-type]


def test_each_verdict_names_what_it_is_about() -> None:
    """By the root's fingerprint and when it began, or by those of the symptom that is split off."""
    other = ("v1-bbbb", BASE)
    expected = verdict(Kind.MERGE, other=other, other_incident="inc-2")
    assert merge(VOICE, ONE, TWO) == expected
    assert split(VOICE, ONE, "login_failed") == verdict(Kind.SPLIT, handle=other)
    assert resolve(VOICE, ONE) == verdict(Kind.RESOLVE)
    mended = verdict(Kind.RESOLVE, revision="backend-00042-abc")
    assert resolve(VOICE, ONE, "backend-00042-abc") == mended
    assert silence(VOICE, ONE, "7d") == verdict(Kind.SILENCE, until=BASE + 7 * DAY)
    assert assign(VOICE, ONE, " @bo ") == verdict(Kind.ASSIGN, assignee="@bo")


def test_what_cannot_be_decided_is_said() -> None:
    """With what to say instead."""
    with pytest.raises(ValueError, match="inc-1 cannot be merged with itself"):
        merge(VOICE, ONE, ONE)
    with pytest.raises(ValueError, match="no symptom 'gone'; name one by its fingerprint"):
        split(VOICE, ONE, "gone")
    with pytest.raises(ValueError, match="has only one symptom"):
        split(VOICE, TWO, "login_failed")
    with pytest.raises(ValueError, match="is no revision"):
        resolve(VOICE, ONE, "v2")
    with pytest.raises(ValueError, match="such as 12h or 7d"):
        silence(VOICE, ONE, "week")
    with pytest.raises(ValueError, match="name somebody"):
        assign(VOICE, ONE, " ")


def test_a_symptom_that_stands_for_several_has_to_be_named_exactly() -> None:
    """Two of one rule are told apart by their fingerprints."""
    twice = ONE.model_copy(update={"symptoms": [*ONE.symptoms, ONE.symptoms[1]]})
    with pytest.raises(ValueError, match="several symptoms 'login_failed'"):
        split(VOICE, twice, "login_failed")
