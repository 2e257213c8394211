"""The whole run: every entry is accounted for, and what it caused is recorded before it is sent."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import Catalog
from pipeline.correlation import Correlator
from pipeline.entry import Rejection
from pipeline.errors import LeaseLostError, SinkError
from pipeline.examining import Window
from pipeline.facts import Fact
from pipeline.flow import Replay, Texts
from pipeline.ports import Lease, Progress
from pipeline.report import Action, Policy
from pipeline.stores.memory import MemoryStore
from pipeline.whys import Status, load_whys
from tests.fakes.investigator import Witness
from tests.fakes.sink import BrokenSink, MemorySink
from tests.fakes.source import LinesSource, ListSource
from tests.fakes.spool import MemorySpool
from tests.support import BASE, SECOND, detector, entry, rule_text, ruleset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.entry import LogEntry
    from pipeline.ports import Case, Sink, Source
    from pipeline.result import Result

RULES = ruleset(
    rule_text("missing", level="critical", audit="{whys: ownership}"),
    rule_text("down", audit="{caused_by: [{rule: missing, same: [service]}]}"),
    rule_text("slow", level="low"),
    rule_text("deployed", audit="{context: {}}"),
)
WHYS = """\
name: ownership
whys:
  - question: Why?
    answers: [{claim: C, when: [owner], answer: "{{ owner[0].name }}"}]
    unknown: Nobody knows.
    settle: Ask.
