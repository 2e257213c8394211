"""What an issue says, that log text cannot act in it, and what is decided about it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from msgspec import structs

from pipeline.audit import SERVICE, Owner
from pipeline.catalog import Catalog, load_catalog
from pipeline.correlation.links import Anchor
from pipeline.deployments import Deployment, Rollout
from pipeline.detection import Sample
from pipeline.errors import TemplateError
from pipeline.facts import Fact, known_facts
from pipeline.incident import Incident, State
from pipeline.lifecycle import HOUR
from pipeline.report import (
    BODY_LIMIT,
    Action,
    Decision,
    LedgerEntry,
    Policy,
    Report,
    decide,
    drafts,
    grouped_because,
    owners,
    raw_lines,
    render,
    state_lines,
    timeline,
    who_looks,
)
from pipeline.report.parts import OWNERS
from pipeline.verdicts import Kind, Verdict
from pipeline.whys import (
    Evidence,
    Explanation,
    Status,
    Why,
    WhysTemplates,
    explain,
    load_whys,
)
from tests.support import (
    BASE,
    SECOND,
    correlate,
    detection,
    entry,
    incidents,
    rule_text,
    ruleset,
    temporal_text,
)
from tests.test_markdown import ANY_TEXT, HOSTILE, assert_defused, parser

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from markdown_it.token import Token

    from pipeline.rule import RuleSet

TEMPLATE = Path(__file__).parents[1] / "templates/issue.md.j2"

RULES = ruleset(
    rule_text("missing", level="critical", audit="{impact: Nobody can log in}"),
    rule_text("down", level="high", audit="{caused_by: [{rule: missing, same: [service]}]}"),
    rule_text("extra", level="medium", audit="{entity: [service, table]}"),
    temporal_text("mismatch", "missing", "extra"),
    rule_text("deployed", audit="{context: {}, state: {Deployed: '{{ service }}'}}"),
)


def incident(*, rules: RuleSet = RULES, more: Iterable[str] = ()) -> Incident:
    """Make an incident: a missing table, what fails for it, and what further rules saw."""
    seen = [detection(name, at=at) for at, name in enumerate(("missing", "down", *more))]
    (made,) = correlate(rules, *seen).incidents()
    return made


def report(made: Incident, templates: WhysTemplates | None = None) -> Report:
    """Render the report of an incident as it is delivered."""
    explanation = explain(made, known_facts(made, Catalog()), templates or WhysTemplates({}, {}))
    return render(made, explanation, TEMPLATE.read_text(encoding="utf-8"), "issue.md.j2")


def headings(body: str) -> list[str]:
    """Return the headings of a body as they are read, with their level."""
    return [
        f"{opened.markup} {inline.content}"
        for opened, inline in pairwise(parser().parse(body))
        if opened.type == "heading_open"
    ]


# --- the issue ------------------------------------------------------------------------------------


def test_an_issue_has_every_section() -> None:
    """A reader finds each thing in its place, whatever the incident is."""
    assert headings(report(incident(more=["extra"])).body) == [
        "## Problem",
        "## Symptoms",
        "### Critical failures",
        "### Warnings",
        "## System state",
        "## Timeline",
        "## Five whys",
        "### Why 1: Why “About down”?",
        "### Why 2: Why “About missing”?",
        "## Root cause summary",
        "## Next steps",
        "## Open questions",
        "## Why these belong together",
    ]


def test_title_and_labels_say_how_urgent_and_what() -> None:
    """So that a list of issues can be read and filtered."""
    made = report(incident())
    assert made.title == "[P1] backend: About missing"
    assert made.labels == ("fivewhys", "P1", "missing")
    assert made.incident_id == incident().id


def test_the_digest_changes_with_what_a_reader_would_see() -> None:
    """Title, labels and body; that nothing changed shows in it."""
    made = report(incident())
    assert made.digest == report(incident()).digest
    others = (replace(made, title="x"), replace(made, labels=()), replace(made, body="x"))
    assert made.digest not in {other.digest for other in others}


def test_numbers_and_times_are_written_for_people() -> None:
    """Counts have a noun, times milliseconds; the raw lines keep every digit."""
    seen = [
        structs.replace(detection("missing", at=at), fingerprint="x") for at in (0, 1.0123456789)
    ]
    (made,) = correlate(RULES, *seen).incidents()
    body = report(made).body
    assert "| Seen | 2 times in 1 symptom |" in body
    assert "| Last seen | 2025-09-10T00:00:01.012Z |" in body
    assert "2025-09-10T00:00:01.012345679Z missing was seen" not in body  # the same text once
    assert "2025-09-10T00:00:00Z missing was seen" in body


def test_what_is_not_known_is_said() -> None:
    """No section is left empty."""
    rules = ruleset(rule_text("missing"))
    (made,) = correlate(rules, detection("missing", service="")).incidents()
    made = replace(made, symptoms=(replace(made.root, revisions=()),))
    body = report(made).body
    assert "| Services | unknown |" in body
    assert "| Revisions | unknown |" in body
    assert "No entry near the beginning of the incident tells it." in body
    assert "**Business impact**: no rule of these symptoms states one." in body
    assert "One symptom, nothing grouped." in body


def test_a_template_that_raises_is_named() -> None:
    """The issue template is ours, and its mistakes are told like a user's."""
    made = incident()
    explanation = explain(made, (), WhysTemplates({}, {}))
    with pytest.raises(TemplateError, match=r"^issue\.md\.j2:1: the template raised: unexpected"):
        render(made, explanation, "{{ incident", "issue.md.j2")
    with pytest.raises(TemplateError, match=r"^issue\.md\.j2: the template raised: .*'gone'"):
        render(made, explanation, "{{ gone }}", "issue.md.j2")


