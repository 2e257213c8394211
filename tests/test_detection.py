"""What a rule saw in an entry: redacted, typed, and about somebody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection import SAMPLE_LIMIT, Detection, Detector
from pipeline.errors import RuleError
from pipeline.redaction import Redactor
from pipeline.redaction.expressions import PLACEHOLDER
from tests.support import BASE, SECOND, detect, detector, entry, rule_text, ruleset

SECRET = "hunter2hunter2"
SECRETS = ("ghp_" + "a1B2" * 9, "ghp_" + "b2A1" * 9, f"password={SECRET}")
DETECTOR = detector(ruleset(rule_text("x")))


def one(rule: str, text: str = "", **fields: Any) -> Detection:
    """Return what one rule saw in one entry."""
    (found,) = detect(ruleset(rule), entry(text, **fields))
    return found


def test_each_matching_rule_sees_the_entry_once() -> None:
    """In the order of the rule set; an entry that nothing matches leaves nothing."""
    rules = ruleset(rule_text("a", "x"), rule_text("b", "y"), rule_text("c", "[xy]"))
    assert [found.rule for found in detect(rules, entry("x y"))] == ["a", "b", "c"]
    assert [found.rule for found in detect(rules, entry("y"))] == ["b", "c"]
    assert detect(rules, entry("z")) == []


def test_a_detection_says_which_entry_and_when() -> None:
    """Identity and time are those of the entry as it was logged."""
    logged = entry("seen", at=2.5, key="a1")
    (found,) = detect(ruleset(rule_text("seen")), logged)
    assert found.key == logged.key
    assert found.richness == logged.richness
    assert found.timestamp == found.sample.timestamp == BASE + 5 * SECOND // 2
    assert (found.service, found.revision) == ("backend", "backend-00001-abc")
    assert (found.sample.insert_id, found.sample.severity) == ("a1", "ERROR")
    assert found.sample.log_name == "projects/demo/logs/run.googleapis.com/stderr"
    assert found.sample.text == "seen"


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "captured"),
    [
        ("failed", {}),
        (r"password=(?P<pw>\S+) failed", {"pw": PLACEHOLDER}),
        (r"(?P<all>pass.*failed)", {"all": f"password={PLACEHOLDER} failed"}),
        # redaction makes these match no longer
        (r"password=(?P<pw>hunter\w+)", {"pw": PLACEHOLDER}),
        (r"password=hun(?P<part>ter2)", {"part": PLACEHOLDER}),
        (
            r"for (?P<user>\w+): (?P<line>password=hunter\w+)",
            {"user": "ann", "line": f"password={PLACEHOLDER}"},
        ),
        (r"(?P<none>)hunter", {"none": ""}),
    ],
)
def test_a_secret_stands_nowhere_in_a_detection(pattern: str, captured: dict[str, str]) -> None:
    """Not in the sample, not in what is captured, whether or not the rule asks for it."""
    groups = ", ".join(captured)
    rule = rule_text("a", pattern, audit=f"{{entity: [service, labels.note, {groups}]}}")
    found = one(
        rule,
        f"login for ann: password={SECRET} failed",
        labels={"note": f"token: {SECRET}", "api_key": SECRET},
        logName="projects/demo/logs/x",
    )
    assert SECRET not in repr(found)
    assert "ter2" not in repr(found)
    assert {name: found.fields[name] for name in captured} == captured


def test_a_capture_that_redaction_leaves_alone_stays_where_the_rule_matches_no_longer() -> None:
    """Only what the redacted entry does not show is withheld, whatever field it came from."""
    rule = rule_text("a", f"{SECRET} by (?P<user>\\w+)").replace("message|re:", "jsonPayload.x|re:")
    found = one(rule, jsonPayload={"x": f"password={SECRET} by ann", "n": 5})
    assert found.fields["user"] == "ann"


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=6, max_size=20))
def test_whatever_the_secret_is_it_is_gone(secret: str) -> None:
    """Also where the rule spells it out."""
    found = one(rule_text("a", f"password=(?P<pw>Zq{secret}7)"), f"x password=Zq{secret}7 y")
    assert f"Zq{secret}7" not in repr(found)


@given(st.lists(st.text(max_size=20) | st.sampled_from([*SECRETS, "id\ud800", "x" * 600])))
def test_many_identifiers_are_what_each_is_by_itself(texts: list[str]) -> None:
    """Those that hold a secret are told apart, and hold none."""
    known = DETECTOR.identify_all(texts)
    assert known == {text: DETECTOR.identify(text) for text in texts}
    assert len(set(known.values())) == len(set(texts))
    assert not set(SECRETS).intersection(known.values())


# --- captures -------------------------------------------------------------------------------------


def test_captures_are_typed_and_take_precedence_over_fields() -> None:
    """The rule names the types of those that are not text."""
    rule = rule_text(
        "a",
        r"(?P<service>\w+) lacks (?P<tables>\[.*\]) after (?P<n>\d+)",
        audit="{captures: {tables: list, n: int}, entity: [service, revision, tables]}",
    )
    found = one(rule, "auth lacks ['a', 'b'] after 3")
    assert found.fields == {
        "service": "auth",
        "tables": ["a", "b"],
        "n": 3,
        "revision": "backend-00001-abc",
    }
    assert found.entity == {
        "service": "auth",
        "revision": "backend-00001-abc",
        "tables": ["a", "b"],
    }
    assert found.service == "backend"


def test_a_field_has_its_value_its_values_or_none() -> None:
    """One value as it is, several as a list, a missing one as an empty text."""
    rule = rule_text("a", "x", audit="{entity: [jsonPayload.one, jsonPayload.two, nothing]}")
    found = one(rule, "", jsonPayload={"message": "x", "one": 1, "two": [1, 2]})
    assert found.entity == {"jsonPayload.one": 1, "jsonPayload.two": [1, 2], "nothing": ""}


def test_a_group_that_took_no_part_is_no_entity() -> None:
    """An alternative captures only its own."""
    rule = rule_text("a", "(?P<x>x)|(?P<y>y)", audit="{entity: [x, y]}")
    assert one(rule, "y").entity == {"y": "y"}


# --- whom it is about -----------------------------------------------------------------------------


def fingerprint(rule: str, text: str, service: str = "backend") -> str:
    """Return the fingerprint of what a rule sees in a text."""
    return one(rule, text, service=service).fingerprint


def test_the_entity_makes_the_fingerprint() -> None:
    """The same tables in another order are the same; another service or rule is not."""
    audit = "{captures: {tables: set}, entity: [service, tables]}"
    rule = rule_text("a", r"(?P<tables>\{.*\})", audit=audit)
    first = fingerprint(rule, "12 lack {'b', 'a'}")
    assert fingerprint(rule, "99 lack {'a', 'b'} now") == first
    assert fingerprint(rule, "12 lack {'b'}") != first
    assert fingerprint(rule, "12 lack {'b', 'a'}", "auth") != first
    assert fingerprint(rule.replace("name: a", "name: b"), "12 lack {'b', 'a'}") != first


def test_without_an_entity_the_message_makes_it() -> None:
    """Its template, so that numbers do not tell two of a kind apart; and its service."""
    rule = rule_text("a", "timeout")
    first = fingerprint(rule, "timeout after 30 s on connection 1234")
    assert fingerprint(rule, "timeout after 31 s on connection 99") == first
    assert fingerprint(rule, "timeout while reading") != first
    assert fingerprint(rule, "timeout after 30 s on connection 1234", "auth") != first


def test_a_fingerprint_is_explained() -> None:
    """A person can read what was taken together."""
    rule = rule_text("a", "x", audit="{entity: [service]}")
    assert "backend" in " ".join(one(rule, "x").explanation)


# --- samples --------------------------------------------------------------------------------------


def test_a_long_text_is_cut_and_says_so() -> None:
    """An entry may hold 256 KiB; an issue may not."""
    assert one(rule_text("a", "x"), "x" * SAMPLE_LIMIT).sample.text == "x" * SAMPLE_LIMIT
    cut = one(rule_text("a", "x"), "x" * (SAMPLE_LIMIT + 1234)).sample.text
    assert cut == "x" * SAMPLE_LIMIT + "… (1,234 more characters)"


def test_a_request_is_shown_as_its_request_line() -> None:
    """A request log has no message."""
    rule = (
        "title: t\nname: a\nlogsource: {product: gcp}\n"
        "detection: {seen: {httpRequest.status|gte: 500}, condition: seen}\n"
    )
    request = {
        "requestMethod": "GET",
        "requestUrl": "https://x/y?token=abcdefgh1234",
        "status": 503,
    }
    text = one(rule, httpRequest=request).sample.text
    assert text.startswith("GET https://x/y?token=")
    assert text.endswith(" 503")
    assert "abcdefgh1234" not in text
    assert one(rule, httpRequest={"status": 500}).sample.text == "500"


def test_rules_that_cannot_be_evaluated_are_refused_when_the_detector_is_made() -> None:
    """Not when the first entry arrives."""
    wrong = rule_text("a").replace("message|re:", "message|expand:").replace("'a'", "'%a%'")
    with pytest.raises(RuleError, match="is filled by no setting"):
        detector(ruleset(wrong))


def test_a_screen_is_only_made_where_there_is_much_to_screen() -> None:
    """The first entries are tried with every rule, which finds the same and takes less time."""
    rules = ruleset(rule_text("a", "long enough"), rule_text("b", "y"), rule_text("c", "enough"))
    entries = [entry(text, at=at) for at in range(30) for text in ("Long enough y", "enough", "z")]
    made = Detector(rules, Redactor())
    found = [made.detect(one) for one in entries[:10]]
    assert "screen" not in vars(made)
    found += [made.detect(one) for one in entries[10:]]
    assert "screen" in vars(made)
    screening = detector(rules)
    assert found == [screening.detect(one) for one in entries]
    assert "screen" in vars(screening)


def test_a_long_entry_is_screened_at_once() -> None:
    """To try every rule on it would take longer than to make a screen."""
    made = Detector(ruleset(rule_text("a", "long enough")), Redactor())
    assert [found.rule for found in made.detect(entry("long enough " * 2_000))] == ["a"]
    assert "screen" in vars(made)


def test_the_redactor_is_the_callers_choice() -> None:
    """Addresses of people stay when the setting says so."""
    rules = ruleset(rule_text("a", r"by (?P<who>\S+)"))
    (found,) = Detector(rules, Redactor(emails=False)).detect(entry("by ann@example.com"))
    assert found.fields["who"] == "ann@example.com"
    assert (
        one(rule_text("a", r"by (?P<who>\S+)"), "by ann@example.com").fields["who"] == PLACEHOLDER
    )


# --- what no rule knows ---------------------------------------------------------------------------

FALLBACK = (
    "title: t\nname: unknown\nlogsource: {product: gcp}\n"
    "detection:\n  a: {severity|gte: 400}\n  condition: a\n"
    'audit: {fallback: true, title: "{{ pattern }}"}\n'
)


def test_a_fallback_rule_is_tried_where_no_other_matches() -> None:
    """Context counts as another; what is neither a warning nor a traceback has no fallback."""
    rules = ruleset(FALLBACK, rule_text("a"), rule_text("b", audit="{context: {}}"))
    assert [found.rule for found in detect(rules, entry("a"), entry("b"))] == ["a", "b"]
    assert [found.rule for found in detect(rules, entry("x 7"))] == ["unknown"]
    assert detect(rules, entry("x", severity="INFO")) == []


def test_a_fallback_rule_tells_the_pattern() -> None:
    """It makes the fingerprint; an entry without words has the pattern of its payload."""
    first, second = detect(ruleset(FALLBACK), entry("page 7"), entry("page 8", at=1))
    assert first.fields["pattern"] == second.fields["pattern"] == "page <num>"
    assert first.fingerprint == second.fingerprint
    (silent,) = detect(ruleset(FALLBACK), entry(jsonPayload={"code": 7}))
    assert (silent.fields["pattern"], silent.sample.text) == ("{<str>:<num>}", '{"code":7}')


def test_a_pattern_holds_no_secret() -> None:
    """It is made of the redacted entry."""
    (found,) = detect(ruleset(FALLBACK), entry(f"login with password={SECRET} failed"))
    assert SECRET not in repr(found)


def test_what_stands_above_a_traceback_is_a_pattern_for_each() -> None:
    """The same words above two things are two patterns."""
    made = detector(ruleset(FALLBACK))
    line = entry("show failed")
    (plain,), (one,), (other,) = (made.unknown(line, above) for above in ((), ["b", "a"], ["c"]))
    assert one.fields["above"] == ["a", "b"]
    assert "above" not in plain.fields
    assert len({item.fingerprint for item in (plain, one, other)}) == 3


@pytest.mark.parametrize("key", ["exc_info", "stack_trace"])
def test_a_traceback_beside_the_message_makes_the_pattern(key: str) -> None:
    """The same exception is one pattern, wherever the logger puts it."""
    raised = (
        'Traceback (most recent call last):\n  File "/app/plan.py", line 3, in check\nBroken: x'
    )
    inside = {"message": f"check failed\n{raised}"}
    beside = {"message": "check failed: Broken: x", key: raised}
    none = {"message": "check failed: Broken: x", key: "no frames\nin here"}
    rules = ruleset(FALLBACK)
    one, other, plain = (
        found
        for payload in (inside, beside, none)
        for found in detect(rules, entry(jsonPayload=payload))
    )
    assert one.fingerprint == other.fingerprint != plain.fingerprint
    assert other.fields["pattern"] == "Broken in check (/app/plan.py)"
    assert other.sample.text == f"check failed: Broken: x\n{raised}"
