"""Traffic: how many different requests there were, whatever the order they are told in."""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import Catalog
from pipeline.correlation import Correlator
from pipeline.entry import format_timestamp
from pipeline.entry.requests import SECOND, moment_of
from pipeline.examining import Window
from pipeline.flow import Replay, Texts
from pipeline.report import Policy
from pipeline.stores.memory import MemoryStore
from pipeline.traffic import KEPT, ROW, Question, RecentRows, Traffic, still_asked
from pipeline.whys import load_whys
from tests.fakes.source import LinesSource
from tests.fakes.spool import MemorySpool
from tests.support import BASE, detector, ruleset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from random import Random

    from pipeline.entry.requests import Place

LOG = "projects/demo/logs/requests"
SHOP, TILL = ("shop", LOG), ("till", LOG)
Told = tuple["Place", int, int, int]
"""The place of a request, its identity, second and status."""

TOLD = st.tuples(
    st.sampled_from((SHOP, TILL)),
    st.integers(-3, 12),
    st.integers(0, 9),
    st.sampled_from((200, 404, 503)),
)


def counting(*chunks: Iterable[Told]) -> Traffic:
    """Return what is known once some requests were told, chunk by chunk."""
    made = Traffic(MemorySpool(ROW))
    for chunk in chunks:
        for place, identity, second, status in chunk:
            made.add({place: array("q", (identity, moment_of(second, status)))})
    return made


def totals(made: Traffic, place: Place) -> list[int]:
    """Return all there is to ask."""
    return [
        made.total(place, since * SECOND, until * SECOND)
        for since in range(-1, 11)
        for until in range(since, 11)
    ]


def plain(told: Sequence[Told], place: Place, since: int, until: int) -> int:
    """Count the requests of a place in the plainest way."""
    own = {(identity, second) for at, identity, second, _ in told if at == place}
    well = [second for at, _, second, status in told if at == place and status < 400]
    known = bool(well) and min(well) < since
    return sum(since <= second <= until for _, second in own) if known else 0


def once(told: Iterable[Told]) -> list[Told]:
    """Let an identity always be of one second: the time is a part of what it stands for."""
    return [
        (place, identity * 10 + second, second, status) for place, identity, second, status in told
    ]


@given(st.lists(TOLD, max_size=12).map(once), st.data())
def test_order_chunks_and_copies_change_no_number(told: list[Told], data: st.DataObject) -> None:
    """Each request counts once, and what one place has is not told of another."""
    again = data.draw(
        st.permutations(
            [*told, *data.draw(st.lists(st.sampled_from(told), max_size=5))] if told else []
        )
    )
    cut = data.draw(st.integers(0, len(again)))
    one, other = counting(told), counting(again[:cut], again[cut:])
    for place in (SHOP, TILL):
        expected = [
            plain(told, place, since, until)
            for since in range(-1, 11)
            for until in range(since, 11)
        ]
        assert totals(one, place) == totals(other, place) == expected


@given(st.lists(TOLD, max_size=12).map(once))
def test_many_are_counted_in_parts(told: list[Told]) -> None:
    """So that the memory for it has an end."""
    whole = totals(counting(told), SHOP)
    parted = counting(told)
    parted.at_once = 3
    assert totals(parted, SHOP) == whole


@given(st.lists(TOLD, max_size=12).map(once))
def test_answers_hold_without_the_requests(told: list[Told]) -> None:
    """A later run has not read them; a smaller number of its own does not count."""
    before = counting(told)
    answered = totals(before, SHOP)
    after = counting(told[:1])
    after.recall(before.answers)
    assert totals(after, SHOP) == answered
    after.recall(before.answers)
    assert totals(after, SHOP) == answered


def test_what_is_told_after_a_question_counts_as_well() -> None:
    """The question is asked again."""
    made = counting([(SHOP, 1, 0, 200), (SHOP, 2, 5, 503)])
    assert made.total(SHOP, 5 * SECOND, 9 * SECOND) == 1
    made.add({SHOP: array("q", (3, moment_of(6, 503)))})
    assert made.total(SHOP, 5 * SECOND, 9 * SECOND) == 2


def test_a_place_nobody_told_of_has_none() -> None:
    """Nor has one of which nothing went well before."""
    made = counting([(SHOP, 1, 5, 200), (SHOP, 2, 6, 503)])
    assert made.total(TILL, 0, 9 * SECOND) == 0
    assert made.total(SHOP, 5 * SECOND, 9 * SECOND) == 0
    assert made.total(SHOP, 6 * SECOND, 9 * SECOND) == 1
    assert made.answers == {Question("shop", LOG, 6, 9): 1}