# --- hostile text ---------------------------------------------------------------------------------

OPEN_RULES = ruleset(
    rule_text(
        "boom",
        r"^boom\s?(?P<what>(?s:.*))$",
        audit="{title: '{{ what }}', state: {State: '{{ what }}'}, whys: open}",
    ),
    rule_text(
        "bang",
        r"^bang\s?(?P<what>(?s:.*))$",
        level="low",
        audit="{title: '{{ what }}', user_visible: true, caused_by: [{rule: boom}]}",
    ),
    rule_text(
        "near",
        r"^near\s?(?P<what>(?s:.*))$",
        audit="{title: '{{ what }}', context: {same: []}, state: {Near: '{{ what }}'}}",
    ),
)
OPEN_WHYS = load_whys(
    [
        (
            "open.yml",
            """\
name: open
whys:
  - question: "{{ what }}"
    answers:
      - claim: "{{ what }}"
        when: [seen_bang]
        answer: "{{ seen_bang[0].what }}"
        cites: [seen_near]
    unknown: U
    settle: S
  - {question: "{{ what }}", unknown: "{{ what }}", settle: "Ask: {{ what }}"}
next_steps: [{text: "{{ what }}."}]
""",
        )
    ]
)


def poisoned(text: str) -> Report:
    """Render an incident that has a text in every place that log text can reach."""
    resource = {
        "type": "cloud_run_revision",
        "labels": {"service_name": text, "revision_name": text},
    }
    entries = [
        entry(
            f"{word} {text}",
            at=at,
            insertId=text or "empty",
            resource=resource,
            logName=f"projects/demo/logs/{text}",
        )
        for at, word in enumerate(("boom", "bang", "near"))
    ]
    (made,) = incidents(OPEN_RULES, *entries)
    return report(made, OPEN_WHYS)


def structure(tokens: list[Token]) -> list[tuple[str, int]]:
    """Return the blocks of a document, each with its depth."""
    return [(token.type, token.level) for token in tokens]


EXPLORER = "https://console.cloud.google.com/logs/query"
ORDINARY = structure(parser().parse(poisoned("word").body))
INLINE = {"text", "text_special", "code_inline", "strong_open", "strong_close", "softbreak"}