"""
TEXTS = Texts(
    load_whys([("w.yml", WHYS)]), "{{ incident.title }} ({{ incident.count }})", "issue.md.j2"
)

MISSING, DOWN = entry("missing"), entry("down", at=1)
SLOW, QUIET = entry("slow", at=2, service="auth"), entry("well", at=3)
REJECTED = Rejection("export.jsonl:7", "no JSON object")


def run(
    *records: LogEntry | Rejection,
    store: MemoryStore | None = None,
    sinks: Sequence[Sink] = (),
    window: Window | None = None,
    policy: Policy | None = None,
    source: Source | None = None,
    **parts: Any,
) -> Result:
    """Run a replay of records, or of a source, over doubles."""
    replay = Replay(
        **{
            "detector": detector(RULES),
            "correlator": Correlator(RULES),
            "spool": MemorySpool,
            "catalog": Catalog(),
            "texts": lambda _: TEXTS,
            "investigators": (),
            "store": store or MemoryStore(),
            "sinks": sinks,
            "policy": policy or Policy(),
            "window": window or Window(),
            **parts,
        }
    )
    return replay.run(source or ListSource(records))


def copy(text: str, *, rich: bool) -> LogEntry:
    """Make a copy of one and the same entry; the rich one has a payload more."""
    more: dict[str, Any] = {"jsonPayload": {"note": "complete"}} if rich else {}
    return entry(text, key="same", **more)


# --- noise ----------------------------------------------------------------------------------------


def test_noise_is_told_in_the_run_and_counts_as_known() -> None:
    """It is in no incident and no issue; the self-audit does not call it unmatched."""
    rules = ruleset(
        rule_text("loud", level="low", audit="{entity: [service], noise: true}"),
        rule_text("fallen", "", audit="{fallback: true}"),
    )
    loud = [entry("loud", at=at, key=f"loud-{at}", severity="WARNING") for at in (0, 1, 2)]
    result = run(*loud, loud[0], detector=detector(rules), correlator=Correlator(rules))
    assert result.outcomes == ()
    (noise,) = result.document().noise
    assert (noise.rule, noise.count, noise.services) == ("loud", 3, ["backend"])
    assert [line["incident_id"] for line in result.detection_lines()] == [None] * 3
    assert (result.audit.warnings, result.audit.unmatched) == (3, 0)


# --- tracebacks, a line an entry ------------------------------------------------------------------

TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 3, in start',
    "    import reports",
    "ModuleNotFoundError: No module named 'reports'",
)
LINES = [
    entry(line, at=number / 1000, key=f"line-{number}", severity=None)
    for number, line in enumerate(TRACEBACK)
]
ABOUT_TRACEBACKS = ruleset(
    rule_text("No module named"),
    "title: t\nname: started\nlogsource: {product: gcp}\n"
    "detection:\n  a: {exception.frames|contains: main.py, exception.type: ModuleNotFoundError}\n"
    "  condition: a\n",
    rule_text("Traceback"),
)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("No module named", ["ModuleNotFoundError"]),
        ("nothing of the kind", []),  # the rule leaves this exception to others
    ],
)
def test_the_line_above_a_traceback_is_read_together_with_it(error: str, told: list[str]) -> None:
    """A rule that knows it by itself sees what was raised, or that it is none of its business."""
    rules = ruleset(
        "title: t\nname: head\nlogsource: {product: gcp}\ndetection:\n"
        "  a: {message|contains: not caught}\n"
        "  b: {message|re: '(?m:^(?P<error>\\w+Error): )'}\n"
        f"  c: {{message|re: '^(?s:.*Traceback.*)$'}}\n  d: {{message|contains: {error}}}\n"
        "  condition: ((a and b) or a) and (not c or d)\naudit: {title: '{{ error }}'}\n"
    )
    above = entry("[ERROR] not caught", at=-0.001, key="above", severity=None)
    result = run(*LINES, above, detector=detector(rules), correlator=Correlator(rules))
    assert [outcome.incident.root.title for outcome in result.outcomes] == told


@pytest.mark.parametrize("warned", ["retrying in 2s", "it failed"])
def test_a_line_above_a_traceback_may_announce_another_attempt(warned: str) -> None:
    """Then what is seen in the traceback and its lines heals, else it does not."""
    rules = ruleset(
        rule_text("missing", "No module named", audit="{entity: [service], heals: true}"),
        rule_text("importing", "Traceback(?s:.*)import reports", audit="{heals: true}"),
    )
    above = entry(f"[ERROR] start: {warned}", at=-0.001, key="above", severity=None)
    result = run(above, *LINES, detector=detector(rules), correlator=Correlator(rules))
    found = {line["rule"]: line["incident_id"] for line in result.detection_lines()}
    assert set(found) == {"missing", "importing"}
    assert (set(found.values()) == {None}) is (warned == "retrying in 2s")


def test_what_does_not_heal_counts_below_an_attempt_that_is_announced() -> None:
    """Only the rule says whether what it sees may heal."""
    rules = ruleset(rule_text("missing", "No module named", audit="{entity: [service]}"))
    above = entry("[ERROR] start: retrying in 2s", at=-0.001, key="above", severity=None)
    result = run(above, *LINES, detector=detector(rules), correlator=Correlator(rules))
    assert [outcome.incident.root.rule for outcome in result.outcomes] == ["missing"]


@given(st.permutations([*LINES, LINES[0], LINES[3], MISSING]))
def test_a_traceback_in_lines_is_seen_whole_and_counted_once(records: list[LogEntry]) -> None:
    """In any order: what a line shows counts there, what only the whole shows counts once."""
    result = run(
        *records, detector=detector(ABOUT_TRACEBACKS), correlator=Correlator(ABOUT_TRACEBACKS)
    )
    found = sorted((line["rule"], line["insert_id"]) for line in result.detection_lines())
    assert found == [
        ("No module named", "line-3"),
        ("Traceback", "line-0"),
        ("started", "line-0"),
    ]
    assert result.document().entries.model_dump() == {
        "read": 7,
        "accepted": 5,
        "duplicates": 2,
        "rejected": 0,
        "outside": 0,
        "unknown_severities": 0,
    }


# --- accounting -----------------------------------------------------------------------------------


def test_every_record_is_accounted_for() -> None:
    """Read is accepted plus duplicates plus rejected; the rejected keep place and reason."""
    result = run(MISSING, REJECTED, QUIET, MISSING, DOWN)
    entries = result.document().entries
    assert (entries.read, entries.accepted, entries.duplicates, entries.rejected) == (5, 3, 1, 1)
    (rejection,) = result.document().rejections
    assert (rejection.place, rejection.reason) == ("export.jsonl:7", "no JSON object")


def test_unknown_severities_are_counted() -> None:
    """A word that nobody knows reads as DEFAULT; how often it came is told, each entry once."""
    odd = entry("well", severity="LOUD")
    result = run(odd, odd, entry("fine", severity="info"), entry("good", severity=None))
    assert result.document().entries.unknown_severities == 1


def test_a_run_beside_others_leaves_what_was_received_as_it_is() -> None:
    """What waits to be correlated, and lines that wait for what follows, are those others' work."""
    store, mine = MemoryStore(), Lease("correlation", "me")
    store.lease(*mine, BASE + 1, BASE)
    for receipt in (b"one", b"two"):
        store.receive(receipt, (), BASE)
    told = Progress((1,), b"lines", BASE, *mine, requests=b"requests")
    store.record([], [], BASE, progress=told)
    run(MISSING, store=store, lease=mine)
    assert [item.rule for item in store.detections()] == ["missing"]
    assert (store.held(), [*store.recent(0)]) == (b"lines", [b"requests"])
    assert store.receipts(9) == [(2, b"two")]


