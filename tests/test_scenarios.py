"""The generator of mornings and what scores them: the exam must be sound before anybody sits it."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.reading import load_rules
from pipeline.catalog import load_catalog
from pipeline.entry import parse_entry
from pipeline.screen import Screen
from pipeline.yamltext import parse
from tests.scenarios import evaluate
from tests.scenarios.calm import TEXTS
from tests.scenarios.evaluate import CALM_AIM, URGENT, false_alarms
from tests.scenarios.healthy import healthy_day
from tests.scenarios.kinds import KINDS
from tests.scenarios.morning import make_morning
from tests.scenarios.scoring import ACCEPTED, Found, score
from tests.scenarios.truth import LATENESS, Mark, Morning, Truth, Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[1]
SEEDS = range(1, len(KINDS) + 1)
"""One morning of each kind."""

# What these platforms always say in the same words, so that two tests can only say the same.
SHORT = 6_000
"""Entries of a healthy day that every text occurs in."""
TRIED = 0.10
"""Share of healthy entries, full of tricky words, that a rule may be tried on."""
FIXED = frozenset(
    {
        "Application startup failed. Exiting.",
        "ERROR:    Application startup failed. Exiting.",
        "INFO:     Application startup complete.",
        "INFO:     Started server process [1]",
        "INFO:     Waiting for application startup.",
        "INFO  [alembic.runtime.migration] Will assume transactional DDL.",
        "Container called exit(1).",
        "Container called exit(3).",
        "Container terminated on signal 9.",
        "asyncpg.exceptions.CannotConnectNowError: the database system is starting up",
        "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already",
        "psycopg_pool.PoolTimeout: couldn't get a connection after 15.00 sec",
    }
)
PLATFORM = ("The request ", "While handling this request", "Starting new instance. Reason: ")
"""How texts of Cloud Run begin in which nothing varies."""


@cache
def morning(seed: int) -> Morning:
    """Make a morning once for all tests."""
    return make_morning(seed)


def texts(document: object) -> Iterator[str]:
    """Yield every text of a document that is long enough to be a message."""
    if isinstance(document, dict):
        for value in document.values():
            yield from texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from texts(value)
    elif isinstance(document, str) and " " in document:
        yield document.strip()


# --- the generator --------------------------------------------------------------------------------


def test_a_seed_gives_the_same_morning_each_time() -> None:
    """Figures of two runs can be compared."""
    assert make_morning(7) == morning(7)
    assert make_morning(7) != make_morning(7 + len(KINDS))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_kind_leads_a_morning_and_comes_true(seed: int) -> None:
    """Seeds in a row take the kinds in turn; only a quiet morning is without incidents."""
    kinds = {truth.kind for truth in morning(seed).truths}
    assert morning(seed).kind == list(KINDS)[seed - 1]
    assert (morning(seed).kind in kinds) is (morning(seed).kind != "quiet")


@pytest.mark.parametrize("seed", SEEDS)
def test_every_entry_is_one_that_the_product_accepts(seed: int) -> None:
    """None is rejected, each has its id, its time and its service."""
    for item in morning(seed).written:
        (entry,) = parse_entry(item.entry)
        assert entry.insert_id == item.key
        assert entry.timestamp == item.at
        assert entry.service


@pytest.mark.parametrize("seed", SEEDS)
def test_an_id_comes_twice_only_for_the_same_entry(seed: int) -> None:
    """Duplicates are copies; there are some, and few."""
    copies: dict[str, list[Written]] = defaultdict(list)
    for item in morning(seed).written:
        copies[item.key].append(item)
    assert all(len(found) <= 2 for found in copies.values())
    assert all(found[0].entry == found[-1].entry for found in copies.values())
    assert len(morning(seed).written) < 1.1 * len(copies)


def test_there_are_duplicates() -> None:
    """One entry in fifty arrives twice."""
    found = [item for seed in SEEDS for item in morning(seed).written]
    distinct = {(seed, item.key) for seed in SEEDS for item in morning(seed).written}
    assert 1.01 < len(found) / len(distinct) < 1.03


@pytest.mark.parametrize("seed", SEEDS)
def test_entries_arrive_out_of_order_up_to_the_lateness(seed: int) -> None:
    """Each arrives after it was logged and within the lateness; some overtake others."""
    written = morning(seed).written
    assert all(item.at <= item.arrives <= item.at + LATENESS for item in written)
    assert [item.arrives for item in written] == sorted(item.arrives for item in written)
    assert [item.at for item in written] != sorted(item.at for item in written)


def test_mornings_are_of_many_sizes() -> None:
    """A whole morning has some hundred to some thousand entries, a cut one fewer."""
    sizes = [len(morning(seed).written) for seed in SEEDS if morning(seed).kind != "cut export"]
    assert min(sizes) > 400
    assert max(sizes) < 10_000
    assert max(sizes) > 3 * min(sizes)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_incident_has_entries_that_can_be_found(seed: int) -> None:
    """Several of them, and one that shows the cause unless it was cut off."""
    for truth in morning(seed).truths:
        own = [item.mark for item in morning(seed).written if item.mark.incident == truth.number]
        assert sum(mark.asked for mark in own) > 1
        assert any(mark.cause and mark.asked for mark in own) is truth.rooted
        assert {mark.part for mark in own} == set(range(truth.parts))
        assert truth.cause in ACCEPTED


@pytest.mark.parametrize("seed", SEEDS)
def test_every_entry_of_an_incident_is_of_one_that_is_true(seed: int) -> None:
    """No entry is of an incident that nobody asks for, and noise is of none."""
    numbers = {truth.number for truth in morning(seed).truths}
    for item in morning(seed).written:
        assert not item.mark.asked or item.mark.incident in numbers | {0}
        assert not (item.mark.incident and item.mark.noise)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_failed_caller_can_be_told_by_trace(seed: int) -> None:
    """A failed request outside the service with the cause shares its trace with what explains it.

    Where an export is cut, or everybody fails, the service and the time must do.
    """
    if morning(seed).kind == "cut export" or morning(seed).kind.startswith("database"):
        return
    truths = {truth.number: truth for truth in morning(seed).truths}
    owners: dict[str, set[int]] = defaultdict(set)
    traced: Counter[str] = Counter()
    for item in morning(seed).by_key.values():
        trace = item.entry.get("trace", "")
        owners[trace].add(item.mark.incident)
        traced[trace] += item.mark.asked and item.mark.incident > 0
    for item in morning(seed).by_key.values():
        where = item.entry["resource"]["labels"].get("service_name")
        request = item.entry.get("httpRequest", {"status": 200})
        if item.mark.incident and request["status"] >= 500:
            assert owners[item.entry["trace"]] == {item.mark.incident}
            own = where == truths[item.mark.incident].service
            assert own or traced[item.entry["trace"]] > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_catalog_is_one_that_the_product_accepts(seed: int) -> None:
    """Every service of the entries stands in it."""
    catalog = load_catalog(morning(seed).catalog, "catalog.yml")
    for item in morning(seed).written:
        labels = item.entry["resource"]["labels"]
        assert catalog.service_of(labels.get("service_name", labels.get("job_name")))


def test_no_text_is_one_of_the_rules_own_examples() -> None:
    """Who tunes a rule with its own examples must not meet them in the exam."""
    files = sorted((ROOT / "rules").rglob("*.test.yml"))
    known = {
        text
        for file in files
        for document in parse(file.read_text(encoding="utf-8"), file.name)
        for text in texts(document.value)
    }
    example = (ROOT / "examples/staging-2025-09-10.jsonl").read_text(encoding="utf-8")
    known |= {text for line in example.splitlines() for text in texts(json.loads(line))}
    used = {
        text
        for seed in SEEDS
        for item in morning(seed).written
        for part in ("textPayload", "jsonPayload", "protoPayload")
        for text in texts([item.entry.get(part)])
    }
    same = {text for text in known & used if not text.startswith(PLATFORM)}
    assert same <= FIXED


def test_no_name_is_one_of_the_example() -> None:
    """Services and tables of the example and of the rules' tests do not occur."""
    names = {name for seed in SEEDS for name in catalog_names(morning(seed))}
    files = [*(ROOT / "rules").rglob("*.test.yml"), ROOT / "examples/catalog.yml"]
    said = " ".join(path.read_text(encoding="utf-8") for path in files)
    words = set(said.replace('"', " ").replace("'", " ").replace(",", " ").split())
    assert names & words == set()