def assert_harmless(text: str) -> None:
    """Assert that a text changes nothing in an issue but what it says."""
    made = poisoned(text)
    tokens = parser().parse(made.body)
    assert structure(tokens) == ORDINARY
    inside = [child for token in tokens for child in token.children or ()]
    # Code that holds a pipe is written in HTML, the one form that a table bears.
    html = {child.content for child in inside if child.type == "html_inline"}
    assert html <= {"<code>", "</code>"}
    assert {child.type for child in inside} <= INLINE | {"html_inline", "link_open", "link_close"}
    led = [str(child.attrs["href"]) for child in inside if child.type == "link_open"]
    assert all(url.startswith(f"{EXPLORER};query=insertId%3D%22") for url in led)
    assert all(url.endswith("?project=demo") for url in led)
    assert_defused(made.body)
    assert_defused(made.title)
    assert "\n" not in made.title
    made.body.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_log_text_acts_on_nothing_wherever_it_stands(text: str) -> None:
    """No heading, link, image, HTML or mention of its own; no fence that it leaves."""
    assert_harmless(text)


@given(ANY_TEXT)
def test_no_text_at_all_acts_on_an_issue(text: str) -> None:
    """Whatever a service logs, the issue has the same blocks."""
    assert_harmless(text)


# --- GitHub's limit -------------------------------------------------------------------------------


def large(symptoms: int, *, title: str = "", text: str = "", service: str = "") -> Incident:
    """Make an incident of many symptoms with a good deal to say."""
    (made,) = correlate(
        RULES,
        detection("missing"),
        *(detection("extra", at=at / 100, table=f"t{at}") for at in range(symptoms)),
    ).incidents()
    parts = tuple(
        replace(
            item,
            title=title or item.title,
            services=(service or "backend",),
            samples=tuple(
                Sample(BASE + index, "log", f"id-{index}", "ERROR", f"{index} {text}\n" * 40)
                for index in range(4)
            ),
        )
        for item in made.symptoms
    )
    return replace(made, symptoms=parts, root=parts[0])


@pytest.mark.parametrize(
    ("symptoms", "text", "notice"),
    [
        (3, "x" * 90, None),
        (60, "x" * 90, "a list shows at most 40 items, a symptom 6 of its raw lines"),
        (200, "x" * 400, "a list shows at most 15 items, a symptom 3 of its raw lines"),
        (900, "`" * 1500, "a list shows at most 5 items, a symptom 1 of its raw lines"),
    ],
)
def test_a_long_report_shows_less_and_says_so(symptoms: int, text: str, notice: str | None) -> None:
    """GitHub takes 65,536 characters: fewer raw lines, fewer items, and every section still."""
    body = report(large(symptoms, text=text)).body
    assert len(body) <= BODY_LIMIT
    assert ("Shortened to GitHub's limit" in body) is (notice is not None)
    assert body.rstrip().endswith(
        f"{notice}; `fivewhys replay --format json` shows the rest.*"
    ) or (notice is None)
    assert headings(body) == headings(report(large(1)).body)


def test_what_cannot_be_shortened_is_cut_as_text() -> None:
    """Even then nothing acts: the beginning stands in a fence of its own."""
    body = report(large(5, service="@`" * 30_000)).body
    assert len(body) <= BODY_LIMIT
    assert [token.type for token in parser().parse(body)] == [
        "paragraph_open",
        "inline",
        "paragraph_close",
        "fence",
    ]
    assert_defused(body)


# --- the parts of a body --------------------------------------------------------------------------


def test_raw_lines_are_told_once_with_the_time_they_were_first_seen() -> None:
    """A symptom that repeats itself takes no more room; the rest of a long text is counted."""
    symptom = replace(
        incident().root,
        samples=tuple(
            Sample(BASE + at, "log", f"id-{at}", "ERROR", text)
            for at, text in enumerate(("one\ntwo", "one\ntwo", "three"))
        ),
    )
    shown = ["2025-09-10T00:00:00Z one", "two", "2025-09-10T00:00:00.000000002Z three"]
    assert raw_lines(symptom, limit=3).splitlines() == shown
    assert raw_lines(symptom, limit=1).splitlines() == [shown[0], "… (2 more lines)"]


