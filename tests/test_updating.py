"""What a comment says: what changed since the last report, what is resolved, what remains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.deployments import Deployment, Rollout
from pipeline.document import incident_document
from pipeline.incident import State
from pipeline.report import Action, Decision, Report
from pipeline.updating import changes, reported, update, with_update
from pipeline.whys import Evidence, Explanation, Status, Why
from tests.support import BASE, correlate, detection, rule_text, ruleset
from tests.test_markdown import HOSTILE, assert_defused, parser

if TYPE_CHECKING:
    from pipeline.document import IncidentDocument

TEMPLATE = (Path(__file__).parents[1] / "templates/update.md.j2").read_text(encoding="utf-8")
RULES = ruleset(
    rule_text("missing"),
    rule_text("down", audit="{caused_by: [{rule: missing}]}"),
    rule_text("late", audit="{caused_by: [{rule: missing}]}"),
)
URL = "https://github.com/example/platform/blob/main/check.py#L7"
PROOF = Evidence("expected", "check.py:7", "check.py:7 expects it", URL)
UNKNOWN = Why("Why so?", "Nobody knows.", Status.UNKNOWN, settle="git log check.py")
KNOWN = Why("Why so?", "check.py:7 is older.", Status.ESTABLISHED, (PROOF,))
OTHER = replace(KNOWN, answer="It is younger.")
SEEN = (("missing", 0), ("down", 1))


@dataclass(frozen=True)
class Stand:
    """How an incident stands at some time."""

    seen: tuple[tuple[str, int], ...] = SEEN
    why: Why = UNKNOWN
    state: State = State.NEW
    steps: tuple[str, ...] = ("Read check.py:7.",)
    deployed: tuple[str, ...] = ("backend-1",)
    title: str = ""
    open: tuple[str, ...] = ("Why so? git log check.py",)
    whys: tuple[Why, ...] = ()

    def document(self) -> IncidentDocument:
        """Return it in the form of the public contract."""
        (made,) = correlate(RULES, *(detection(name, at=at) for name, at in self.seen)).incidents()
        symptoms = tuple(replace(one, title=self.title or one.title) for one in made.symptoms)
        made = replace(
            made, symptoms=symptoms, state=self.state, state_reason=self.title or "because"
        )
        begun = tuple(
            Deployment("backend", name, "abc1234" if name == "backend-2" else "", BASE, BASE, "r")
            for name in self.deployed
        )
        known = [why.answer for why in (*self.whys, self.why) if why.status is Status.ESTABLISHED]
        cause = known[-1] if known else f"Unknown. {self.why.answer}"
        return incident_document(
            made,
            Explanation((*self.whys, self.why), cause, self.steps, self.open),
            Report(made.id, "title", (), "body"),
            Decision(Action.UPDATE, "a reason"),
            rollout=Rollout(begun=begun),
        )


THEN = Stand()


def comment(after: Stand, before: Stand = THEN) -> str:
    """Return the comment about a change."""
    return update(before.document(), after.document(), TEMPLATE, "update.md.j2") or ""


def sections(text: str) -> dict[str, list[str]]:
    """Return the lines of each section."""
    parts = [part.splitlines() for part in text.removeprefix("## ").split("\n## ")]
    return {title: [line for line in rest if line] for title, *rest in parts}


def test_without_news_there_is_no_comment() -> None:
    """Other steps alone are none; nor is silence, as long as nothing else is seen."""
    assert comment(THEN) == ""
    assert comment(replace(THEN, steps=("Think.",))) == ""


def test_what_went_on_is_counted() -> None:
    """Each symptom with how many more; one that is silent meanwhile is told as resolved."""
    later = replace(THEN, seen=(*SEEN, ("down", 60), ("down", 61)))
    assert sections(comment(later)) == {
        "What changed": [
            "Since the last report, which knew what was logged until 2025-09-10T00:00:01Z.",
            "- **2 times more:** About down (3 times in all, last 2025-09-10T00:01:01Z)",
        ],
        "What is resolved": ["- not seen since 2025-09-10T00:00:00Z: About missing"],
        "What remains": [
            "- it goes on: 1 symptom, last seen 2025-09-10T00:01:01Z",
            "- [ ] Read check.py:7.",
            "- not known: Why so? git log check.py",
        ],
    }


def test_a_new_symptom_and_a_deployment_are_news() -> None:
    """With when they began; the commit can be copied."""
    later = replace(THEN, seen=(*SEEN, ("late", 60)), deployed=("backend-1", "backend-2"))
    assert sections(comment(later))["What changed"][1:] == [
        "- **New symptom:** About late (1 time, first 2025-09-10T00:01:00Z, rule `late`)",
        (
            "- **Deployment:** revision `backend-2` of backend began to log at "
            "2025-09-10T00:00:00Z, commit `abc1234`"
        ),
    ]
    uncommitted = replace(THEN, deployed=("backend-1", "backend-3"))
    assert sections(comment(uncommitted))["What changed"][1].endswith("at 2025-09-10T00:00:00Z")


def test_a_why_that_is_answered_is_news() -> None:
    """The cause is found; its places are links."""
    told = sections(comment(replace(THEN, why=KNOWN, open=())))
    link = f"[`check.py:7`](<{URL}>)"
    assert told["What changed"][1:] == [f"- **Cause found:** {link} is older."]
    assert told["What is resolved"] == [f"- established now (why 1): Why so? {link} is older."]
    assert told["What remains"] == [f"- [ ] Read {link}."]


def test_a_why_before_the_last_that_is_answered_is_told_beside_the_cause() -> None:
    """In full where it is not the cause itself; the summary says it in short."""
    first = replace(KNOWN, question="Why at all?", answer="It was so.", claim="it was")
    then = replace(THEN, whys=(), why=replace(UNKNOWN, question="Why at all?"))
    told = sections(comment(replace(THEN, whys=(first,), why=OTHER), then))
    assert told["What changed"][1:] == [
        "- **Cause found:** It is younger.",
        "- **Answered** (why 1, established): Why at all? It was so.",
    ]
    assert told["What is resolved"] == ["- established now (why 1): Why at all? it was"]


def test_a_cause_that_lies_deeper_is_found() -> None:
    """Facts had reached a part of the way; what was said then is told."""
    then = replace(THEN, whys=(KNOWN,), why=replace(UNKNOWN, question="Why that?"))
    told = comment(replace(THEN, whys=(KNOWN,), why=OTHER), then)
    assert "- **Cause found:** It is younger. Before: " in told


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        (UNKNOWN, UNKNOWN, ""),
        (UNKNOWN, KNOWN, "found"),
        (KNOWN, KNOWN, ""),
        (KNOWN, OTHER, "changed"),
        (KNOWN, UNKNOWN, "doubted"),
    ],
)
def test_the_cause_may_be_found_changed_or_doubted(before: Why, after: Why, cause: str) -> None:
    """What nobody knew before or after is no change."""
    then, now = (replace(THEN, why=why).document() for why in (before, after))
    assert changes(reported(then), now).cause == cause


def test_a_cause_that_changed_is_told_with_what_it_was() -> None:
    """So that nobody goes on with the old one."""
    told = comment(replace(THEN, why=OTHER), replace(THEN, why=KNOWN))
    assert "- **Cause changed:** It is younger. Before: [`check.py:7`]" in told
    assert "Nothing yet." in sections(told)["What is resolved"]


def test_what_is_over_is_resolved() -> None:
    """The state says so, and every symptom when it was seen last; nothing goes on."""
    over = replace(THEN, state=State.RESOLVED, steps=(), open=())
    assert sections(comment(over)) == {
        "What changed": [
            "Since the last report, which knew what was logged until 2025-09-10T00:00:01Z.",
            "- **State:** new → resolved (because)",
        ],
        "What is resolved": [
            "- the incident is resolved: because",
            "- not seen since 2025-09-10T00:00:00Z: About missing",
            "- not seen since 2025-09-10T00:00:01Z: About down",
        ],
        "What remains": ["Nothing."],
    }


def test_what_came_and_went_does_not_go_on() -> None:
    """A quiet incident is not said to go on, whatever was seen since the last report."""
    quiet = replace(THEN, seen=(*SEEN, ("down", 60), ("late", 61)), state=State.QUIET)
    assert not any("goes on" in line for line in sections(comment(quiet))["What remains"])


def test_an_update_counts_from_the_last_report_not_from_the_last_run() -> None:
    """What a run found and did not report is news until it is reported."""
    first = with_update(THEN.document(), None, "", sent=True)
    second = replace(THEN, seen=(*SEEN, ("down", 60))).document()
    left = with_update(second, first, "", sent=False)
    assert left.report.reported == reported(first)
    third = replace(THEN, seen=(*SEEN, ("down", 60), ("down", 61))).document()
    told = update(left, third, TEMPLATE, "update.md.j2") or ""
    assert "- **2 times more:** About down" in told
    sent = with_update(third, left, told, sent=True)
    assert sent.report.update == told
    assert sent.report.news == []  # a count that grew is none
    assert update(sent, third, TEMPLATE, "update.md.j2") is None


def test_what_is_worth_a_comment_is_named() -> None:
    """The update tells more: that it went on is no news of its own."""
    first = with_update(THEN.document(), None, "", sent=True)
    second = replace(THEN, seen=(*SEEN, ("late", 60))).document()
    told = update(first, second, TEMPLATE, "update.md.j2") or ""
    sent = with_update(second, first, told, sent=True)
    assert sent.report.news == ["symptoms"]
    assert with_update(second, first, "", sent=False).report.news == []
    third = replace(THEN, seen=(*SEEN, ("late", 60), ("down", 61))).document()
    left = with_update(third, sent, "It went on.", sent=False)
    again = with_update(third, left, "It went on.", sent=True)
    kept = [one.report.reported.update for one in (first, sent, left, again) if one.report.reported]
    assert kept == ["", told, told, ""]  # until the next one, as whoever writes it may look late


def test_what_was_never_reported_carries_no_report() -> None:
    """There is nothing to tell a change from."""
    assert with_update(THEN.document(), None, "", sent=False).report.reported is None


@pytest.mark.parametrize("text", HOSTILE)
def test_log_text_acts_on_nothing_in_a_comment(text: str) -> None:
    """Wherever it stands."""
    why = replace(OTHER, question=text, answer=f"{text} check.py:7 {text}")
    later = Stand(
        (*SEEN, ("down", 60), ("late", 61)), why, State.ONGOING, (text,), (text,), text, (text,)
    )
    made = comment(later, replace(THEN, why=replace(UNKNOWN, question=text)))
    inside = [child for token in parser().parse(made) for child in token.children or ()]
    assert {item.attrs["href"] for item in inside if item.type == "link_open"} <= {URL}
    assert "image" not in {item.type for item in inside}
    html = {item.content for item in inside if item.type == "html_inline"}
    assert html <= {"<code>", "</code>"}
    assert_defused(made.replace(URL, ""))
    headings = [token for token in parser().parse(made) if token.type == "heading_open"]
    assert len(headings) == 3


def test_a_comment_keeps_to_the_limit() -> None:
    """However many symptoms there are."""
    seen = tuple(("missing", at) for at in range(3))
    document = replace(THEN, seen=seen).document()
    many = [
        document.symptoms[0].model_copy(update={"fingerprint": f"f{at}", "title": "x" * 300})
        for at in range(400)
    ]
    text = update(document, document.model_copy(update={"symptoms": many}), TEMPLATE, "u") or ""
    assert len(text) <= 65_536
    assert "Shortened to GitHub's limit" in text
