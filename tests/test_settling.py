"""What correlations made of long ago: it stays as it was, and no single time is kept for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.bootstrap.reading import load_rules
from pipeline.correlation import CorrelationSettings, Correlator
from pipeline.correlation.settled import Page, Past, Settled, joined
from pipeline.correlation.settling import asks_back
from pipeline.correlation.thinning import Limits
from pipeline.detection import Detection
from pipeline.lifecycle import HOUR, MINUTE
from pipeline.traffic import Question
from tests.fakes.traffic import Unforgetting
from tests.support import BASE, SECOND, detection, rule_text, ruleset
from tests.test_thinning import LONG, SMALL, SURGING, bare, both, every, told

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from pipeline.correlation.counted import Bundle
    from pipeline.rule import RuleSet

FEW = Limits(least=1, part=0, beginning=1)
SOME = FEW._replace(beginning=6)


def counting(name: str, rules: str, what: str, more: str = "") -> str:
    """Return an event_count, or what is said of it instead: its span, condition, and so on."""
    told = {"type": "event_count", "group-by": "[service]", "timespan": "1m"}
    told |= dict(one.split(": ", 1) for one in what.split("; "))
    block = ", ".join(f"{key}: {value}" for key, value in told.items())
    return f"title: {name}\nname: {name}\ncorrelation: {{rules: [{rules}], {block}}}\n{more}"


MANY = ruleset(
    *(rule_text(name, level="low") for name in "abcde"),
    counting("many", "a", "condition: {gte: 4}"),
    counting("some", "a, b", "timespan: 30s; condition: {gte: 2, lte: 3}", "generate: true\n"),
    counting("kinds", "b", "type: value_count; condition: {field: n, gte: 2}"),
    counting(
        "surging",
        "c",
        "condition: {gte: 3}",
        "generate: true\naudit: {surge: {times: 2, before: 2m}, "
        "title: '{{ count }} since {{ since }}, {{ earlier }} before'}\n",
    ),
    counting(
        "sharing",
        "d",
        "group-by: [service, logName]; condition: {gte: 2}",
        "audit: {share: {of: requests, gte: 5, times: 1.5, before: 3m}, "
        "title: '{{ share }} since {{ since }}, of {{ total }}'}\n",
    ),
    counting("single", "e", "condition: {gte: 2}"),
    counting("chained", "single", "timespan: 2m; condition: {gte: 3}"),
    "title: both\nname: both\ncorrelation: {type: temporal, rules: [d, e], group-by: [service], "
    "timespan: 20s}\n",
)


@dataclass
class Steady(Unforgetting):
    """Knows of so many requests a second, all the time."""

    each: float = 0.2

    def total(self, _: tuple[str, str], since: int, until: int) -> int:
        """Return how many."""
        return round(self.each * ((until - since) // SECOND + 1))


@dataclass
class Forgetful(Steady):
    """Knows of what is long ago only what it was asked before, and did not forget."""

    span: int = 0
    latest: int = 0
    answers: dict[Question, int] = field(default_factory=dict)
    asked: set[Question] = field(default_factory=set)

    def total(self, place: tuple[str, str], since: int, until: int) -> int:
        """Return how many, 0 if nobody knows any more."""
        question = Question(*place, since, until)
        if since >= self.latest - self.span:
            self.answers[question] = super().total(place, since, until)
        self.asked.add(question)
        return self.answers.get(question, 0)

    def ask_anew(self) -> None:
        """Begin to note anew what is asked."""
        self.asked.clear()

    def forget(self, until: int) -> tuple[Question, ...]:
        """Forget what was not asked."""
        gone = [one for one in self.answers if one not in self.asked and one.until < until]
        for one in gone:
            del self.answers[one]
        return tuple(gone)


class Kept:
    """What a store would keep of a correlator's detections."""

    def __init__(self, rules: RuleSet, settings: CorrelationSettings) -> None:
        self.bundles: list[Bundle] = []
        self.pages: tuple[Page, ...] = ()
        self.traffic = Forgetful(span=settings.allowed_lateness + 5 * MINUTE)
        self.made = partial(Correlator, rules, settings, traffic=self.traffic)
        self.correlator = self.made()

    def tell(self, entry: list[Detection]) -> None:
        """Tell what is seen in an entry, and that time goes on to it."""
        self.traffic.latest = max(self.traffic.latest, entry[0].timestamp)
        tell(self.correlator, entry)
        if any(one.rule == "d" for one in entry):
            self.correlator.incidents()  # which asks for requests, as long as they are known

    def thin(self, limits: Limits = FEW) -> bool:
        """Only count what makes no difference; return whether anything went."""
        gone = self.correlator.thin(limits)
        if gone is not None:
            self.bundles.append(gone.bundle)
            self.pages = gone.settled
        return gone is not None

    def restart(self) -> None:
        """Go on from what was kept."""
        before, self.correlator = self.correlator, self.made()
        kept = chain.from_iterable(before.told(key) or () for key in before.entries())
        found = [Detection.of(json.loads(json.dumps(item.document()))) for item in kept]
        pages = [Page.of(json.loads(json.dumps(page.document()))) for page in self.pages]
        self.correlator.restore(found, [], self.bundles, pages)
        self.correlator.on_time(before.now)


