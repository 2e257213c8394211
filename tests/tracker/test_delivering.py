"""What is kept of an issue between runs."""

from __future__ import annotations

import json
from dataclasses import replace

from pipeline.tracker.delivering import Delivery, digest
from pipeline.tracker.model import Known, News, Ours
from tests.tracker.support import wanted

KNOWN = Known(7, said=frozenset({"b", "a"}), ours=Ours("title", labels=frozenset({"p1", "x"})))


def test_it_waits_since_the_first_time() -> None:
    """However often it is tried; the last reason counts."""
    assert not Delivery().waits
    begun = Delivery(KNOWN).waiting(5)
    assert (begun.since, begun.attempts, begun.reason) == (5, 0, "")
    tried = begun.waiting(7, "time-out", 9).waiting(8, "reset")
    assert (tried.since, tried.attempts, tried.reason, tried.not_before) == (5, 2, "reset", 0)
    assert tried.waiting(10).reason == "reset"
    assert tried.done("told") == Delivery(KNOWN, told="told")


def test_a_document_shows_all_of_it() -> None:
    """As JSON, and the same whenever it is written."""
    for trying in (None, Ours(closed="completed")):
        made = Delivery(replace(KNOWN, trying=trying), 1, 2, "why", 3, (News("k", "text"),), "t")
        text = json.dumps(made.document())
        assert Delivery.of(json.loads(text)) == made
        assert json.dumps(Delivery.of(json.loads(text)).document()) == text
    assert made.document()["known"]["said"] == ["a", "b"]


def test_an_older_document_says_nothing_of_others() -> None:
    """It was kept before issues of people's were compared."""
    known = Delivery(KNOWN).document()["known"]
    del known["likes"]
    assert Delivery.of({**Delivery(KNOWN).document(), "known": known}).known == KNOWN


def test_what_was_said_of_others_stays() -> None:
    """As it was said."""
    made = Delivery(replace(KNOWN, likes=("Possibly the same as #3.",)))
    assert Delivery.of(json.loads(json.dumps(made.document()))) == made


def test_a_digest_tells_what_is_wanted_apart() -> None:
    """Whatever it is that changes; text that cannot be encoded is text, too."""
    assert digest(wanted()) == digest(wanted())
    others = [wanted(title="x"), wanted(body="\ud800"), wanted(close=True), wanted("inc-b")]
    assert len({digest(one) for one in (wanted(), *others)}) == 5
    assert digest(wanted(notes=("bo cannot be assigned",))) == digest(wanted())