def catalog_names(made: Morning) -> Iterator[str]:
    """Yield the names of services and tables of a morning."""
    for key, service in load_catalog(made.catalog, "catalog.yml").file.services.items():
        yield key
        yield from service.tables.own


# --- the scores -----------------------------------------------------------------------------------

ONE = Truth(1, "first", "deadlock", "left")
TWO = Truth(2, "second", "pool_exhausted", "right")


def written(key: str, mark: Mark) -> Written:
    """Make an entry of which only the truth matters."""
    return Written(0, 0, {"insertId": key}, mark)


def made(*items: Written, truths: Iterable[Truth] = (ONE, TWO)) -> Morning:
    """Make a morning of a few entries."""
    return Morning(1, "made", items, "", tuple(truths))


def found(name: str, root: str, *entries: str, priority: str = "P2") -> Found:
    """Make a found incident whose first entry is its root's."""
    return Found(name, priority, root, entries[:1], frozenset(entries))


LEFT = [written(f"a{n}", Mark(1, cause=n == 0)) for n in range(3)]
RIGHT = [written(f"b{n}", Mark(2, cause=n == 0)) for n in range(3)]
BOTH = made(*LEFT, *RIGHT)


def test_what_is_found_as_it_is_has_full_marks() -> None:
    """Both incidents, both roots."""
    right = [found("x", "deadlock", "a0", "a1", "a2")]
    right.append(found("y", "pool_exhausted", "b0", "b1", "b2"))
    result = score(BOTH, right)
    total = result.total
    assert (total.precision, total.recall, total.root, total.one) == (1, 1, 1, 1)
    assert result.exact