def test_evidence_leads_to_its_place() -> None:
    """What has an address is a link to it; the text of the link is how the place is cited."""
    (made,) = incidents(RULES, entry("missing"))
    url = "https://github.com/example/platform/blob/main/auth.py#L7"
    shown = tuple(Evidence("owner", "auth.py:7", "auth owns it", place) for place in (url, ""))
    why = Why("Whose?", "It is auth's.", Status.ESTABLISHED, shown)
    text = TEMPLATE.read_text(encoding="utf-8")
    body = render(made, Explanation((why,), "", (), ()), text, "issue.md.j2").body
    assert f"- [`auth.py:7`](<{url}>): auth owns it\n" in body
    assert "- `auth.py:7`: auth owns it\n" in body


def test_evidence_is_quoted_in_few_words() -> None:
    """A long raw text stands once, in its fence; evidence shows its beginning on one line."""
    rules = ruleset(rule_text("missing"), rule_text("down", audit="{caused_by: [{rule: missing}]}"))
    (made,) = incidents(rules, entry("missing\n" + "x" * 300), entry("down", at=1))
    body = report(made).body
    assert f": missing {'x' * 231}…\n" in body


def test_the_earliest_says_what_the_state_was() -> None:
    """Each label once, of context and symptoms alike."""
    told = [
        structs.replace(
            detection("deployed", at=at, n=at), fields={"service": name}, fingerprint=name
        )
        for at, name in ((-1, "first"), (-2, "before"), (1, "after"))
    ]
    (made,) = correlate(RULES, detection("missing"), *(item for item in told)).incidents()
    assert state_lines(made) == ()
    rules = ruleset(
        rule_text("missing", audit="{state: {Tables: missing}}"),
        rule_text("deployed", audit="{context: {same: []}, state: {Service: '{{ service }}'}}"),
    )
    (made,) = correlate(rules, detection("missing"), *told).incidents()
    assert [(line.label, line.text) for line in state_lines(made)] == [
        ("Service", "before"),
        ("Tables", "missing"),
    ]
    assert state_lines(made)[0].ref == "insertId deployed--2-backend in log"


def test_who_should_look_is_whom_the_catalog_names() -> None:
    """With the place that says so, as a row of the problem."""
    catalog = load_catalog("services: {backend: {owners: ['@example/backend']}}", "catalog.yml")
    made = incident()
    facts = known_facts(made, catalog)
    (contact,) = who_looks(made, facts)
    assert (contact.text, contact.ref) == ("@example/backend looks after backend", "catalog.yml:1")
    explanation = explain(made, facts, WhysTemplates({}, {}))
    body = render(made, explanation, TEMPLATE.read_text("utf-8"), "i", facts=facts).body
    assert "| Who looks | @\u200bexample/backend looks after backend (`catalog.yml:1`) |" in body


def test_owners_are_those_of_services_before_those_of_code() -> None:
    """Each once, as they are named; what is only suggested does not count."""
    told = [
        Fact("tree_owners", "", "", {"owners": ["@c"]}),
        Fact("code_owners", "", "", {"owners": ["@b", "@a"]}),
        Fact("code_owners", "", "", {"owners": ["@x"]}, suggested=True),
        Fact("service_owners", "", "", {"owners": ["@y"]}),
        Fact("code_owners", "", ""),
        Fact("looks_after", "", "", {"owners": ["@a", "ops@example.com"]}),
    ]
    assert owners(told) == ("@a", "ops@example.com", "@b", "@c")


@pytest.mark.parametrize("owner", get_args(Owner))
def test_without_a_name_the_rule_of_the_root_suggests_who_should_look(owner: str) -> None:
    """Every owner a rule may suggest has words of its own."""
    rules = ruleset(rule_text("missing", audit=f"{{owner: {owner}}}"))
    (made,) = correlate(rules, detection("missing")).incidents()
    (contact,) = who_looks(made, known_facts(made, Catalog()))
    assert contact.text == f"{OWNERS[owner]}: the catalog names nobody"
    assert contact.ref == "rule missing"