def test_names_are_known_without_their_secrets() -> None:
    """As detections tell them; what looks alike then is one, however its log is spelled."""
    made = Traffic(MemorySpool(ROW), lambda text: text.replace("hunter2", "***"))
    for number, name in enumerate(("shop-hunter2", "shop-***")):
        made.add({(name, LOG): array("q", (number, moment_of(number, 200)))})
    assert made.total(("shop-***", LOG.replace("/logs/", "/logs%2F")), 1 * SECOND, SECOND) == 1
    assert made.total(("shop-***", LOG), 1 * SECOND, SECOND) == 1


def test_names_that_are_none_do_not_fill_the_memory() -> None:
    """Of places that are known requests go on to be counted."""
    most = 100
    made = Traffic(MemorySpool(ROW), most=most)
    made.add({("shop", LOG): array("q", (1, moment_of(0, 200)))})
    for number in range(most + 10):
        made.add({(f"name-{number}", LOG): array("q", (number, moment_of(1, 200)))})
    made.add({("shop", LOG): array("q", (2, moment_of(2, 200)))})
    assert made.total(("shop", LOG), SECOND, 3 * SECOND) == 1
    last = f"name-{most + 9}"
    made.add({(last, LOG): array("q", (3, moment_of(3, 200)))})
    assert made.total((last, LOG), 3 * SECOND, 4 * SECOND) == 0
    assert made.total(("name-1", LOG), 3 * SECOND, 4 * SECOND) == 0
    made.add({("name-1", LOG): array("q", (3, moment_of(3, 200)))})
    assert made.total(("name-1", LOG), 3 * SECOND, 4 * SECOND) == 1


def test_a_run_that_never_ends_keeps_the_requests_of_late() -> None:
    """Those of a span before the last one; nothing told is nothing kept."""
    rows = RecentRows(10, least=0)
    made = Traffic(rows)
    rows.add(b"")
    assert [*rows.read()] == []
    for identity, second in enumerate((0, 5, 12, 3, 100)):
        made.add({SHOP: array("q", (identity, moment_of(second, 200)))})
        if second == 12:
            assert len([*rows.read()]) == 2
    assert made.total(SHOP, 3 * SECOND, 101 * SECOND) == 0
    made.add({SHOP: array("q", (9, moment_of(101, 503)))})
    assert made.total(SHOP, 101 * SECOND, 102 * SECOND) == 1
    assert len([*rows.read()]) == 2


def test_a_request_dated_ahead_makes_nothing_forgotten_and_nothing_kept() -> None:
    """Time goes on by the clock as well: else all others would go at once, then none for a day."""
    clock = 100
    rows = RecentRows(50, lambda: clock, least=0)
    made = Traffic(rows)
    for second in (80, 90, 86_400, 95):
        made.add({SHOP: array("q", (second, moment_of(second, 200)))})
    assert made.total(SHOP, 85 * SECOND, 99 * SECOND) == 2
    for second in range(100, 2_000):
        clock = second
        made.add({SHOP: array("q", (second, moment_of(second, 200)))})
    assert len([*rows.read()]) < 60
    assert made.total(SHOP, 1_990 * SECOND, 1_999 * SECOND) == 10


def test_requests_of_a_backlog_are_counted_before_any_is_forgotten() -> None:
    """Hours of it may be read at once; the last ones that came stay, whatever else there is."""
    made = Traffic(rows := RecentRows(100, least=5))
    for at in range(4):
        made.add({SHOP: array("q", (at, moment_of(at, 200)))})
    made.add({SHOP: array("q", (9, moment_of(9_000, 200)))})
    assert made.total(SHOP, 2 * SECOND, 3 * SECOND) == 2
    made.add({SHOP: array("q", (10, moment_of(9_001, 200), 11, moment_of(9_001, 200)))})
    assert sum(len(one) for one in rows.read()) == 5 * ROW
    for at in range(20, 40):
        made.add({SHOP: array("q", (at, moment_of(9_002, 200)))})
    assert sum(len(one) for one in rows.read()) == 23 * ROW


def test_many_small_pieces_of_old_requests_are_few() -> None:
    """They are read each time that somebody asks; of quiet services each has a request or two."""
    made = Traffic(rows := RecentRows(100))
    for at in range(5_000):
        made.add({SHOP: array("q", (at, moment_of(at, 200)))})
    told = [*rows.read()]
    assert len(told) < 120
    assert sum(map(len, told)) == 5_000 * ROW
    assert made.total(SHOP, 2 * SECOND, 4_001 * SECOND) == 4_000


def test_answers_of_long_ago_are_forgotten() -> None:
    """Nothing of then can matter any more."""
    made = counting([(SHOP, 1, 0, 200), (SHOP, 2, 5, 503)])
    made.total(SHOP, 5 * SECOND, 9 * SECOND)
    assert len(still_asked(made.answers, (9 + KEPT) * SECOND)) == 1
    assert still_asked(made.answers, (10 + KEPT) * SECOND) == {}


# --- in a run -------------------------------------------------------------------------------------