@pytest.mark.parametrize("holder", ["another", ""])
def test_a_run_that_lost_its_lease_records_and_sends_nothing(holder: str) -> None:
    """Whoever has it now, or had it meanwhile, correlated; it says what to do."""
    store, mine, sink = MemoryStore(), Lease("correlation", "me"), MemorySink()
    if holder:
        store.lease(mine.name, holder, BASE + 1, BASE)
    with pytest.raises(LeaseLostError, match="'correlation': nothing was recorded; run it again"):
        run(MISSING, store=store, sinks=[sink], lease=mine)
    assert (store.detections(), store.incidents(), sink.sent) == ((), (), [])


def test_each_record_is_told_to_the_progress_bar() -> None:
    """Whatever became of it."""
    seen: list[int] = []
    replay = Replay(
        detector=detector(RULES),
        correlator=Correlator(RULES),
        spool=MemorySpool,
        catalog=Catalog(),
        texts=lambda _: TEXTS,
        investigators=(),
        store=MemoryStore(),
        sinks=(),
        policy=Policy(),
        window=Window(until=BASE + SECOND),
    )
    replay.run(ListSource([MISSING, MISSING, DOWN, REJECTED]), seen.append)
    assert sum(seen) == 4


@pytest.mark.parametrize(
    ("since", "until", "holds"),
    [
        (None, None, True),
        (0, None, True),
        (1, None, False),
        (None, 1, True),
        (None, 0, False),
        (0, 1, True),
    ],
)
def test_a_window_holds_from_its_beginning_up_to_and_without_its_end(
    since: int | None, until: int | None, *, holds: bool
) -> None:
    """Windows that follow each other hold each entry once."""
    window = Window(
        None if since is None else BASE + since, None if until is None else BASE + until
    )
    assert window.holds(MISSING.timestamp) is holds


def test_entries_outside_the_window_are_no_part_of_the_run() -> None:
    """They are counted apart, and nothing is detected in them."""
    result = run(MISSING, DOWN, window=Window(since=BASE + SECOND))
    entries = result.document().entries
    assert (entries.read, entries.accepted, entries.outside) == (1, 1, 1)
    assert [outcome.incident.root.rule for outcome in result.outcomes] == ["down"]


@pytest.mark.parametrize("rich_first", [False, True])
def test_of_several_copies_the_richest_speaks(*, rich_first: bool) -> None:
    """In either order, and even when it shows nothing where a poorer one did."""
    poor, rich = copy("missing", rich=False), copy("well", rich=True)
    result = run(*((rich, poor) if rich_first else (poor, rich)))
    assert result.outcomes == ()
    assert list(result.detection_lines()) == []
    assert result.document().entries.duplicates == 1


# --- what comes out -------------------------------------------------------------------------------


def test_a_run_comes_to_one_outcome_an_incident() -> None:
    """Explained, rendered and decided, and the same in the form of the public contract."""
    result = run(MISSING, DOWN, SLOW, QUIET)
    assert [item.incident.title for item in result.outcomes] == [
        "backend: About missing",
        "auth: About slow",
    ]
    document = result.document().incidents[0]
    assert document == result.outcomes[0].document
    assert (document.report.action, document.report.reason) == ("create", "first report")
    assert document.report.body == "backend: About missing (2)"