def tell(correlator: Correlator, entry: list[Detection]) -> None:
    """Tell a correlator what is seen in an entry, and that time goes on to it."""
    correlator.on_detections(entry[0].key, entry[0].richness, entry)
    correlator.on_time(entry[0].timestamp)


def times_kept(correlator: Correlator) -> int:
    """Return of how many it stays known when they were, beside those that stay whole."""
    found = chain.from_iterable(correlator.told(key) or () for key in correlator.entries())
    return sum(len(item.others) for item in found)


# --- laws -----------------------------------------------------------------------------------------

Burst = tuple[str, int, int, int, str, int]
BURST: st.SearchStrategy[Burst] = st.tuples(
    st.sampled_from("abcde"),
    st.integers(0, 90),
    st.sampled_from([0, 1, 2, 5, 9, 15, 31]),
    st.integers(1, 20),
    st.sampled_from(("backend", "backend", "auth")),
    st.integers(1, 2),
)


def seen(bursts: Iterable[Burst], *, least: int = 0) -> list[list[Detection]]:
    """Return by entry what is seen, in order of time; what rule c sees some of rule d does too.

    So many seconds at `least` lie between two entries.
    """
    at, found = 0, list[list[Detection]]()
    for rule, after, gap, count, service, n in bursts:
        at += after
        for _ in range(count):
            key = f"e-{len(found)}"
            rules = "cd" if rule == "c" and n > 1 else rule
            found.append(
                [detection(one, at=at, service=service, n=n, key=key, logName="l") for one in rules]
            )
            at += max(gap, least)
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(BURST, min_size=1, max_size=12),
    st.sets(st.integers(0, 120), max_size=5),
    st.sets(st.integers(0, 120), max_size=2),
    st.sampled_from((0, 60)),
    st.sampled_from((FEW, SOME)),
    st.randoms(use_true_random=False),
)
def test_nothing_looks_different_then_or_later(  # noqa: PLR0913, PLR0917 - all that is drawn
    bursts: list[Burst],
    stops: set[int],
    restarts: set[int],
    late: int,
    limits: Limits,
    chance: Random,
) -> None:
    """Whatever is counted, together with what comes later, as late as it may, after restarts."""
    how = CorrelationSettings(allowed_lateness=late * SECOND)
    whole, sparing = Correlator(MANY, how, traffic=Steady()), Kept(MANY, how)
    came = seen(bursts, least=min(late, 1))
    came.sort(key=lambda entry: entry[0].timestamp + chance.randrange(late or 1) * SECOND)
    for index, entry in enumerate(came):
        tell(whole, entry)
        sparing.tell(entry)
        if index in stops:
            sparing.thin(limits)
            assert bare(sparing.correlator.incidents()) == bare(whole.incidents())
        if index in restarts:
            sparing.restart()
    assert bare(sparing.correlator.incidents()) == bare(whole.incidents())