def line(at: int, status: int, *, copy: int = 0) -> bytes:
    """Write a line of a request log; two of one second, status and copy are one entry."""
    record = {
        "insertId": f"{at}-{status}-{copy}",
        "logName": "projects/demo/logs/run.googleapis.com%2Frequests",
        "timestamp": format_timestamp(BASE + at * SECOND),
        "severity": "ERROR" if status >= 500 else "INFO",
        "resource": {"type": "cloud_run_revision", "labels": {"service_name": "shop"}},
        "httpRequest": {"requestMethod": "GET", "status": status},
    }
    return json.dumps(record).encode() + b"\n"


FAILED = """\
title: It failed
name: failed
logsource: {product: gcp}
detection: {failed: {httpRequest.status: 503}, condition: failed}
"""
FAILING = """\
title: Many fail
name: failing
correlation:
  type: event_count
  rules: [failed]
  group-by: [service, logName]
  timespan: 60s
  condition: {gte: 10}
audit:
  entity: [service]
  share: {gte: 20}
  title: "{{ count }} of {{ total }}, {{ share }} %"
"""
RULES = ruleset(FAILED, FAILING)
TEXTS = Texts(load_whys([]), "{{ incident.title }}", "issue.md.j2")
DAY = [
    *(line(at, 200) for at in range(120)),
    *(line(60 + at, 503, copy=copy) for at in range(10) for copy in (0, 1)),
]


def told(lines: Sequence[bytes], *, in_blocks: bool, store: MemoryStore | None = None) -> list[str]:
    """Return the titles that a run over an export comes to."""
    counted = Traffic(MemorySpool(ROW))
    replay = Replay(
        detector=detector(RULES),
        correlator=Correlator(RULES, traffic=counted),
        spool=MemorySpool,
        catalog=Catalog(),
        texts=lambda _: TEXTS,
        investigators=(),
        store=store or MemoryStore(),
        sinks=(),
        policy=Policy(),
        window=Window(),
        traffic=counted,
    )
    result = replay.run(LinesSource([b"".join(lines)], in_blocks))
    symptoms = [one for out in result.outcomes for one in out.incident.symptoms]
    return [one.title for one in symptoms if one.rule == "failing"]


@pytest.mark.parametrize("in_blocks", [True, False])
@given(chance=st.randoms(use_true_random=False))
def test_a_run_counts_lines_that_it_does_not_parse(*, chance: Random, in_blocks: bool) -> None:
    """Every copy of an entry once, in whatever order they come."""
    lines = [*DAY, *chance.sample(DAY, 30)]
    chance.shuffle(lines)
    assert told(lines, in_blocks=in_blocks) == ["20 of 80, 25 %"]


def test_a_later_run_knows_the_share_of_an_earlier_one() -> None:
    """Although it reads none of its requests."""
    store = MemoryStore()
    assert told(DAY, in_blocks=True, store=store) == ["20 of 80, 25 %"]
    later = [line(4_000 + at, 200) for at in range(5)]
    assert told(later, in_blocks=True, store=store) == ["20 of 80, 25 %"]
    assert told(DAY[50:], in_blocks=True, store=store) == ["20 of 80, 25 %"]


def test_what_nobody_asks_any_more_is_forgotten() -> None:
    """Of spans that are over; what is asked again, or is later, stays."""
    made = counting([(SHOP, number, number, 200) for number in range(10)])
    spans = [(since * SECOND, (since + 1) * SECOND) for since in (1, 3, 7)]
    for span in spans:
        assert made.total(SHOP, *span) == 2
    made.ask_anew()
    made.total(SHOP, *spans[1])
    assert made.forget(6 * SECOND) == (Question(*SHOP, 1, 2),)
    assert {one.since for one in made.answers} == {3, 7}
    assert made.forget(6 * SECOND) == ()


def test_an_answer_is_news_until_it_is_kept_or_forgotten() -> None:
    """One that was recalled is none, nor one that stays as it was."""
    made = counting([(SHOP, number, number, 200) for number in range(10)])
    known, other = Question(*SHOP, 1, 2), Question(*SHOP, 3, 4)
    made.recall({known: 2})
    for asked in (known, other, other):
        assert made.total(SHOP, asked.since * SECOND, asked.until * SECOND) == 2
    assert made.news() == {other: 2}
    made.changed.clear()
    made.add({SHOP: array("q", (77, moment_of(4, 200)))})
    assert made.total(SHOP, 3 * SECOND, 4 * SECOND) == made.news()[other]
    made.ask_anew()
    made.forget(9 * SECOND)
    assert made.news() == {}


def test_recent_rows_tell_of_all_that_is_asked_and_forget_what_is_older() -> None:
    """For who asks back so far; of a time before the first known to go well nobody can tell."""
    made = Traffic(RecentRows(100, least=0))
    for second in range(300):
        made.add({SHOP: array("q", (second, moment_of(second, 200)))})
    assert made.total(SHOP, 210 * SECOND, 299 * SECOND) == 90
    assert made.total(SHOP, 150 * SECOND, 299 * SECOND) == 0