def test_investigators_settle_whys() -> None:
    """What they establish is evidence like any other; other incidents stay unknown."""
    witness = Witness("missing", [Fact("owner", "auth owns it", "auth.py:7", {"name": "auth"})])
    document = run(MISSING, investigators=[witness]).document().incidents[0]
    assert document.five_whys[0].answer == "auth"
    assert document.five_whys[0].evidence[0].ref == "auth.py:7"
    other = run(DOWN, investigators=[witness]).document().incidents[0]
    assert other.five_whys[0].status == Status.UNKNOWN


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/auth.py#L7", "https://example.com/auth.py#L7"),
        ("https://example.com/?token=abc123secretvalue", ""),
    ],
)
def test_an_address_that_holds_a_secret_leads_nowhere(url: str, shown: str) -> None:
    """What an investigator found is told all the same."""
    fact = Fact("owner", "auth owns it", "auth.py:7", {"name": "auth"}, url=url)
    document = run(MISSING, investigators=[Witness("missing", [fact])]).document().incidents[0]
    (evidence,) = document.five_whys[0].evidence
    assert (evidence.text, evidence.url) == ("auth owns it", shown)


def test_investigators_are_told_whether_all_stood_in_order_of_time() -> None:
    """It is known of raw lines alone, of each and of what comes after it."""

    def in_order(*lines: LogEntry, blocks: bool = True, window: Window | None = None) -> bool:
        asked: list[Case] = []
        witness = Witness("missing", [], asked)
        written = [json.dumps(one.document).encode() + b"\n" for one in lines]
        source = LinesSource(written, in_blocks=blocks)
        run(source=source, investigators=[witness], window=window)
        (case,) = asked
        return case.in_order

    early, late = entry("calm", at=-1), entry("calm", at=1, key="late")
    assert in_order(early, MISSING, late)
    assert in_order(early, MISSING, MISSING)
    assert not in_order(MISSING, early)
    assert not in_order(early, MISSING, late, MISSING)
    assert not in_order(early, MISSING, blocks=False)
    assert not in_order(early, MISSING, window=Window(since=MISSING.timestamp))


def test_every_detection_is_listed_with_its_incident() -> None:
    """In order of time; what belongs to no incident is listed, too."""
    stray = entry("deployed", at=4, service="frontend")
    lines = list(run(stray, SLOW, DOWN, MISSING).detection_lines())
    assert [line["rule"] for line in lines] == ["missing", "down", "slow", "deployed"]
    assert lines[0] == {
        "insert_id": MISSING.insert_id,
        "log_name": MISSING.log_name,
        "timestamp": "2025-09-10T00:00:00Z",
        "rule": "missing",
        "fingerprint": lines[0]["fingerprint"],
        "incident_id": lines[1]["incident_id"],
    }
    assert lines[0]["incident_id"] not in {None, lines[2]["incident_id"]}
    assert lines[3]["incident_id"] is None


RECORDS = [MISSING, DOWN, SLOW, QUIET, copy("down", rich=False), copy("missing", rich=True)]


@given(st.data())
def test_the_order_and_repetition_of_entries_changes_nothing(data: st.DataObject) -> None:
    """The same export, shuffled and with repetitions, gives the same incidents and plan."""
    again = data.draw(st.lists(st.sampled_from(RECORDS), max_size=5))
    shuffled = data.draw(st.permutations(RECORDS + again))
    result, expected = run(*shuffled), run(*RECORDS)
    assert result.document().incidents == expected.document().incidents
    assert list(result.detection_lines()) == list(expected.detection_lines())
    assert result.document().entries.accepted == expected.document().entries.accepted


# --- recording and sending ------------------------------------------------------------------------


def test_what_was_decided_is_sent_to_every_sink() -> None:
    """Each outcome to each."""
    sinks = [MemorySink(), MemorySink()]
    result = run(MISSING, SLOW, sinks=sinks)
    assert [tuple(sink.sent) for sink in sinks] == [result.outcomes, result.outcomes]


