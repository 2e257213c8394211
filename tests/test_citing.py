"""How a report proves what it says: the cause first, each place cited, nothing told twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.detection import Sample
from pipeline.facts import Fact, sample_ref
from pipeline.markdown import code
from pipeline.report import render
from pipeline.report.citing import FACT_EXCERPT, REFERENCES, Citations, steps
from pipeline.whys import Evidence, Explanation, FalseAlarm, Status, Why
from tests.support import BASE, correlate, detection, rule_text, ruleset
from tests.test_markdown import HOSTILE, assert_defused, parser

if TYPE_CHECKING:
    from pipeline.incident import Incident

TEMPLATE = (Path(__file__).parents[1] / "templates/issue.md.j2").read_text(encoding="utf-8")
RULES = ruleset(
    rule_text("missing", audit="{impact: Nobody can log in, state: {Missing: sessions}}"),
    rule_text("down", audit="{user_visible: true, caused_by: [{rule: missing}]}"),
)
URL = "https://github.com/example/platform/blob/main/check.py#L7"
CHECK = Evidence("expected", "check.py:7", "check.py:7 expects sessions", URL)
SEARCHED = Evidence("never", "versions/", "2 migrations searched, none creates sessions")
ENTRY = Evidence("entry", "insertId a in log", "sessions is missing")
SEEN = Evidence("seen_missing", "insertId b in log", "it was missing")
LIKELY = Evidence("suggestion", "catalog.yml:4", "it may be tokens")
FIRST = Why("Why 1?", "It is so.", Status.ESTABLISHED, (SEARCHED, ENTRY, CHECK, LIKELY))
LAST = Why("Why 2?", "check.py:7 is older.", Status.ESTABLISHED, (CHECK, SEEN), claim="it is older")
OPEN = Why("Why 3?", "Nobody knows.", Status.UNKNOWN, settle="git log check.py")


def incident() -> Incident:
    """Make an incident of two symptoms."""
    (made,) = correlate(RULES, detection("missing"), detection("down", at=1)).incidents()
    return made


def explanation(*whys: Why, **more: Any) -> Explanation:
    """Make an explanation."""
    steps_ = ("Read check.py:7.", "Test it.")
    return replace(Explanation(whys, "It is older, as check.py:7 says.", steps_, ()), **more)


def lines(body: str, heading: str) -> list[str]:
    """Return the lines that are not empty below a heading."""
    (section,) = [part for part in body.split("\n## ") if part.startswith(f"{heading}\n")]
    return [line for line in section.splitlines()[1:] if line]


def body(made: Explanation, *facts: Fact) -> str:
    """Render an issue."""
    return "\n" + render(incident(), made, TEMPLATE, "issue.md.j2", facts=facts).body


LINK = f"[`check.py:7`](<{URL}>)"

# --- the first screen -----------------------------------------------------------------------------


def test_the_cause_is_what_is_read_first() -> None:
    """The deepest established answer in short with its places, the impact, and what to do first."""
    assert lines(body(explanation(FIRST, LAST)), "Problem")[1:4] == [
        f"- **Cause** (established, why 2): it is older ({LINK})",
        "- **Impact**, as the rule states it: About down",
        f"- **Do first:** Read {LINK}.",
    ]


def test_a_cause_that_is_not_deep_enough_says_what_is_not_known() -> None:
    """As far as facts reach, and what would settle the rest."""
    assert lines(body(explanation(FIRST, OPEN)), "Problem")[1:3] == [
        f"- **Cause, as far as facts reach** (established, why 1): It is so. ({LINK}, `versions/`)",
        "- **Not known yet** (why 2): Why 3? git log check.py",
    ]


def test_a_cause_that_nobody_knows_is_not_established() -> None:
    """It is said plainly, here and in the summary, with what would settle it."""
    made = body(explanation(OPEN, root_cause="Unknown. Nobody knows."))
    assert lines(made, "Problem")[1:3] == [
        "- **Cause:** not established",
        "- **Not known yet** (why 1): Why 3? git log check.py",
    ]
    assert lines(made, "Root cause summary")[:3] == [
        "- **Primary root cause:** Unknown. Nobody knows.",
        (
            "- **Technical root cause:** no fact about code or configuration is known; "
            "the entries show About missing in backend, first 2025-09-10T00:00:00Z "
            "(rule `missing`)."
        ),
        "- **What would settle it:** git log check.py",
    ]


# --- the summary ----------------------------------------------------------------------------------


def test_the_summary_names_primary_technical_and_business() -> None:
    """The deepest answer; each established one in short with its places; who has what of it."""
    assert lines(body(explanation(FIRST, LAST)), "Root cause summary") == [
        f"- **Primary root cause:** It is older, as {LINK} says.",
        "- **Technical root cause:**",
        f"  - why 1: It is so. ({LINK}, `versions/`)",
        f"  - why 2: it is older ({LINK})",
        "- **Business impact**, as the rules state it; entries are counted, no user was asked:",
        "  - About down (1 time; rule `down`)",
        "  - Nobody can log in (1 time; rule `missing`)",
    ]


def test_places_of_code_stand_before_folders_and_entries() -> None:
    """Entries are named where there is no other fact; what is only likely never is."""
    (step,) = steps([FIRST])
    assert step.references == (CHECK, SEARCHED)
    (step,) = steps([replace(FIRST, evidence=(SEEN, ENTRY, LIKELY))])
    assert step.references == (SEEN,)
    many = tuple(Evidence("f", f"a.py:{line}", "") for line in range(9))
    (step,) = steps([replace(FIRST, evidence=(*many, *many))])
    assert step.references == many[:REFERENCES]


# --- evidence -------------------------------------------------------------------------------------


def test_what_was_told_above_is_not_told_again() -> None:
    """Only its place, and the why that tells it."""
    whys = lines(body(explanation(FIRST, LAST)), "Five whys")
    assert whys == [
        "No source code was looked at; `--repo PATH` names a checkout.",
        "### Why 1: Why 1?",
        "**Finding** (established): It is so.",
        "**Evidence**",
        "- `versions/`: 2 migrations searched, none creates sessions",
        "- `insertId a in log`: sessions is missing",
        f"- {LINK} expects sessions",
        "- likely, not established: `catalog.yml:4`: it may be tokens",
        "### Why 2: Why 2?",
        f"**Finding** (established): {LINK} is older.",
        "**Evidence**",
        "- `insertId b in log`: it was missing",
        f"- and, from above: {LINK} (why 1)",
    ]


@pytest.mark.parametrize(
    ("ref", "text", "written"),
    [
        ("check.py:7", "check.py:7 expects it", f"{LINK} expects it"),
        ("check.py:7", "check.py expects it", f"{LINK} expects it"),
        ("check.py:7", "it stands in check.py:7", f"it stands in {LINK}"),
        ("check.py:7", "check.python expects it", f"{LINK}: check.python expects it"),
        ("check.py:7", "expects it", f"{LINK}: expects it"),
        ("app/", "app/ has nothing of it", f"[`app/`](<{URL}>) has nothing of it"),
        ("", "somebody said so", "` `: somebody said so"),
    ],
)
def test_a_sentence_that_names_its_place_needs_no_other(ref: str, text: str, written: str) -> None:
    """The place is a link where it stands; else it comes first."""
    item = Evidence("f", ref, text, URL if ref else "")
    why = replace(FIRST, evidence=(CHECK, item))
    assert Citations(explanation(why)).cite(item) == written


@pytest.mark.parametrize(
    ("log", "name", "led"),
    [
        ("projects/demo/logs/run.googleapis.com%2Fstderr", "6a-b_c", True),
        ("projects/example.com:demo/logs/x", "6a", True),
        ("folders/7/logs/x", "6a", False),
        ("log", "6a", False),
        ("projects/de mo/logs/x", "6a", False),
        ("projects/demo/logs/x", 'a" OR "b', False),
        ("projects/demo/logs/x", "", False),
    ],
)
def test_an_entry_leads_to_the_logs_explorer(log: str, name: str, *, led: bool) -> None:
    """At its time, in its project; where an entry says no project it can only be copied."""
    sample = Sample(BASE, log, name, "ERROR", "sessions is missing")
    made = Citations(explanation(FIRST), [sample]).place(sample_ref(sample))
    project = log.split("/")[1] if led else ""
    address = (
        f"https://console.cloud.google.com/logs/query;query=insertId%3D%22{name}%22%0A"
        "timestamp%3D%222025-09-10T00%3A00%3A00Z%22;cursorTimestamp=2025-09-10T00:00:00Z"
        f"?project={project}"
    )
    shown = f"[`{sample_ref(sample)}`](<{address}>)"
    assert made == (shown if led else code(sample_ref(sample)))


def test_a_long_fact_is_cut_later_than_an_entry() -> None:
    """It is a sentence of ours, and has more to say."""
    citations = Citations(explanation(FIRST))
    fact = replace(CHECK, text="x" * 1000)
    assert citations.cite(fact).endswith(f"{'x' * (FACT_EXCERPT - 1)}…")
    assert citations.cite(replace(fact, kind="entry")).endswith(f": {'x' * 239}…")


@pytest.mark.parametrize("text", HOSTILE)
def test_evidence_is_harmless_whatever_it_quotes(text: str) -> None:
    """Also where it stands between links."""
    nasty = Evidence("f", text, f"{text}check.py:7{text} check.py:7 {text}", URL)
    why = replace(LAST, answer=f"{text} check.py:7 {text}", claim=text, evidence=(nasty, CHECK))
    made = body(explanation(why, false_alarms=(FalseAlarm(text, (nasty,)),)))
    inside = [child for token in parser().parse(made) for child in token.children or ()]
    assert {item.attrs["href"] for item in inside if item.type == "link_open"} <= {URL}
    assert "image" not in {item.type for item in inside}
    html = {item.content for item in inside if item.type == "html_inline"}
    assert html <= {"<code>", "</code>"}
    assert_defused(made.replace(URL, ""))


# --- false alarms, state, timeline, what was looked at --------------------------------------------


def test_a_false_alarm_is_told_with_its_proof() -> None:
    """And in the first screen; where there is none the section is left out."""
    made = body(explanation(FIRST, false_alarms=(FalseAlarm("It is no failure.", (CHECK,)),)))
    assert lines(made, "False alarms") == ["- It is no failure.", f"  - {LINK} expects sessions"]
    assert "- **False alarm:** It is no failure." in lines(made, "Problem")
    assert "False alarm" not in body(explanation(FIRST))


FACTS = [
    Fact("setting", "MODE is new", "a.env:1", {"setting": "Mode", "value": "new"}, url=URL),
    Fact("setting", "TABLES are gone", "insertId missing-0-backend in log", {"setting": "Tables"}),
    Fact("setting", "MODE is old", "b.env:1", {"setting": "Mode", "value": "old"}),
    Fact("setting", "DEBUG may be on", "c.env:1", {"setting": "Debug"}, suggested=True),
    Fact(
        "last_healthy_sign", "auth answers", "insertId h", {"happened_at": "2025-09-09T23:00:00Z"}
    ),
    Fact("later", "nobody knows when", "insertId i", {"happened_at": "yesterday"}),
    Fact("source_code", "the source code is that of the deployed commit abc1234", "abc1234"),
]


def test_facts_tell_of_settings() -> None:
    """Each once, and not in other words than a rule; what is only likely is left out."""
    assert lines(body(explanation(OPEN), *FACTS), "System state") == [
        "- Missing: sessions (`insertId missing-0-backend in log`)",
        f"- Mode: new ([`a.env:1`](<{URL}>))",
    ]


def test_facts_tell_of_moments() -> None:
    """In their place in the timeline; an idea of a time that is none is left out."""
    assert [
        line.partition(" (")[0] for line in lines(body(explanation(OPEN), *FACTS), "Timeline")
    ] == [
        "- 2025-09-09T23:00:00Z last healthy sign: auth answers",
        "- 2025-09-10T00:00:00Z **first failure**: About missing",
        "- 2025-09-10T00:00:01Z symptom: About down",
    ]


def test_it_is_said_which_code_was_looked_at() -> None:
    """Before the whys; commit ids stay whole, so that they can be copied."""
    assert lines(body(explanation(OPEN), *FACTS), "Five whys")[0] == (
        "The source code is that of the deployed `commit abc1234`."
    )


def test_a_long_timeline_loses_its_middle_and_says_so() -> None:
    """How it began and how it ended stay."""
    facts = [
        Fact("moment", f"moment {minute}", "r", {"happened_at": f"2025-09-09T23:{minute:02}:00Z"})
        for minute in range(60)
    ]
    shown = lines(body(explanation(OPEN), *facts), "Timeline")
    assert len(shown) == 31
    assert shown[20] == "- … 32 more, which `fivewhys replay --format json` lists"
    assert "moment 0 " in shown[0]
    assert shown[-1].startswith("- 2025-09-10T00:00:01Z symptom")
