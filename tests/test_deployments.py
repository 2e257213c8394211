"""What deployments have to do with an incident: only what entries show of either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.correlation import CorrelationSettings
from pipeline.deployments import (
    KEPT,
    History,
    Rollout,
    Sightings,
    deployment_text,
    recent,
    span_text,
)
from pipeline.entry.sighting import Sighting, bare_time
from pipeline.examining import Examiner, Window
from pipeline.sources.files.blocks import Block, read_blocks
from tests.support import (
    BASE,
    SECOND,
    correlate,
    detection,
    detector,
    entry,
    rule_text,
    ruleset,
)

if TYPE_CHECKING:
    from pipeline.detection import Detection
    from pipeline.facts import Fact

RULES = ruleset(
    rule_text("missing"),
    rule_text("down"),
    rule_text(
        "deployed", audit="{signature: service-replaced, context: {same: [service], within: 30m}}"
    ),
)
OLD, NEW = "backend-00041-hap", "backend-00042-kel"
AN_HOUR = 3600
DAILY = CorrelationSettings(episode_gap=24 * AN_HOUR * SECOND)
"""After a day of silence another incident begins."""


def seen(first: float, last: float, commit: str = "", key: str = "first") -> Sighting:
    """Make what the entries of a revision come to, in seconds after the base."""
    times = [bare_time(BASE + round(at * SECOND)) for at in (first, last)]
    return Sighting(times[0], "projects/p/logs/stderr", key, commit, times[1])


def on(revision: str, at: float, rule: str = "missing", **fields: Any) -> Detection:
    """Make what a rule saw on a revision."""
    return msgspec.structs.replace(detection(rule, at=at, **fields), revision=revision)


BOTH = {
    ("backend", OLD): seen(-AN_HOUR, 20, "a" * 40),
    ("backend", NEW): seen(0, 500, "b" * 40, key="start"),
}


def rollout(sightings: dict[tuple[str, str], Sighting], *found: Detection) -> Rollout:
    """Return what deployments have to do with the first incident of these detections."""
    incidents = correlate(RULES, *found, settings=DAILY).incidents()
    return History(sightings).rollout(incidents[0], incidents)


def fact(sightings: dict[tuple[str, str], Sighting], *found: Detection) -> Fact:
    """Return the one fact about the root of the first incident."""
    (only,) = rollout(sightings, *found).facts
    return only


def test_a_symptom_is_first_seen_after_a_revision_started() -> None:
    """How long after its first entry, and what the revision before logged without it."""
    told = fact(BOTH, on(NEW, 3))
    assert told.text == (
        f"first seen 3 s after revision {NEW} of backend started, absent before: "
        f"revision {OLD} logged from 2025-09-09T23:00:00Z to 2025-09-10T00:00:03Z without it"
    )
    assert told.kind == "first_seen_after_deployment"
    assert told.ref == "insertId start in stderr"
    assert told.data == {
        "service": "backend",
        "revision": NEW,
        "commit": "b" * 40,
        "started_at": "2025-09-10T00:00:00Z",
        "seconds": 3.0,
        "previous": OLD,
        "previous_commit": "a" * 40,
        "absent_before": True,
        "also_on": [],
        "announced_at": "",
        "announced_by": "",
    }


def test_the_audit_entry_that_announced_it_is_cited() -> None:
    """The last one before the first entry of the revision, and who it was."""
    audits = (
        on("", -AN_HOUR / 3, "deployed", key="older"),
        on(NEW, -20, "deployed", by="deployer@p.iam.gserviceaccount.com"),
        on("another", -10, "deployed"),
        on("", 2, "deployed", key="younger"),
    )
    told = fact(BOTH, on(NEW, 3), *audits)
    assert told.data["announced_at"] == "2025-09-09T23:59:40Z"
    assert told.data["announced_by"] == "deployer@p.iam.gserviceaccount.com"
    assert told.ref == "insertId start in stderr, insertId deployed--20-backend in log"


def test_an_announced_revision_began_though_no_other_is_known() -> None:
    """What was before it is not known, and is not said."""
    alone = {("backend", NEW): BOTH["backend", NEW]}
    told = fact(alone, on(NEW, 3), on(NEW, -20, "deployed"))
    assert told.text.endswith(" started; no earlier one logged in what was read")
    assert not told.data["absent_before"]
    assert rollout(alone, on(NEW, 3), on(NEW, -20, "deployed")).begun


@pytest.mark.parametrize(
    ("sightings", "found"),
    [
        ({}, on(NEW, 3)),
        ({("backend", NEW): seen(0, 9)}, on(NEW, 3)),
        ({("backend", OLD): seen(-59, 9), ("backend", NEW): seen(0, 9)}, on(NEW, 3)),
        ({("auth", OLD): seen(-AN_HOUR, 9), ("backend", NEW): seen(0, 9)}, on(NEW, 3)),
        (BOTH, on("", 3)),
        (BOTH, on(NEW, -3)),
    ],
    ids=["nothing", "alone", "both from the start", "another service", "unknown", "before it"],
)
def test_where_no_beginning_is_known_nothing_is_said(
    sightings: dict[tuple[str, str], Sighting], found: Detection
) -> None:
    """The first entries of an export are the beginning of nothing."""
    assert rollout(sightings, found).facts == ()


def test_what_was_seen_before_is_not_new() -> None:
    """On an earlier revision, though it was in an incident of its own."""
    before, now = on(OLD, -30 * AN_HOUR), on(NEW, 3)
    incidents = correlate(RULES, before, now, settings=DAILY).incidents()
    sightings = {**BOTH, ("backend", OLD): seen(-31 * AN_HOUR, 20)}
    (told,) = History(sightings).rollout(incidents[-1], incidents).facts
    assert told.text.endswith(
        f"after revision {NEW} of backend started; "
        f"seen before, on revision {OLD} at 2025-09-08T18:00:00Z"
    )
    assert (told.data["absent_before"], told.data["also_on"]) == (False, [OLD])


def test_what_the_old_revision_shows_later_is_said() -> None:
    """Absent before, and yet the new revision alone cannot be the cause."""
    told = fact(BOTH, on(NEW, 3), on(OLD, 10))
    assert told.text.endswith(
        f"revision {OLD} logged without it from 2025-09-09T23:00:00Z until 2025-09-10T00:00:10Z"
    )
    assert (told.data["absent_before"], told.data["also_on"]) == (True, [OLD])


def test_without_revisions_the_commit_tells() -> None:
    """As of jobs and containers; time says which of them a symptom was seen on."""
    sightings = {
        ("backend", "a" * 40): seen(-AN_HOUR, -60, "a" * 40),
        ("backend", "b" * 40): seen(0, 60, "b" * 40),
    }
    told = fact(sightings, on("", 5))
    assert told.text.startswith("first seen 5 s after commit bbbbbbbbbbbb of backend started")
    later = on("", -AN_HOUR + 1)
    incidents = correlate(RULES, later, on("", 30 * AN_HOUR), settings=DAILY).incidents()
    assert History(sightings).rollout(incidents[1], incidents).facts == ()


def test_a_symptom_seen_before_without_a_revision_names_the_service() -> None:
    """There is no revision to name."""
    sightings = {
        ("backend", "a" * 40): seen(-31 * AN_HOUR, -60, "a" * 40),
        ("backend", "b" * 40): seen(0, 60, "b" * 40),
    }
    incidents = correlate(RULES, on("", -30 * AN_HOUR), on("", 5), settings=DAILY).incidents()
    (told,) = History(sightings).rollout(incidents[1], incidents).facts
    assert told.text.endswith("; seen before, on backend at 2025-09-08T18:00:00Z")


def test_each_service_of_the_root_has_its_fact() -> None:
    """From the place where the service showed it first."""
    sightings = {
        **BOTH,
        ("auth", "auth-1"): seen(-AN_HOUR, 9),
        ("auth", "auth-2"): seen(-60, 9),
    }
    one = on(NEW, 3)
    other = msgspec.structs.replace(on("auth-2", 4, service="auth"), fingerprint=one.fingerprint)
    facts = rollout(sightings, one, on(NEW, 9), other).facts
    assert [(item.data["service"], item.data["seconds"]) for item in facts] == [
        ("backend", 3.0),
        ("auth", 64.0),
    ]


def test_deployments_near_an_incident_are_known() -> None:
    """Within it and up to an hour before, where they began; the latest of all, too."""
    sightings = {
        ("backend", "0"): seen(-9 * AN_HOUR, 0),
        ("backend", "1"): seen(-AN_HOUR - 1, 0),
        ("backend", "2"): seen(-AN_HOUR, 0),
        ("backend", "3"): seen(5, 9),
        ("backend", "4"): seen(11, 12),
        ("auth", "1"): seen(-AN_HOUR, 0),
        ("auth", "2"): seen(0, 0),
    }
    told = rollout(sightings, on("2", 0), on("2", 10))
    assert [item.revision for item in told.begun] == ["2", "3"]
    assert told.latest
    assert told.latest.revision == "4"


SHORT = "bbbbbbbbbbbb"


@pytest.mark.parametrize(
    ("revisions", "commits", "text"),
    [
        (
            (OLD, NEW),
            ("a" * 40, "b" * 40),
            f"revision {NEW}, {SHORT}, revision {OLD}, aaaaaaaaaaaa",
        ),
        ((OLD, NEW), ("sha", "sha"), f"revision {NEW}, sha, revision {OLD}, the same"),
        ((OLD, NEW), ("", "sha"), f"revision {NEW}, sha, revision {OLD}, "),
        ((OLD, NEW), ("", ""), f"revision {NEW}, , revision {OLD}, "),
        (("sha-1", "sha-2"), ("sha-1", "sha-2"), "commit sha-2, , commit sha-1, "),
    ],
)
def test_a_deployment_says_its_commit(
    revisions: tuple[str, str], commits: tuple[str, str], text: str
) -> None:
    """And that of the one before it, as far as they are known."""
    sightings = {
        ("backend", revisions[0]): seen(-2 * AN_HOUR, 0, commits[0]),
        ("backend", revisions[1]): seen(0, 9, commits[1]),
    }
    (begun,) = rollout(sightings, on(NEW, 3)).begun
    name, commit, before, other = text.split(", ")
    said = f"{name} of backend started (first entry)"
    said += f", commit {commit}" if commit else ""
    said += f"; before it {before}"
    said += {"": "", "the same": ", the same commit"}.get(other, f", commit {other}")
    assert deployment_text(begun) == said


def test_a_deployment_without_an_earlier_one_says_only_its_beginning() -> None:
    """There is nothing to compare it with."""
    alone = {("backend", NEW): seen(0, 9)}
    (begun,) = rollout(alone, on(NEW, 3), on(NEW, -20, "deployed")).begun
    assert deployment_text(begun) == f"revision {NEW} of backend started (first entry)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "less than 1 s"),
        (1, "1 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7_199, "119 min"),
        (7_200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
    ],
)
def test_spans_are_said_in_one_unit(seconds: float, text: str) -> None:
    """Rounded down."""
    assert span_text(round(seconds * SECOND)) == text


# --- what a run gathers ---------------------------------------------------------------------------

SIGHTINGS = st.dictionaries(
    st.tuples(st.just("web"), st.sampled_from("abc")),
    st.builds(seen, st.integers(0, 3), st.integers(3, 9), st.sampled_from(["", "sha"])),
)


@given(st.lists(SIGHTINGS), st.randoms())
def test_the_order_of_telling_does_not_matter(
    told: list[dict[tuple[str, str], Sighting]], chance: Any
) -> None:
    """Nor does repetition."""
    one, other = Sightings(), Sightings()
    for part in told:
        one.add(part)
    for part in [*chance.sample(told, len(told)), *told]:
        other.add(part)
    assert one == other


def test_too_many_revisions_are_none() -> None:
    """Memory is bounded, and what is left does not depend on the order."""
    told = Sightings(most=2)
    for name in "abcab":
        told.add({("web", name): seen(0, 1)})
    assert told == Sightings({}, too_many=True, most=2)


def test_secrets_in_names_do_not_leave() -> None:
    """Names that become equal are one; identifiers are kept apart by whoever redacts them."""
    told = Sightings({("web", "s1"): seen(0, 1, key="id"), ("web", "s2"): seen(1, 5, "s3")})
    clean = told.redacted(lambda text: "gone" if text[:1] == "s" else text, str.upper)
    expected = msgspec.structs.replace(seen(0, 5, key="ID"), log_name="PROJECTS/P/LOGS/STDERR")
    assert clean == {("web", "gone"): expected}


def test_of_services_that_nobody_asks_for_nothing_is_worked_out() -> None:
    """There may be thousands; a time of theirs that is none does no harm."""
    bad = Sighting("no time", "", "", "", "none")
    sightings = {**BOTH, ("auth", "1"): bad}
    assert rollout(sightings, on(NEW, 3)) == rollout(BOTH, on(NEW, 3))


def test_revisions_count_again_once_what_was_told_before_is_forgotten() -> None:
    """There is no telling of them from those that were too many before."""
    told = Sightings(most=1)
    for _ in range(2):  # each time as long
        told.add({("web", "a"): seen(0, 1), ("web", "b"): seen(0, 1)})
        told.forget(BASE)
        told.forget(BASE + KEPT - 1)
        told.add({("web", "a"): seen(0, 1)})
        assert told == Sightings({}, too_many=True, most=1)
        told.forget(BASE + KEPT)
        assert told == Sightings(most=1)


def test_a_revision_is_forgotten_after_a_while() -> None:
    """Three months after its last entry."""
    told = {("web", "a"): seen(0, 1), ("web", "b"): seen(0, 2)}
    now = BASE + 2 * SECOND + KEPT
    assert list(recent(told, now)) == [("web", "b")]
    assert recent(told, 0) == told


# --- what is examined -----------------------------------------------------------------------------

LATEST = BASE + 100 * SECOND


def line(at: float, revision: str, text: str = "well") -> bytes:
    """Write an entry as a line."""
    labels = {"service_name": "backend", "revision_name": revision}
    return entry(text, at=at, key=f"{at}", resource={"labels": labels}).json + b"\n"


def examined(*lines: bytes, latest: int | None = None) -> dict[tuple[str, str], tuple[str, str]]:
    """Return between which times the revisions in a block of lines logged."""
    examiner = Examiner(detector(RULES), Window(until=LATEST * 2), latest=latest)
    (block,) = read_blocks("export", [b"".join(lines)], 0)
    assert isinstance(block, Block)
    told = examiner(block).sightings
    return {running: (one.first, one.last) for running, one in told.items()}


def test_lines_that_are_parsed_and_lines_that_are_not_tell_alike() -> None:
    """A rule needs one of these; the others are only looked at."""
    told = examined(line(1, "a"), line(0, "a", "missing"), line(2, "a"), line(3, "b"))
    assert told == {
        ("backend", "a"): (bare_time(BASE), bare_time(BASE + 2 * SECOND)),
        ("backend", "b"): (bare_time(BASE + 3 * SECOND),) * 2,
    }


@pytest.mark.parametrize("text", ["well", "missing"])
def test_a_time_that_is_nobodys_tells_of_no_revision(text: str) -> None:
    """An entry of the far future does not make its revision live on."""
    lines = (line(1, "a"), line(101, "a", text))
    assert examined(*lines, latest=LATEST) == {("backend", "a"): (bare_time(BASE + SECOND),) * 2}
    assert examined(lines[1], latest=LATEST) == {}
    assert examined(lines[1]) != {}