def test_decisions_are_recorded_before_anything_is_sent() -> None:
    """A sink that breaks leaves the ledger as it was decided, and the other sinks their reports."""
    store, after = MemoryStore(), MemorySink()
    with pytest.raises(SinkError, match="the tracker is away"):
        run(MISSING, store=store, sinks=[BrokenSink(), after])
    (decision,) = store.decisions
    assert (decision.action, decision.reason) == (Action.CREATE, "first report")
    assert [item.incident.root.rule for item in after.sent] == ["missing"]
    again = run(MISSING, store=store, sinks=[after])
    assert [item.decision.action for item in again.outcomes] == [Action.LEAVE]
    assert len(store.decisions) == 1


def test_a_dry_run_decides_and_records_and_sends_nothing() -> None:
    """It shows the plan."""
    store, sink = MemoryStore(), MemorySink()
    result = run(MISSING, store=store, sinks=[sink], dry_run=True)
    assert [item.decision.action for item in result.outcomes] == [Action.CREATE]
    assert (store.decisions, store.detections(), store.incidents(), sink.sent) == ((), (), (), [])


def test_the_same_export_again_changes_nothing() -> None:
    """Of an incident that is known and says the same, nothing is told."""
    store = MemoryStore()
    first, second = (run(MISSING, DOWN, store=store) for _ in range(2))
    assert [item.reported for item in chain(first.outcomes, second.outcomes)] == [False, True]
    assert second.outcomes[0].decision.reason == "nothing changed since the last report"
    assert second.outcomes[0].incident == first.outcomes[0].incident


def test_a_later_export_goes_on_with_what_is_known() -> None:
    """The incident keeps its id, and the new symptom is told."""
    store = MemoryStore()
    (first,) = run(MISSING, store=store).outcomes
    (second,) = run(DOWN, store=store).outcomes
    assert second.incident.id == first.incident.id
    assert second.decision.reason == "new symptoms: 1"
    assert len(store.incidents()) == 1


def test_a_later_run_takes_back_what_a_poorer_copy_showed() -> None:
    """A richer copy that shows nothing clears what an earlier run kept of its entry."""
    store = MemoryStore()
    run(copy("missing", rich=False), MISSING, store=store)
    last = run(copy("well", rich=True), store=store)
    assert [outcome.incident.count for outcome in last.outcomes] == [1]
    assert [item.key for item in store.detections()] == [MISSING.key]


def test_an_older_export_does_not_turn_time_back() -> None:
    """An incident that is resolved stays so, though the export ends before it began."""
    store = MemoryStore()
    run(MISSING, entry("well", at=48 * 3600), store=store)
    known, *_ = run(entry("well", at=-48 * 3600), store=store).outcomes
    assert known.incident.state == "resolved"
    assert known.decision.reason == "nothing changed since the last report"


def test_what_is_not_urgent_enough_is_left_alone() -> None:
    """It is still told to sinks and store, with the reason."""
    store = MemoryStore()
    result = run(MISSING, SLOW, store=store, policy=Policy(min_priority="P2"))
    assert [item.decision.reason for item in result.outcomes] == [
        "first report",
        "below the minimum priority P2",
    ]
    assert len(store.decisions) == 1
    assert len(store.incidents()) == 2


# --- deployments ----------------------------------------------------------------------------------


def on_revision(name: str, text: str, at: float) -> LogEntry:
    """Make an entry that a revision of the backend logged."""
    labels = {"service_name": "backend", "revision_name": name}
    return entry(text, at=at, key=f"{name}-{at}", resource={"labels": labels})


OLDER = [on_revision("r1", "well", at) for at in (0, 100)]
NEWER = [on_revision("r2", "well", 110), on_revision("r2", "missing", 113)]
SINCE_R2 = (
    "first seen 3 s after revision r2 of backend started, absent before: "
    "revision r1 logged from 2025-09-10T00:00:00Z to 2025-09-10T00:01:40Z without it"
)