# --- what is known of times -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "least", "most"),
    [
        (LONG, 5 * 60, 25 * 60),  # looks at five minutes, and so do those before
        (SURGING, 60 * 60, 90 * 60),  # and compares with an hour
    ],
)
def test_single_times_are_known_as_long_as_they_count(
    rules: RuleSet, least: int, most: int
) -> None:
    """However long it goes on, and nobody sees a difference."""
    whole, sparing = Correlator(rules), Correlator(rules)
    found = every(1, "failed", until=4 * HOUR)
    for index in range(0, len(found), 600):
        for one in (whole, sparing):
            told(one, found[index : index + 600])
        sparing.thin()
    assert least / 2 < times_kept(sparing) < most
    assert sparing.incidents() == whole.incidents()
    (symptom,) = next(iter(sparing.incidents())).symptoms
    assert symptom.rule == "many"


def test_what_others_count_that_are_counted_stays_known() -> None:
    """What they make of it may still change."""
    whole, sparing = both(every(1, "e", n=1), MANY)
    assert sparing.thin(FEW) is not None
    assert times_kept(sparing) == 3600 - len(sparing.entries())
    assert bare(sparing.incidents()) == bare(whole.incidents())


def test_what_no_correlation_counts_is_only_counted() -> None:
    """As it lacks a field by which they are told apart."""
    sparing = told(Correlator(MANY), every(1, "b", service=""))
    sparing.on_idle(HOUR)
    assert sparing.thin(FEW) is not None
    assert {len(item.others) for key in sparing.entries() for item in sparing.told(key) or ()} == {
        0,
        1,
    }