@pytest.mark.parametrize("seed", SEEDS)
def test_a_morning_can_be_solved(seed: int) -> None:
    """Whoever finds what is true has full marks in every kind."""
    known = []
    for truth in morning(seed).truths:
        own = [item for item in morning(seed).written if item.mark.incident == truth.number]
        keys = [item.key for item in sorted(own, key=lambda item: not item.mark.cause)]
        known.append(found(str(truth.number), min(ACCEPTED[truth.cause]), *keys))
    result = score(morning(seed), known)
    assert result.exact
    for told in (result.total, *result.by_kind.values()):
        shares = {told.precision, told.recall, told.root, told.one}
        assert shares <= {1, None}


def test_all_in_one_costs_precision() -> None:
    """Of 15 pairs 6 belong together; one root of two is right, and neither stands alone."""
    everything = [found("x", "deadlock", "a0", "a1", "a2", "b0", "b1", "b2")]
    result = score(BOTH, everything)
    total = result.total
    assert (total.precision, total.recall, total.root, total.one) == (6 / 15, 1, 0.5, 0)
    assert result.by_kind["first"].precision == 3 / 12
    assert not result.exact


def test_each_by_itself_costs_recall() -> None:
    """No pair is found, so nothing can be said of precision."""
    singles = [found(f"x{n}", "deadlock", f"a{n}") for n in range(3)]
    total = score(BOTH, singles).total
    assert (total.precision, total.recall, total.one) == (None, 0, 0)


def test_nothing_found_costs_all_but_precision() -> None:
    """An incident that nobody saw has no root and is not one."""
    total = score(BOTH, []).total
    assert (total.precision, total.recall, total.root, total.one) == (None, 0, 0, 0)


def test_a_root_needs_the_name_and_the_entry() -> None:
    """The rule for the cause, first seen in an entry that shows it."""
    wrong_rule = score(BOTH, [found("x", "permission_denied", "a0", "a1")])
    wrong_entry = score(BOTH, [found("x", "deadlock", "a1", "a0")])
    assert wrong_rule.total.right == wrong_entry.total.right == 0
    assert score(BOTH, [found("x", "deadlock", "a0", "a1")]).total.right == 1


def test_noise_may_be_an_incident_of_low_priority_once() -> None:
    """Not twice, not urgent, and not as a part of a true one."""
    noise = [written(f"n{n}", Mark(noise="white space")) for n in range(4)]
    calm = made(*noise, truths=())
    once = found("x", "white_space", "n0", "n1", priority="P4")
    again = found("y", "white_space", "n2", "n3", priority="P4")
    urgent = found("z", "white_space", "n2", "n3")
    assert score(calm, []).exact
    assert score(calm, [once]).exact
    assert score(calm, [once]).total.precision == 1
    assert not score(calm, [once, again]).exact
    assert not score(calm, [urgent]).exact
    mixed = score(made(*LEFT, *noise, truths=[ONE]), [found("x", "deadlock", "a0", "n0", "n1")])
    assert mixed.total.precision == 1 / 3
    assert mixed.total.one == 0


def test_healthy_entries_belong_with_nothing() -> None:
    """Two of them in an incident are a pair that is wrong."""
    healthy = [written(f"h{n}", Mark()) for n in range(2)]
    assert (
        score(made(*healthy, truths=()), [found("x", "deadlock", "h0", "h1")]).total.precision == 0
    )