@given(st.permutations([*OLDER, *NEWER, NEWER[0]]))
def test_an_incident_says_after_which_deployment_it_was_first_seen(
    records: list[LogEntry],
) -> None:
    """In whatever order the entries come."""
    (outcome,) = run(*records).outcomes
    assert outcome.document.first_seen_after_deployment == [SINCE_R2]
    assert outcome.document.timeline[0].kind == "deployment"


def test_a_store_remembers_which_revisions_logged() -> None:
    """A later run knows what an earlier one saw; a dry run leaves nothing behind."""
    store = MemoryStore()
    run(*OLDER, store=store, dry_run=True)
    assert store.sightings() == {}
    run(*OLDER, store=store)
    (outcome,) = run(*NEWER, store=store).outcomes
    assert outcome.document.first_seen_after_deployment == [SINCE_R2]


def test_a_first_report_waits_for_a_rollout_to_be_over() -> None:
    """Held back with its reason while the revision is young, reported later."""
    policy, store = Policy(rollout_hold=60 * SECOND), MemoryStore()
    (held,) = run(*OLDER, *NEWER, store=store, policy=policy).outcomes
    assert (held.decision.action, held.decision.reason) == (
        Action.LEAVE,
        "held back: revision r2 started 33 s ago",
    )
    (told,) = run(on_revision("r2", "well", 170), store=store, policy=policy).outcomes
    assert told.decision.action is Action.CREATE


# --- what no rule knows ---------------------------------------------------------------------------

UNKNOWN = (
    "title: t\nname: unknown\nlogsource: {product: gcp}\ndetection:\n"
    "  a: {severity|gte: 500}\n  b: {severity: DEFAULT, exception.frames|exists: true}\n"
    "  condition: a or b\nlevel: medium\n"
    'audit: {fallback: true, title: "Unknown: {{ pattern }}"}\n'
)
ABOUT_UNKNOWN = ruleset(
    UNKNOWN, rule_text("missing", level="critical"), rule_text("No module named")
)


def told(*records: LogEntry, store: MemoryStore | None = None) -> Result:
    """Run a replay with a rule for what no other rule knows."""
    return run(
        *records,
        detector=detector(ABOUT_UNKNOWN),
        correlator=Correlator(ABOUT_UNKNOWN),
        store=store,
    )


def torn(*lines: str, at: float = 0, severity: str | None = None) -> list[LogEntry]:
    """Make an entry of each line."""
    return [
        entry(line, at=at + number / 1000, key=f"{at}-{number}", severity=severity)
        for number, line in enumerate(lines)
    ]


STRANGE = (*TRACEBACK[:3], "shop.errors.BrokenPlan: it ends before it begins")
HEADER = "ERROR:shop:show_plan failed"


def test_an_error_that_no_rule_knows_is_an_incident() -> None:
    """One for each pattern; what a rule knows is none."""
    result = told(
        MISSING,
        entry("page 7 closed", at=1),
        entry("page 8 closed", at=2),
        entry("disk full", at=3),
    )
    assert [(item.incident.title, item.incident.count) for item in result.outcomes] == [
        ("backend: About missing", 1),
        ("backend: Unknown: page <num> closed", 2),
        ("backend: Unknown: disk full", 1),
    ]
    assert [symptom.unknown for item in result.outcomes for symptom in item.incident.symptoms] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("severity", [None, "ERROR"])
def test_a_torn_traceback_that_no_rule_knows_is_one_pattern(severity: str | None) -> None:
    """None of its lines is one by itself, and it counts once."""
    result = told(*torn(*STRANGE, severity=severity), *torn(*STRANGE, at=60, severity=severity))
    (outcome,) = result.outcomes
    assert outcome.incident.title == "backend: Unknown: BrokenPlan in start (/app/main.py)"
    assert outcome.incident.count == 2
    assert (result.audit.warnings, result.audit.unmatched) == (2, 2)


def test_a_torn_traceback_that_a_rule_knows_is_no_unknown_pattern() -> None:
    """Its lines are errors, and so is the whole."""
    result = told(*torn(*TRACEBACK, severity="ERROR"))
    assert [item.incident.root.rule for item in result.outcomes] == ["No module named"]
    assert (result.audit.warnings, result.audit.unmatched) == (1, 0)


