"""The JSON document of a run: the contract that other programs read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import BaseModel

from pipeline.catalog import Catalog
from pipeline.deployments import Deployment, Rollout
from pipeline.document import (
    EntriesDocument,
    RejectionDocument,
    RunDocument,
    incident_document,
    noise_document,
    suppression_document,
)
from pipeline.facts import Fact, known_facts
from pipeline.holding import apply
from pipeline.novelty import Example, SelfAudit, Unmatched
from pipeline.report import Action, Decision, Neighbour, Neighbourhood, Report
from pipeline.selfaudit import audit_document
from pipeline.suppressions import load_suppressions
from pipeline.updating import with_update
from pipeline.verdicts import Kind, Verdict
from pipeline.whys import explain, load_whys
from tests.support import BASE, SECOND, correlate, detection, rule_text, ruleset

RULES = ruleset(
    rule_text("missing", level="critical", audit="{whys: unowned}"),
    rule_text("down", audit="{user_visible: true, caused_by: [{rule: missing}]}"),
    rule_text("deployed", audit="{context: {}}"),
    rule_text("loud", level="low", audit="{noise: true}"),
)
CONTRACT = {
    "": {"entries", "audit", "rejections", "incidents", "suppressions", "noise", "rules_version"},
    "noise": {
        "rule",
        "title",
        "level",
        "priority",
        "services",
        "revisions",
        "count",
        "first_seen",
        "last_seen",
        "fingerprint",
    },
    "audit": {
        "warnings",
        "unmatched",
        "patterns",
        "complete",
        "commonest",
        "late",
        "dropped",
    },
    "audit.commonest": {"pattern", "count", "insert_id", "timestamp", "example"},
    "entries": {
        "read",
        "accepted",
        "duplicates",
        "rejected",
        "outside",
        "unknown_severities",
    },
    "rejections": {"place", "reason"},
    "incidents": {
        "id",
        "fingerprint",
        "title",
        "state",
        "state_reason",
        "priority",
        "priority_reason",
        "first_seen",
        "last_seen",
        "services",
        "revisions",
        "root_symptom",
        "symptoms",
        "context",
        "five_whys",
        "root_cause",
        "next_steps",
        "open_questions",
        "grouped_because",
        "timeline",
        "report",
        "suppressed",
        "silenced_until",
        "assigned_to",
        "verdicts",
        "absorbed",
        "previous",
        "deployments",
        "first_seen_after_deployment",
        "looked_at",
        "system_state",
        "impacts",
        "false_alarms",
        "related",
        "who_looks",
        "owners",
        "repositories",
    },
    "incidents.symptoms": {
        "rule",
        "signature",
        "title",
        "level",
        "fingerprint",
        "explanation",
        "entity",
        "count",
        "first_seen",
        "last_seen",
        "services",
        "revisions",
        "samples",
        "unknown",
    },
    "incidents.symptoms.samples": {"insert_id", "log_name", "timestamp", "severity", "text"},
    "incidents.five_whys": {
        "question",
        "answer",
        "status",
        "settle",
        "evidence",
        "considered",
        "claim",
    },
    "incidents.five_whys.evidence": {"kind", "ref", "text", "url"},
    "incidents.five_whys.considered": {"claim", "standing", "evidence", "missing"},
    "incidents.five_whys.considered.evidence": {"kind", "ref", "text", "url"},
    "incidents.timeline": {"timestamp", "kind", "text", "ref", "url"},
    "incidents.system_state": {"label", "text", "ref", "url"},
    "incidents.impacts": {"text", "rules", "count"},
    "incidents.false_alarms": {"text", "evidence"},
    "incidents.false_alarms.evidence": {"kind", "ref", "text", "url"},
    "incidents.related": {"id", "title", "reason", "issue"},
    "incidents.report": {
        "action",
        "reason",
        "title",
        "labels",
        "body",
        "update",
        "news",
        "reported",
    },
    "incidents.report.reported": {
        "last_seen",
        "state",
        "root_cause",
        "established",
        "symptoms",
        "unsettled",
        "deployments",
        "update",
    },
    "incidents.report.reported.symptoms": {"fingerprint", "count", "last_seen"},
    "incidents.suppressed": {"place", "owner", "reason", "until"},
    "incidents.verdicts": {"number", "kind", "text", "by", "at", "reason"},
    "suppressions": {
        "place",
        "owner",
        "reason",
        "until",
        "state",
        "state_reason",
        "incidents",
        "detections",
    },
    "incidents.deployments": {
        "service",
        "revision",
        "commit",
        "first_seen",
        "last_seen",
        "previous",
        "ref",
    },
}

SUPPRESSIONS = load_suppressions(
    "suppressions: [{match: {rule: '*'}, owner: ana, reason: known, until: 2025-10-01}]", "s.yml"
)
SILENCE = Verdict(Kind.SILENCE, "inc-1", ("a", BASE), BASE, "ana", until=BASE + 60 * SECOND)


WHYS = load_whys(
    [
        (
            "unowned.yml",
            """\