def test_what_comes_later_goes_on_with_what_is_settled() -> None:
    """It is the same run, also after a restart; a pause makes another one."""
    whole, sparing = Correlator(LONG), Kept(LONG, CorrelationSettings())
    for begin in (0, HOUR, 2 * HOUR + 10 * MINUTE):
        later = [
            detection("failed", at=(begin + at) // SECOND, key=f"{begin + at}")
            for at in range(0, HOUR, 2 * SECOND)
        ]
        for one in (whole, sparing.correlator):
            told(one, later)
        assert sparing.thin(SMALL)
        sparing.restart()
    assert bare(sparing.correlator.incidents()) == bare(whole.incidents())
    (page,) = sparing.pages
    assert page.place == ("many", "('backend',)")
    first, second = page.settled.runs
    assert (first.since, first.until, first.held) == (
        BASE,
        BASE + 2 * HOUR - 2 * SECOND,
        BASE + 18 * SECOND,
    )
    assert second.since == BASE + 2 * HOUR + 10 * MINUTE


def test_what_comes_in_time_makes_a_run_with_what_was_first_of_its_group() -> None:
    """Nothing of it is settled that what is still to come may change."""
    whole, sparing = Correlator(LONG), Correlator(LONG)
    early = [detection("failed", at=3600 + at, key=f"e-{at}") for at in range(5)]
    later = [detection("failed", at=3600 - at, key=f"l-{at}") for at in range(1, 6)]
    for one in (whole, sparing):
        told(one, [*every(1, until=HOUR), *early])
    assert sparing.thin(FEW) is not None
    for one in (whole, sparing):
        told(one, later)
    assert len(whole.incidents()) == 2
    assert bare(sparing.incidents()) == bare(whole.incidents())


def test_what_comes_too_late_is_of_a_run_that_was_then() -> None:
    """But makes none."""
    _, sparing = both(every(2, "failed"))
    assert sparing.thin(SMALL) is not None
    before = sparing.incidents()[0].count
    told(sparing, [detection("failed", at=1001, key="within")])
    told(sparing, [detection("failed", at=-3600 - at, key=f"before-{at}") for at in range(20)])
    assert [one.count for one in sparing.incidents()] == [before + 1]


def test_what_is_settled_of_what_is_forgotten_goes() -> None:
    """Nothing was left that took part."""
    sparing = Kept(LONG, CorrelationSettings())
    told(sparing.correlator, every(1, "failed"))
    sparing.correlator.on_idle(HOUR)
    assert sparing.thin()
    assert len(sparing.pages) == 1
    sparing.correlator.on_idle(60 * 24 * HOUR)
    assert sparing.correlator.evict()
    assert sparing.correlator.incidents() == ()
    now = (sparing.correlator.now - BASE) // SECOND
    fresh = [detection("failed", at=now + at, key=f"new-{at}", service="auth") for at in range(999)]
    told(sparing.correlator, fresh)
    sparing.correlator.on_idle(HOUR)
    assert sparing.thin()
    assert [page.place for page in sparing.pages] == [("many", "('auth',)")]


def test_what_is_settled_stays_so_where_nothing_is_only_counted() -> None:
    """Too few were seen there for the next time."""
    sparing = Kept(LONG, CorrelationSettings())
    few = [detection("failed", at=120 * at, key=f"f{at}", service="auth") for at in range(20)]
    told(sparing.correlator, [*every(2, "failed"), *few])
    sparing.correlator.on_idle(HOUR)
    assert sparing.thin(FEW)
    before = dict(sparing.pages)
    later = [detection("failed", at=7200 + at, key=f"later-{at}") for at in range(900)]
    told(sparing.correlator, later)
    sparing.correlator.on_idle(HOUR)
    assert sparing.thin(Limits(least=1, part=0))
    after = dict(sparing.pages)
    same, other = (("many", f"('{service}',)") for service in ("auth", "backend"))
    assert after[same] == before[same]
    assert after[other].until > before[other].until


def test_a_run_of_which_nothing_is_left_is_none() -> None:
    """A part of the same group is forgotten."""
    made = Correlator(LONG)
    past = Settled(BASE + HOUR, (Past(BASE - HOUR, BASE - 1, BASE - HOUR),))
    made.restore([detection("failed", at=1)], [], [], [Page(("many", "('backend',)"), past)])
    assert made.incidents() == ()


def test_a_correlation_that_is_only_counted_links_nothing() -> None:
    """What it counts may be a symptom all the same."""
    found = told(Correlator(MANY), [detection("e", at=at) for at in (0, 1)]).incidents()
    assert [[item.rule for item in one.symptoms] for one in found] == [["e"]]


# --- what is settled ------------------------------------------------------------------------------


def test_runs_that_share_a_detection_are_one() -> None:
    """It began with the first, and says what ranks higher."""
    first, second = Past(1, 5, 2, (3, -1), {"a": 1}), Past(5, 9, 6, (4, -5), {"a": 2})
    assert joined([first], [second]) == (Past(1, 9, 2, (4, -5), {"a": 2}),)
    lower = Past(5, 9, 6, (3, -5), {"a": 2})
    assert joined([first], [lower]) == (Past(1, 9, 2, (3, -1), {"a": 1}),)
    apart = Past(6, 9, 6)
    assert joined([first], [apart]) == (first, apart)
    assert joined([], [apart]) == (apart,)


def test_a_page_lasts() -> None:
    """As plain JSON."""
    runs = (Past(1, 5, 2, (0.5, -1), {"since": "10:00", "count": 3}), Past(7, 8, 7))
    page = Page(("many", "('backend',)"), Settled(2**62, runs))
    assert Page.of(json.loads(json.dumps(page.document()))) == page


def test_what_is_settled_is_asked_of_no_requests_any_more() -> None:
    """Of a failure that goes on only what may still change is asked, and known."""
    kept = Kept(MANY, CorrelationSettings(allowed_lateness=MINUTE))
    most = 0
    for number in range(2_000):
        kept.tell(
            [detection("d", at=3 * number, service="backend", key=f"e-{number}", logName="l")]
        )
        if number % 50 == 0:
            kept.thin()
            most = max(most, len(kept.traffic.answers))
    assert 20 < most < 400


def test_requests_are_known_as_far_back_as_any_correlation_asks() -> None:
    """The rules that come along compare ten minutes with the hour before."""
    assert asks_back(load_rules()) == 70 * MINUTE
    assert asks_back(MANY) == 4 * MINUTE
    assert asks_back(ruleset(rule_text("a"))) == 0