@pytest.mark.parametrize("lines", [STRANGE, TRACEBACK])
def test_the_line_above_a_traceback_belongs_to_its_incident(lines: tuple[str, ...]) -> None:
    """The traceback explains it, whether a rule knows that or not."""
    (outcome,) = told(*torn(HEADER, *lines)).outcomes
    header, root = outcome.incident.symptoms
    assert (header.rule, outcome.incident.root) == ("unknown", root)
    assert header.title == "Unknown: show_plan failed"  # without what the logger writes before it
    (link,) = outcome.incident.links
    assert (link.kind, link.effect, link.cause) == (
        "caused_by",
        header.fingerprint,
        root.fingerprint,
    )
    assert "right above its traceback" in link.reason


def test_the_line_above_a_whole_traceback_belongs_to_it() -> None:
    """Cloud Run makes one entry of several lines when they come in one write."""
    whole = entry("\n".join(STRANGE), at=0.0003, key="whole", severity=None)
    (outcome,) = told(*torn(HEADER), whole).outcomes
    assert [symptom.count for symptom in outcome.incident.symptoms] == [1, 1]
    assert outcome.incident.root.title == "Unknown: BrokenPlan in start (/app/main.py)"


def test_one_line_above_two_different_tracebacks_does_not_join_them() -> None:
    """A server says the same words above every exception."""
    found = told(*torn(HEADER, *STRANGE), *torn(HEADER, *TRACEBACK, at=60)).outcomes
    assert [len(item.incident.symptoms) for item in found] == [2, 2]


def test_a_line_above_that_a_rule_knows_explains_nothing_new() -> None:
    """It is told as what it is."""
    (header, traceback) = told(*torn("ERROR: missing", *STRANGE)).outcomes
    assert [symptom.rule for symptom in header.incident.symptoms] == ["missing"]
    assert [symptom.rule for symptom in traceback.incident.symptoms] == ["unknown"]


def test_a_traceback_above_which_a_warning_stands_is_a_warning() -> None:
    """Whoever wrote it went on."""
    result = told(*torn("WARNING:shop:tried again", *STRANGE))
    assert result.outcomes == ()
    assert (result.audit.warnings, result.audit.unmatched) == (2, 2)


MIXED = [
    *torn(HEADER, *STRANGE),
    *torn(*TRACEBACK, at=30, severity="ERROR"),
    entry("ValueError: alone", at=40, key="alone"),
    entry("page 7 closed", at=50),
    copy("page 9 closed", rich=False),
    copy("missing", rich=True),
]


@given(st.permutations(MIXED), st.lists(st.sampled_from(MIXED), max_size=4))
def test_order_and_repetition_change_nothing_unknown(
    records: list[LogEntry], again: list[LogEntry]
) -> None:
    """Neither the incidents nor the self-audit."""
    result, expected = told(*records, *again), told(*MIXED)
    assert result.document().incidents == expected.document().incidents
    assert list(result.detection_lines()) == list(expected.detection_lines())
    assert result.audit == expected.audit


def test_lines_told_alone_are_taken_back_when_the_rest_arrives() -> None:
    """A later export has the lines that were missing."""
    store = MemoryStore()
    lines = torn(*STRANGE, severity="ERROR")
    first = told(lines[0], lines[3], store=store)
    assert {item.incident.count for item in first.outcomes} == {1}
    assert len(first.outcomes) == 2
    (after,) = told(*lines, store=store).outcomes
    assert (after.incident.count, len(after.incident.symptoms)) == (1, 1)


def test_a_rule_written_later_takes_the_pattern_over() -> None:
    """The same export again tells what the rules see now."""
    store = MemoryStore()
    told(entry("page 7 closed"), store=store)
    known = ruleset(UNKNOWN, rule_text("closed"))
    again = run(
        entry("page 7 closed"), detector=detector(known), correlator=Correlator(known), store=store
    )
    assert [item.incident.root.rule for item in again.outcomes] == ["closed"]