def test_the_lines_of_a_traceback_count_as_one() -> None:
    """Whichever line was seen stands for all of them."""
    lines = [written(f"t{n}", Mark(1, unit="trace")) for n in range(9)]
    seen = [found("x", "deadlock", "a0", "a1", "a2", "t8")]
    assert score(made(*LEFT, *lines, truths=[ONE]), seen).total.recall == 1
    assert score(made(*LEFT, *lines, truths=[ONE]), seen).total.asked_pairs == 6


def test_what_nobody_asks_for_may_be_found() -> None:
    """A banner of the incident costs nothing, found or not."""
    banner = written("i0", Mark(1, asked=False))
    for entries in (("a0", "a1", "a2"), ("a0", "a1", "a2", "i0")):
        total = score(made(*LEFT, banner, truths=[ONE]), [found("x", "deadlock", *entries)]).total
        assert (total.precision, total.recall) == (1, 1)


def test_a_return_may_be_one_incident_or_two() -> None:
    """Pairs across the days are not scored."""
    again = [written(f"r{n}", Mark(1, part=1, cause=n == 0)) for n in range(3)]
    twice = made(*LEFT, *again, truths=[Truth(1, "first", "deadlock", "left", parts=2)])
    one = [found("x", "deadlock", "a0", "a1", "a2", "r0", "r1", "r2")]
    two = [found("x", "deadlock", "a0", "a1", "a2"), found("y", "deadlock", "r0", "r1", "r2")]
    for incidents in (one, two):
        result = score(twice, incidents)
        assert (result.total.precision, result.total.recall, result.total.one) == (1, 1, 1)
        assert result.exact


def test_a_cause_that_was_cut_off_is_not_asked_for() -> None:
    """Whatever stands as the root then."""
    cut = made(*LEFT[1:], truths=[Truth(1, "first", "deadlock", "left", rooted=False)])
    assert score(cut, [found("x", "deadlock", "a1", "a2")]).total.root is None


# --- a healthy day --------------------------------------------------------------------------------


def test_a_healthy_day_is_the_same_each_time() -> None:
    """Of its seed; another seed makes another."""
    one, again, other = (list(healthy_day(seed, 500)) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert len({entry["insertId"] for entry in one}) == len(one)


def test_every_text_of_a_healthy_day_occurs_in_a_short_one() -> None:
    """As many texts as lie between the names that are filled in."""
    said = "\n".join(json.dumps(entry) for entry in healthy_day(1, SHORT))
    pieces = {piece for text in flat([*TEXTS.values()]) for piece in re.split(r"\{+[^}]*\}+", text)}
    assert [piece for piece in pieces if json.dumps(piece)[1:-1] not in said] == []


def flat(value: object) -> Iterator[str]:
    """Yield the texts in lists of texts."""
    if isinstance(value, str):
        yield value
    for item in value if isinstance(value, list) else ():
        yield from flat(item)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_healthy_day_is_quiet(seed: int) -> None:
    """Whatever it says of errors, nobody is called; `make evaluate` replays a whole one."""
    alarms = false_alarms(healthy_day(seed, SHORT))
    assert [alarm for alarm in alarms if alarm[0] in URGENT] == []
    assert len(alarms) <= CALM_AIM, alarms


def test_the_screen_keeps_rules_from_healthy_entries() -> None:
    """Each rule is tried on few of them: its literals are not the words of health."""
    rules = [rule for rule in load_rules().rules.values() if not rule.audit.fallback]
    screen = Screen(rules)
    tried: Counter[str] = Counter()
    for record in healthy_day(1, SHORT):
        for entry in parse_entry(record):
            tried.update(rules[index].name for index in screen.candidates(entry.json))
    assert {name: count for name, count in tried.items() if count > SHORT * TRIED} == {}


# --- the evaluation -------------------------------------------------------------------------------


def test_the_evaluation_runs_the_product_and_prints_its_figures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A morning with tables missing is found with the rules there are; a quiet one stays quiet."""
    checks = str(1 + list(KINDS).index("start-up check fails"))
    evaluate.main(["--seed", checks, "--mornings", "1", "--healthy", "300", "--verbose"])
    report = capsys.readouterr().out
    assert "TRUE 1 start-up check fails: missing_table" in report
    assert "FOUND inc-" in report
    assert "mean of the kinds" in report
    assert "healthy day of 300 entries:\n  0 incidents of P0 to P2 (aim 0)\n" in report
    quiet = morning(1 + list(KINDS).index("quiet"))
    assert score(quiet, evaluate.find(quiet)).exact