name: unowned
whys:
  - question: Whose?
    answers:
      - {claim: nobody's, when: [nobodys], ruled_out_by: [seen_down], answer: Nobody's.}
    unknown: Who knows.
    settle: Ask.
false_alarms: [{when: [seen_down], text: Nothing is down.}]
""",
        )
    ]
)
OLDER = Deployment("backend", "backend-1", "", BASE - 9 * SECOND, BASE, "insertId a")
DEPLOYED = replace(OLDER, revision="backend-2", first_seen=BASE, previous=OLDER)
ROLLOUT = Rollout(
    (OLDER, DEPLOYED), DEPLOYED, facts=(Fact("after", "first seen after it", "insertId a"),)
)


FACTS = [
    Fact("source_code", "the source code is that of the checkout", "abc"),
    Fact("setting", "MODE is new", "a.env:1", {"setting": "Mode", "value": "new"}),
    Fact("probe", "auth answers", "https://auth/", {"happened_at": "2025-09-10T00:00:09Z"}),
]
BEFORE = Neighbour(BASE - 60 * SECOND, "inc-0", "missing backend", "T", ("backend",), BASE - SECOND)


def run_document() -> dict[str, Any]:
    """Make the document of a run with one incident, as another program reads it."""
    seen = [detection(name, at=at) for at, name in enumerate(RULES.rules)]
    correlator = correlate(RULES, *seen)
    (made,) = correlator.incidents()
    incident = replace(made, verdicts=(SILENCE,))
    applied = apply(SUPPRESSIONS, [incident], BASE)
    explanation = explain(incident, known_facts(incident, Catalog()), WHYS)
    report = Report(incident.id, "[P1] title", ("fivewhys", "P1"), "body")
    decision = Decision(Action.CREATE, "first report")
    entries = EntriesDocument(
        read=4, accepted=3, duplicates=0, rejected=1, outside=2, unknown_severities=0
    )
    example = Example(0, "id", "page <num> closed", "page 7 closed")
    audit = SelfAudit(3, 2, 1, True, (Unmatched(example.pattern, 2, example),))  # noqa: FBT003
    document = RunDocument(
        entries=entries,
        audit=audit_document(audit, late=1, dropped=entries.rejected + entries.outside),
        rejections=[RejectionDocument(place="a.json:1", reason="no JSON")],
        incidents=[
            with_update(
                incident_document(
                    incident,
                    explanation,
                    report,
                    decision,
                    suppressed=applied.held[incident.id],
                    silence=SILENCE,
                    rollout=ROLLOUT,
                    facts=FACTS,
                    related=Neighbourhood([BEFORE]).of(incident),
                ),
                None,
                "",
                sent=True,
            )
        ],
        suppressions=[suppression_document(item) for item in applied.accounts],
        noise=[noise_document(item) for item in correlator.noise()],
    )
    read = json.loads(document.model_dump_json())
    assert isinstance(read, dict)
    return read


def keys(value: Any, path: str = "") -> dict[str, set[str]]:
    """Return the keys of every object of the contract, by the path that leads to it."""
    found: dict[str, set[str]] = {}
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and not path.endswith("entity"):
            found[path] = set(item)
            for key, inner in item.items():
                found |= keys(inner, f"{path}.{key}".lstrip("."))
    return found


def test_the_contract_has_these_keys() -> None:
    """Other programs rely on each of them: keys are only ever added, here as well."""
    found = keys(run_document())
    assert found.pop("incidents.context") == CONTRACT["incidents.symptoms"]
    assert found.pop("incidents.context.samples") == CONTRACT["incidents.symptoms.samples"]
    assert found == CONTRACT


def test_a_document_is_what_its_schema_says() -> None:
    """The published schema describes what is printed, and nothing beside it."""
    validator = Draft202012Validator(RunDocument.model_json_schema())
    assert validator.is_valid(run_document())
    assert not validator.is_valid({**run_document(), "more": 1})


def test_a_document_can_be_read_again() -> None:
    """What is written is what is read."""
    read = RunDocument.model_validate(run_document())
    assert isinstance(read, BaseModel)
    assert read.model_dump(mode="json") == run_document()


def test_noise_is_told_beside_the_incidents() -> None:
    """Of the lowest priority, whatever else there is."""
    (found,) = run_document()["noise"]
    assert found == {
        "rule": "loud",
        "title": "About loud",
        "level": "low",
        "priority": "P4",
        "services": ["backend"],
        "revisions": ["backend-00001-abc"],
        "count": 1,
        "first_seen": "2025-09-10T00:00:03Z",
        "last_seen": "2025-09-10T00:00:03Z",
        "fingerprint": "loud backend",
    }


def test_an_incident_is_told_in_full() -> None:
    """Times are RFC 3339 in UTC, the root is named by its rule, every why carries its evidence."""
    (incident,) = run_document()["incidents"]
    assert incident["title"] == "backend: About missing"
    assert (incident["first_seen"], incident["last_seen"]) == (
        "2025-09-10T00:00:00Z",
        "2025-09-10T00:00:01Z",
    )
    assert (incident["root_symptom"], incident["priority"], incident["state"]) == (
        "missing",
        "P1",
        "new",
    )
    missing, down = incident["symptoms"]
    assert (missing["rule"], missing["count"], missing["entity"]) == (
        "missing",
        1,
        {"service": "backend"},
    )
    assert down["samples"] == [
        {
            "insert_id": "down-1-backend",
            "log_name": "log",
            "timestamp": "2025-09-10T00:00:01Z",
            "severity": "ERROR",
            "text": "down was seen",
        }
    ]
    assert [item["rule"] for item in incident["context"]] == ["deployed"]
    assert [why["status"] for why in incident["five_whys"]] == ["observed", "unknown"]
    assert [item["kind"] for item in incident["five_whys"][0]["evidence"]] == [
        "entry",
        "entry",
        "link",
    ]
    assert incident["five_whys"][1]["settle"]
    assert incident["five_whys"][1]["considered"] == [
        {
            "claim": "nobody's",
            "standing": "ruled out",
            "evidence": [
                {
                    "kind": "seen_down",
                    "ref": "insertId down-1-backend in log",
                    "text": "2025-09-10T00:00:01Z backend: About down",
                    "url": "",
                }
            ],
            "missing": ["nobodys"],
        }
    ]
    kinds = ["deployment", "deployment", "symptom", "symptom", "context", "probe"]
    assert [item["kind"] for item in incident["timeline"]] == kinds
    assert [item["previous"] for item in incident["deployments"]] == ["", "backend-1"]
    assert incident["first_seen_after_deployment"] == ["first seen after it"]
    assert incident["report"] == {
        "action": "create",
        "reason": "first report",
        "title": "[P1] title",
        "labels": ["fivewhys", "P1"],
        "body": "body",
        "update": "",
        "news": [],
        "reported": {
            "last_seen": "2025-09-10T00:00:01Z",
            "state": "new",
            "root_cause": "Unknown. Who knows.",
            "established": False,
            "symptoms": [
                {
                    "fingerprint": f"{item['rule']} backend",
                    "count": 1,
                    "last_seen": item["last_seen"],
                }
                for item in (missing, down)
            ],
            "unsettled": ["Whose?"],
            "deployments": ["backend backend-1", "backend backend-2"],
            "update": "",
        },
    }
    assert incident["looked_at"] == ["The source code is that of the checkout."]
    assert incident["system_state"] == [
        {"label": "Mode", "text": "new", "ref": "a.env:1", "url": ""}
    ]
    assert incident["impacts"] == [{"text": "About down", "rules": ["down"], "count": 1}]
    assert [item["text"] for item in incident["false_alarms"]] == ["Nothing is down."]
    assert incident["related"] == [
        {
            "id": "inc-0",
            "title": "T",
            "reason": "the same failure before: last seen 1 s earlier, at 2025-09-09T23:59:59Z",
            "issue": "",
        }
    ]


def test_the_self_audit_says_what_went_no_further() -> None:
    """What was rejected and what lies outside are dropped."""
    audit = run_document()["audit"]
    assert (audit["warnings"], audit["unmatched"], audit["late"], audit["dropped"]) == (3, 2, 1, 3)
    assert audit["commonest"] == [
        {
            "pattern": "page <num> closed",
            "count": 2,
            "insert_id": "id",
            "timestamp": "1970-01-01T00:00:00Z",
            "example": "page 7 closed",
        }
    ]