def test_every_reason_for_grouping_is_named() -> None:
    """Links, merges, context."""
    seen = [detection(name, at=at) for at, name in enumerate(("missing", "down", "extra"))]
    found = correlate(RULES, *seen, detection("deployed", at=3))
    anchors = [
        Anchor(item.timestamp, item.fingerprint, f"inc-{item.rule}") for item in (seen[0], seen[2])
    ]
    found.restore((), anchors)
    (made,) = found.incidents()
    edge = "down is explained by missing: logged 1.000 s after it on the same service backend"
    assert grouped_because(made) == (
        f"{edge} (limit 600 s)",
        "mismatch: missing, extra within 300 s for service backend",
        "absorbed inc-extra: linked with it by later entries",
        "logged near the beginning for the same service: deployed",
    )
    assert grouped_because(correlate(RULES, seen[0]).incidents()[0]) == ()
    (beside,) = made.context
    moved = replace(beside, services=("other",), fields={SERVICE: "other"})
    assert grouped_because(replace(made, context=(moved,)))[-1] == (
        "logged near the beginning beside the service: deployed"
    )


def test_the_timeline_tells_when_each_began_and_what_was_seen_last() -> None:
    """In order of time, each with its entry."""
    seen = [detection("missing"), detection("missing", at=9), detection("extra", at=1)]
    (made,) = correlate(RULES, *seen, detection("deployed", at=-1)).incidents()
    assert [
        ((item.timestamp - BASE) // SECOND, item.kind, item.text) for item in timeline(made)
    ] == [
        (-1, "context", "About deployed"),
        (0, "symptom", "About missing"),
        (1, "symptom", "About extra"),
        (9, "last", "About missing (last seen)"),
    ]
    assert timeline(made)[-1].ref == "insertId missing-9-backend in log"


def test_what_was_seen_once_was_not_seen_last() -> None:
    """A single entry has one line."""
    assert [item.kind for item in timeline(incident())] == ["symptom", "symptom"]


# --- decisions ------------------------------------------------------------------------------------

REPORT = Report("inc-1", "title", ("fivewhys",), "body")
NOW = BASE + 3600 * SECOND
SETTLED = BASE + 30 * SECOND


def known(
    *,
    digest: str = "before",
    symptoms: Iterable[str] = ("missing backend", "down backend"),
    state: State = State.NEW,
    ago: int = 300,
) -> LedgerEntry:
    """Make what was decided last, `ago` seconds ago."""
    return LedgerEntry(
        "inc-1", NOW - ago * SECOND, Action.CREATE, "first report", digest, tuple(symptoms), state
    )


POLICIES: Mapping[str, Policy] = {"all": Policy(), "urgent": Policy(min_priority="P0")}


@pytest.mark.parametrize(
    ("ledger", "now", "policy", "action", "reason"),
    [
        # what nobody wants to see is left alone, known or not
        (None, NOW, "urgent", Action.LEAVE, "below the minimum priority P0"),
        (known(), NOW, "urgent", Action.LEAVE, "below the minimum priority P0"),
        # never reported
        (None, SETTLED - 1, "all", Action.LEAVE, "settling"),
        (None, SETTLED, "all", Action.CREATE, "first report"),
        # dated ahead of event time: by a clock that is wrong
        (None, SETTLED - Policy().group_wait - 1, "all", Action.CREATE, "first report"),
        # reported, and it would say the same
        (known(digest=REPORT.digest), NOW, "all", Action.LEAVE, "nothing changed since the last"),
        (known(digest=REPORT.digest, ago=0), NOW, "all", Action.LEAVE, "nothing changed since"),
        # a new symptom is told at once
        (known(symptoms=[], ago=0), NOW, "all", Action.UPDATE, "new symptoms: 2"),
        (known(symptoms=["down backend"]), NOW, "all", Action.UPDATE, "new symptoms: 1"),
        # so is another state
        (known(state=State.QUIET, ago=0), NOW, "all", Action.UPDATE, "state changed from quiet to"),
        # anything else waits for its turn
        (known(ago=299), NOW, "all", Action.LEAVE, "within group_interval of the last report"),
        (known(ago=9000), NOW, "all", Action.UPDATE, "it went on since the last report"),
        (known(ago=300), NOW, "all", Action.UPDATE, "what is known of it changed since the last"),
        # decided by a clock that was ahead
        (known(ago=0), NOW, "all", Action.LEAVE, "within group_interval of the last report"),
        (known(ago=-1800), NOW, "all", Action.UPDATE, "what is known of it changed since the last"),
        # a symptom that is gone is no new one
        (
            known(symptoms=("missing backend", "down backend", "x")),
            NOW,
            "all",
            Action.UPDATE,
            "what",
        ),
    ],
)
def test_every_decision_has_its_reason(
    ledger: LedgerEntry | None, now: int, policy: str, action: Action, reason: str
) -> None:
    """What is done about an incident follows from what was decided last, and is named."""
    decision = decide(incident(), REPORT, ledger, now, POLICIES[policy])
    assert decision.action is action
    assert decision.reason.startswith(reason)


def test_what_is_held_back_is_left_alone() -> None:
    """Whatever the tracker knows of it; the reason is the holder's."""
    for ledger in (None, known()):
        decision = decide(incident(), REPORT, ledger, NOW, Policy(), held="silenced by ana")
        assert decision == Decision(Action.LEAVE, "silenced by ana")


def test_a_decision_that_waits_says_how_long() -> None:
    """In event time; what only a change of the incident alters waits for none."""
    made = replace(incident(), priority="P4")
    policy = Policy(group_wait=HOUR, group_interval=2 * HOUR, rollout_hold=3 * HOUR)
    ledger, early = known(ago=0), made.first_seen
    young = Rollout(latest=replace(DEPLOYED, first_seen=NOW))
    calm = replace(policy, group_wait=0)

    def until(ledger: LedgerEntry | None, now: int, policy: Policy, **more: Any) -> int | None:
        decision = decide(made, REPORT, ledger, now, policy, **more)
        assert decision.action is Action.LEAVE
        return decision.until

    assert until(None, early, policy) == early + HOUR
    assert until(ledger, NOW, policy) == NOW + 2 * HOUR
    assert until(None, NOW, calm, rollout=young) == NOW + 3 * HOUR
    assert until(None, NOW, policy, held="silenced", held_until=NOW + 1) == NOW + 1
    assert until(None, NOW, policy, held="suppressed") is None
    assert until(None, NOW, replace(policy, min_priority="P1")) is None
    assert until(replace(ledger, digest=REPORT.digest), NOW, policy) is None


def test_what_a_person_resolved_before_its_first_report_is_left_alone() -> None:
    """Silence that resolves it is another matter: nobody has looked at it yet."""
    made = replace(incident(), state=State.RESOLVED, state_reason="resolved by ana")
    assert decide(made, REPORT, None, NOW, Policy()).action is Action.CREATE
    verdict = Verdict(Kind.RESOLVE, made.id, ("a", BASE), BASE, "ana")
    decision = decide(replace(made, verdicts=(verdict,)), REPORT, None, NOW, Policy())
    assert decision == Decision(Action.LEAVE, "resolved by ana, before its first report")


def test_people_stand_in_the_issue() -> None:
    """To whom it is assigned, what was decided, and which incident it continues."""
    template = TEMPLATE.read_text(encoding="utf-8")
    verdict = Verdict(Kind.ASSIGN, "inc-1", ("a", BASE), BASE, "bo", assignee="ana")
    made = replace(incident(), verdicts=(verdict,), previous="inc-0")
    explanation = explain(made, [], WhysTemplates({}, {}))
    body = render(made, explanation, template, "issue.md.j2").body
    assert "| Assigned to | ana |" in body
    assert "- assigned to ana by bo at 2025" in body
    assert "- `inc-0`: this continues it, as it had lasted as long as one incident may\n" in body


DEPLOYED = Deployment("backend", "backend-2", "", NOW - 20 * SECOND, NOW, "insertId a")
ROLLOUT = Rollout(begun=(DEPLOYED,), latest=DEPLOYED)
AHEAD = Rollout(latest=replace(DEPLOYED, first_seen=NOW + SECOND))
"""One whose first entry is dated later than any that has come: its clock is wrong."""


@pytest.mark.parametrize(
    ("hold", "rollout", "ledger", "reason"),
    [
        (300, ROLLOUT, None, "held back: revision backend-2 started 20 s ago"),
        (21, ROLLOUT, None, "held back: revision backend-2 started 20 s ago"),
        (20, ROLLOUT, None, "first report"),
        (0, ROLLOUT, None, "first report"),
        (300, Rollout(), None, "first report"),
        (0, AHEAD, None, "first report"),
        (300, AHEAD, None, "first report"),
        (300, ROLLOUT, known(), "what is known of it changed since the last report"),
    ],
)
def test_a_rollout_holds_a_first_report_back(
    hold: int, rollout: Rollout, ledger: LedgerEntry | None, reason: str
) -> None:
    """While a revision is younger than the setting; what was reported before is kept up to date."""
    policy = Policy(rollout_hold=hold * SECOND)
    decision = decide(incident(), REPORT, ledger, NOW, policy, rollout=rollout)
    assert decision.reason == reason
    assert (decision.action is Action.LEAVE) == reason.startswith("held back")


def test_deployments_stand_in_the_issue() -> None:
    """In the timeline, and what the root has to do with one beside the revisions."""
    deployed = replace(DEPLOYED, first_seen=BASE - 9 * SECOND)
    fact = Fact("first_seen_after_deployment", "first seen 9 s after | it", "insertId a")
    made, nothing = incident(), WhysTemplates({}, {})
    body = render(
        made,
        explain(made, [fact], nothing),
        TEMPLATE.read_text(encoding="utf-8"),
        "issue.md.j2",
        Rollout(begun=(deployed,), facts=(fact,)),
    ).body
    assert "\n| Deployment | first seen 9 s after \\| it |\n\n## Symptoms" in body
    assert (
        "- 2025-09-09T23:59:51Z deployment: revision backend-2 of backend started (first entry) "
        "(`insertId a`)\n"
    ) in body


def test_a_decision_is_a_value() -> None:
    """Two runs over the same entries plan the same."""
    plan = [decide(incident(), REPORT, None, NOW, Policy()) for _ in range(2)]
    assert plan[0] == plan[1] == Decision(Action.CREATE, "first report")


# --- what no rule knows ---------------------------------------------------------------------------

UNKNOWN = (
    "title: t\nname: unknown\nlogsource: {product: gcp}\n"
    "detection:\n  a: {severity: ERROR}\n  condition: a\n"
    'audit: {fallback: true, title: "{{ pattern }}"}\n'
)


@pytest.mark.parametrize("text", ["page 7 closed", *HOSTILE])
def test_an_unknown_pattern_comes_with_a_drafted_rule(text: str) -> None:
    """Rule and test stand in fences of their own, in details, whatever the entry says."""
    (made,) = incidents(ruleset(UNKNOWN), entry(text or "x"))
    body = report(made).body
    fences = [token for token in parser().parse(body) if token.type == "fence"]
    rule, test = (token.content for token in fences if token.info == "yaml")
    assert rule.startswith("title: ")
    assert test.startswith("matches:")
    assert body.count("\n<details>\n") == 1


def test_a_line_above_a_traceback_has_no_draft() -> None:
    """The traceback below it has."""
    (made,) = incidents(ruleset(UNKNOWN), entry("x failed"))
    (symptom,) = made.symptoms
    above = replace(symptom, fields={**symptom.fields, "above": ["v1"]})
    assert len(drafts(made)) == 1
    assert drafts(replace(made, symptoms=(above,))) == ()
    assert drafts(incident()) == ()
