"""The whys templates that come along: which rule has which, and that no answer overreaches."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.bootstrap.reading import load_texts
from pipeline.catalog import Catalog
from pipeline.correlation import Correlator
from pipeline.detection import Detector
from pipeline.entry import parse_entry
from pipeline.facts import Fact, known_facts
from pipeline.redaction import Redactor
from pipeline.rule import RuleSet, load_ruleset
from pipeline.ruletest import RuleTests
from pipeline.whys import Explanation, Standing, Status, Why, WhysTemplates, explain, load_whys
from pipeline.yamltext import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipeline.entry import LogEntry
    from pipeline.incident import Incident
    from pipeline.whys.templates import Answer, Guard, Question

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "rules").rglob("*.yml"))
TESTS = {path.name.removesuffix(".test.yml"): path for path in FILES if ".test." in path.name}


def texts(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Read files."""
    return ((str(path), path.read_text(encoding="utf-8")) for path in paths)


@cache
def rules() -> RuleSet:
    """Load the rules once."""
    return load_ruleset(texts(path for path in FILES if ".test." not in path.name))


@cache
def detector() -> Detector:
    """Compile them once."""
    return Detector(rules(), Redactor(), unscreened=0)


TEMPLATES = load_whys(texts(sorted((ROOT / "templates/whys").glob("*.yml"))))
ROOTS = [
    rule
    for rule in rules().rules.values()
    if not rule.audit.context and not rule.audit.noise and rule.level != "informational"
    if rule.name not in rules().silent  # which only counts for a correlation
]
COUNTS = [item for item in rules().correlations if item.derives]
QUESTIONS = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name, template in TEMPLATES.by_name.items()
    for number in range(len(template.whys))
]


def question_of(name: str, number: int) -> Question:
    """Return one question of a template."""
    return TEMPLATES.by_name[name].whys[number]


# --- rules and templates --------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEMPLATES.by_name)
def test_a_template_is_read_alone_with_the_one_it_asks_first(name: str) -> None:
    """A run reads those that its incidents need, by the names of their files."""
    assert [template for template, _ in load_texts(name).whys.of(name)] == [
        template for template, _ in TEMPLATES.of(name)
    ]


def test_a_name_that_no_template_has_leads_nowhere() -> None:
    """Nor out of their folder."""
    for name in ("", "nobody", "../whys/deadlock", "*"):
        assert list(load_texts(name).whys.of(name)) == []


@pytest.mark.parametrize("rule", ROOTS, ids=lambda rule: rule.name)
def test_what_may_be_a_root_goes_on(rule: Any) -> None:
    """Every signature has a template: at least it says what would settle the why."""
    assert rule.audit.whys in TEMPLATES.by_name


@pytest.mark.parametrize("correlation", COUNTS, ids=lambda correlation: correlation.name)
def test_what_is_counted_goes_on(correlation: Any) -> None:
    """A symptom that a correlation makes may be a root as well."""
    assert correlation.audit.whys in TEMPLATES.by_name


def test_every_template_is_asked() -> None:
    """By a rule or a correlation, or first by another template."""
    named = {item.audit.whys for item in rules().makers.values()}
    first = {template.asks_first for template in TEMPLATES.by_name.values()}
    assert set(TEMPLATES.by_name) <= named | first


# --- guards: nothing stands without what it rests on ----------------------------------------------


class Anything(dict[str, Any]):
    """Data of a fact that has whatever a text asks for."""

    def __missing__(self, key: str) -> str:
        """Return a word."""
        return f"some {key}"


def fact(guard: Guard, **changed: Any) -> Fact:
    """Return a fact for which a guard holds."""
    data = Anything(guard.where | {key: f"some {key}" for key in guard.has})
    return Fact(guard.fact, f"{guard} is so", f"file.py:{len(str(guard))}", data, **changed)


def facts(guards: Iterable[Guard]) -> list[Fact]:
    """Return facts for which guards hold, one for each, each once."""
    return [fact(guard) for guard in {str(guard): guard for guard in guards}.values()]


@cache
def incident(whys: str) -> Incident:
    """Return an incident of the first rule that goes on with a template, whatever it captures."""
    rule = next((rule for rule in ROOTS if rule.audit.whys == whys), ROOTS[0])
    (document,) = parse(TESTS[rule.name].read_text(encoding="utf-8"), rule.name)
    cases = RuleTests.model_validate(document.value).matches
    return next(
        found for case in cases for found in made(case.entry) if found.root.rule == rule.name
    )


def made(*records: Any) -> tuple[Incident, ...]:
    """Return the incidents that entries make."""
    correlator = Correlator(rules())
    for index, record in enumerate(records):
        numbered = {"insertId": f"entry-{index}", "timestamp": "2025-09-10T00:00:00Z", **record}
        for entry in parse_entry(numbered):
            found: LogEntry = entry
            correlator.on_detections(found.key, found.richness, detector().detect(found))
    return correlator.incidents()


def asked(name: str, number: int, found: Sequence[Fact]) -> Why:
    """Ask one question of a template by itself; its answers are told by their numbers."""
    template, question = TEMPLATES.by_name[name], question_of(name, number)
    answers = tuple(
        item.model_copy(update={"answer": f"answer {index}", "claim": f"claim {index}"})
        for index, item in enumerate(question.answers)
    )
    alone = template.model_copy(
        update={
            "asks_first": "",
            "next_steps": (),
            "whys": (
                question.model_copy(update={"answers": answers, "question": "Q", "when": ()}),
            ),
        }
    )
    case = incident(name)
    chosen = case.root.whys
    return explain(case, found, WhysTemplates({chosen: alone}, {chosen: name})).whys[-1]


def each_answer(question: Question) -> Iterator[tuple[int, Answer]]:
    """Yield the answers of a question with their numbers."""
    return enumerate(question.answers)


@pytest.mark.parametrize(("name", "number"), QUESTIONS)
def test_each_answer_can_be_given_and_none_without_its_facts(name: str, number: int) -> None:
    """Without any one of the facts that an answer rests on, or if that is a guess, it falls."""
    question = question_of(name, number)
    for index, answer in each_answer(question):
        whole = facts((*question.when, *answer.when))
        why = asked(name, number, whole)
        assert (why.answer, why.status) == (f"answer {index}", Status.ESTABLISHED)
        assert {item.kind for item in why.evidence} >= {guard.fact for guard in answer.when}
        for guard in answer.when:
            rest = [item for item in whole if item.text != f"{guard} is so"]
            for mutated in (rest, [*rest, fact(guard, suggested=True)]):
                assert asked(name, number, mutated).answer != f"answer {index}"


@pytest.mark.parametrize(("name", "number"), QUESTIONS)
def test_what_rules_an_answer_out_is_never_overruled(name: str, number: int) -> None:
    """Beside what speaks for the answer it is a contradiction; alone it rules the answer out."""
    question = question_of(name, number)
    for index, answer in each_answer(question):
        for counter in answer.ruled_out_by:
            both = [*facts((*question.when, *answer.when)), fact(counter)]
            why = asked(name, number, both)
            assert why.answer != f"answer {index}"
            told = {item.claim: item.standing for item in why.considered}
            taken = why.status is Status.ESTABLISHED and f"claim {index}" not in told
            assert not taken
            alone = asked(name, number, [*facts(question.when), fact(counter)])
            told = {item.claim: item.standing for item in alone.considered}
            assert told.get(f"claim {index}") in {Standing.RULED_OUT, Standing.CONTRADICTED}


@pytest.mark.parametrize(("name", "number"), QUESTIONS)
def test_every_text_can_be_rendered(name: str, number: int) -> None:
    """With the facts that its guards ask for, and no others."""
    question = question_of(name, number)
    template = TEMPLATES.by_name[name].model_copy(update={"whys": (question,), "asks_first": ""})
    case = incident(name)
    chosen = WhysTemplates({case.root.whys: template}, {case.root.whys: name})
    for answer in question.answers:
        why = explain(case, facts((*question.when, *answer.when)), chosen).whys[-1]
        assert why.status is Status.ESTABLISHED
        assert why.answer
        assert all(item.claim for item in why.considered)
    (*_, last) = explain(case, facts(question.when), chosen).whys
    assert last.settle or last.status is Status.ESTABLISHED


@pytest.mark.parametrize("name", sorted(TEMPLATES.by_name))
def test_every_step_can_be_rendered(name: str) -> None:
    """With the facts that its guards ask for, and no others."""
    case = incident(name)
    template = TEMPLATES.by_name[name]
    for step in template.next_steps:
        alone = template.model_copy(update={"next_steps": (step,), "asks_first": ""})
        chosen = WhysTemplates({case.root.whys: alone}, {case.root.whys: name})
        (text,) = explain(case, facts(step.when), chosen).next_steps
        assert text


ALARMS = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name, template in TEMPLATES.by_name.items()
    for number in range(len(template.false_alarms))
]


@pytest.mark.parametrize(("name", "number"), ALARMS)
def test_every_false_alarm_can_be_given_and_none_without_its_facts(name: str, number: int) -> None:
    """With the facts that its guards ask for, and no others, unless one speaks against it."""
    case = incident(name)
    template = TEMPLATES.by_name[name]
    alarm = template.false_alarms[number]
    alone = template.model_copy(update={"false_alarms": (alarm,), "asks_first": ""})
    chosen = WhysTemplates({case.root.whys: alone}, {case.root.whys: name})
    whole = facts(alarm.when)
    (found,) = explain(case, whole, chosen).false_alarms
    assert found.text
    for index in range(len(whole)):
        rest = [item for at, item in enumerate(whole) if at != index]
        likely = replace(whole[index], suggested=True)
        for mutated in (rest, [*rest, likely]):
            assert explain(case, mutated, chosen).false_alarms == ()
    for counter in alarm.ruled_out_by:
        assert explain(case, [*whole, fact(counter)], chosen).false_alarms == ()


# --- what real entries lead to --------------------------------------------------------------------


PLATFORM = ("Container ", "Application exec ", "The request ")
"""How lines begin that a service does not log itself."""


def entry(text: str, *, service: str = "backend", at: int = 0, **more: Any) -> dict[str, Any]:
    """Return a record of an entry, `at` seconds past midnight."""
    labels = {"service_name": service, "revision_name": f"{service}-00001-abc"}
    log = "varlog%2Fsystem" if text.startswith(PLATFORM) else "stderr"
    return {
        "insertId": f"{service}-{at}-{text[:40]}",
        "logName": f"projects/demo/logs/run.googleapis.com%2F{log}",
        "timestamp": f"2025-09-10T00:{at // 60:02}:{at % 60:02}Z",
        "severity": "ERROR",
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "textPayload": text,
        **more,
    }


def explained(*records: dict[str, Any], more: Sequence[Fact] = ()) -> Explanation:
    """Explain the one incident that entries make, with the templates that come along."""
    (found,) = made(*records)
    return explain(found, (*known_facts(found, Catalog()), *more), TEMPLATES)


LIBPQ = 'connection to server at "10.20.0.3", port 5432 failed: '
FATAL = f"{LIBPQ}FATAL:  "
SECRET = "projects/demo/secrets/jwt-key"


@pytest.mark.parametrize(
    ("text", "answer", "further"),
    [
        (f"{FATAL}the database system is shutting down", "The database itself goes down", 1),
        ("terminating connection due to administrator command", "The database itself goes down", 1),
        (f"{LIBPQ}No such file or directory", "No socket is there under the path", 1),
        (
            'could not translate host name "db" to address: Name or service not known',
            "Where the service runs, the name of the database's host is not known: db.",
            1,
        ),
        (f"{LIBPQ}No route to host", "No route leads from the service", 1),
        (f"{LIBPQ}Connection refused", "The host is reached and nothing listens there", 1),
        (f"{LIBPQ}server does not support SSL, but SSL was required", "The database is reached", 1),
        (f'{FATAL}database "main" does not exist', "The server is there and says", 1),
        (f'{FATAL}role "backend" does not exist', "The server is there and says", 1),
        ("server closed the connection unexpectedly", "Connections that were open were closed", 1),
        ("[CRITICAL] ConnectionError: database unreachable", "", 0),
        ("canceling statement due to lock timeout", "A statement waited for a lock until", 1),
        ("canceling statement due to statement timeout", "A statement ran until", 1),
        ("terminating connection due to idle-in-transaction timeout", "A transaction was left", 1),
        (f"{LIBPQ}timeout expired", "Not a statement but the connection took too long", 1),
        ("[WARNING] TimeoutError: database operation took longer than 30 s", "", 0),
        ("deadlock detected", "", 0),
        (
            f'{FATAL}password authentication failed for user "backend"',
            "The password that the service gives is not the one that the database has",
            1,
        ),
        (f'{FATAL}no pg_hba.conf entry for host "10.8.0.7"', "The database's rules of access", 1),
        ("must be owner of table users", "The role that the service connects with does not own", 1),
        ("permission denied for table users", "The role that the service connects with was", 1),
        ("[ERROR] PermissionError: role backend may not write users", "", 0),
        ('FATAL:  too many connections for role "backend"', "Not the server's limit", 0),
        ('FATAL:  too many connections for database "main"', "Not the server's limit", 0),
        ("sorry, too many clients already", "", 0),
        (
            f"Permission 'secretmanager.versions.access' denied for resource '{SECRET}/versions/7'",
            "Secret Manager refuses jwt-key",
            1,
        ),
        (f"Secret Version [{SECRET}/versions/9] not found.", "There is no jwt-key", 1),
        (f"Secret Version [{SECRET}/versions/6] is in DISABLED state.", "The version that", 1),
        ("QueuePool limit of size 5 overflow 10 reached", "", 0),
        ("Memory limit of 512 MiB exceeded with 530 MiB used.", "", 0),
        ("The request was aborted because there was no available instance.", "", 0),
        ("Container terminated on signal 9.", "It was killed with signal 9", 1),
        ("Container called exit(137).", "It was killed: exit code 137", 1),
        ("Container terminated on signal 11.", "Native code crashed", 0),
        ("Container called exit(139).", "Native code crashed", 0),
        ("Container terminated on signal 6.", "The process gave itself up", 0),
        ("Container called exit(134).", "The process gave itself up", 0),
        ("Container called exit(127).", "Its command is not in the image", 1),
        ("Container called exit(126).", "Its command is there and cannot be executed", 1),
        ("Application exec likely failed", "Its command could not be executed at all", 1),
        ("Container called exit(1).", "", 0),
        ("[1] [ERROR] Worker failed to boot.", "", 0),
        ("STARTUP TCP probe failed 1 time consecutively", "", 0),
        ("Revision 'backend-1' is not ready and cannot serve traffic. It has no image.", "", 0),
        ('column "mood" of relation "users" does not exist', "", 0),
        ("[CRITICAL] WORKER TIMEOUT (pid:7)", "", 0),
        ("Worker (pid:7) was sent SIGKILL! Perhaps out of memory?", "", 0),
        ("Golden path validation failed: Users cannot log in", "", 0),
        ("Service dependency validation FAILED - 2 services failed", "", 0),
        ("Cannot connect to host auth:443 ssl:default", "", 0),
        ("jwt.exceptions.InvalidSignatureError: Signature verification failed", "", 0),
    ],
)
def test_the_words_of_an_entry_decide(text: str, answer: str, further: int) -> None:
    """What they say is answered; the chain ends with what would settle the rest."""
    chain = explained(entry(text)).whys
    if answer:
        assert chain[0].answer.startswith(answer)
        assert chain[0].status is Status.ESTABLISHED
        assert chain[0].evidence[0].ref.startswith("insertId backend-0-")
        assert len(chain) == 1 + further
    assert [why.status for why in chain[bool(answer) :]] == [Status.UNKNOWN] * (
        further or not answer
    )
    assert all(why.settle for why in chain if why.status is Status.UNKNOWN)


def test_a_failed_request_by_itself_is_no_cause() -> None:
    """The request log says no more than that."""
    request = {"status": 500, "requestUrl": "https://example.com/", "requestMethod": "GET"}
    record = entry("", httpRequest=request)
    del record["textPayload"]
    (why,) = explained(record).whys
    assert why.status is Status.UNKNOWN
    assert 'service_name="backend"' in why.settle


TIMED_OUT = "canceling statement due to statement timeout"
POOL = "QueuePool limit of size 5 overflow 10 reached"
NO_INSTANCE = "The request was aborted because there was no available instance."


def beside(kind: str, **data: Any) -> Fact:
    """Return what was seen at the root's own service."""
    return Fact(f"seen_{kind}", f"{kind} was seen", "insertId x", {"here": True, "at": "T", **data})


@pytest.mark.parametrize(
    ("text", "kind", "data", "answer"),
    [
        (POOL, "database_timeout", {"lock": "lock"}, "Statements wait for locks"),
        (POOL, "database_timeout", {"statement": "statement"}, "Statements run until their limit"),
        (POOL, "database_timeout", {"idle": "idle"}, "Transactions are left open without work"),
        (NO_INSTANCE, "startup_exception", {"title": "X"}, "New instances do not come up: X."),
        (
            NO_INSTANCE,
            "server_start_failed",
            {"title": "X"},
            "New instances do not come up: x at T",
        ),
        (NO_INSTANCE, "probe_failed", {"probe": "STARTUP"}, "New instances do not come up: the"),
        (NO_INSTANCE, "container_exited", {"title": "X"}, "Instances end while they are needed"),
        (
            NO_INSTANCE,
            "pool_exhausted",
            {},
            "The instances are busy with requests that wait: for a",
        ),
        (
            NO_INSTANCE,
            "database_timeout",
            {},
            "The instances are busy with requests that wait: for",
        ),
        (NO_INSTANCE, "worker_timeout", {}, "The instances are busy with requests that hang"),
    ],
)
def test_what_else_a_service_logs_may_say_why(
    text: str, kind: str, data: dict[str, Any], answer: str
) -> None:
    """Only if it is the same service: what another one has is no reason here."""
    seen = beside(kind, **data)
    why = explained(entry(text), more=[seen]).whys[0]
    assert (why.status, why.answer[: len(answer)]) == (Status.ESTABLISHED, answer)
    elsewhere = Fact(seen.kind, seen.text, seen.ref, {**seen.data, "here": False})
    for others in ([elsewhere], []):
        (unknown,) = explained(entry(text), more=others).whys
        assert unknown.status is Status.UNKNOWN


DEPLOYED = {
    "service": "backend",
    "revision": "backend-2",
    "commit": "b" * 40,
    "started_at": "2025-09-10T00:00:00Z",
    "seconds": 3.0,
    "previous": "backend-1",
    "previous_commit": "a" * 40,
    "absent_before": True,
    "announced_by": "deployer@demo.iam.gserviceaccount.com",
}


def test_a_deployment_says_why_it_began() -> None:
    """Where the revision before it logged without it; what it changed is asked after that."""
    deployed = Fact(
        "first_seen_after_deployment", "first seen 3 s after it", "insertId d", DEPLOYED
    )
    explanation = explained(entry(POOL), more=[deployed])
    first, last = explanation.whys
    assert first.answer == (
        "It came with a deployment: backend runs as backend-2 since 2025-09-10T00:00:00Z, deployed "
        "by deployer@demo.iam.gserviceaccount.com, and backend-1 before it logged without it."
    )
    assert (first.status, last.status) == (Status.ESTABLISHED, Status.UNKNOWN)
    assert explanation.root_cause == first.answer
    assert explanation.next_steps[0].endswith(
        "update-traffic backend --to-revisions backend-1=100."
    )
    assert explanation.next_steps[1] == f"See what changed: git log {'a' * 40}..{'b' * 40}."


def test_a_deployment_of_the_same_commit_changed_settings() -> None:
    """The code is the same before and after."""
    data = {**DEPLOYED, "commit": "a" * 40}
    deployed = Fact("first_seen_after_deployment", "first seen 3 s after it", "insertId d", data)
    explanation = explained(entry(POOL), more=[deployed])
    assert explanation.root_cause.endswith(
        "both are of the same commit, so look at their settings."
    )
    assert explanation.next_steps[1].startswith("See what changed: not the commit, so the settings")


def test_what_was_there_before_did_not_come_with_a_deployment() -> None:
    """Nothing is said about when it began."""
    data = {**DEPLOYED, "absent_before": False}
    older = Fact("first_seen_after_deployment", "seen before", "insertId d", data)
    (why,) = explained(entry(POOL), more=[older]).whys
    assert why.question == "Why is every connection of the pool in use?"


def test_a_refusal_in_other_words_rules_the_rest_out() -> None:
    """Who is told of rights is logged in: the password is right, and rules let it in."""
    why = explained(entry("permission denied for table users")).whys[0]
    assert {item.claim: item.standing for item in why.considered} == {
        "the password is another one than the database has": Standing.RULED_OUT,
        "the rules of access let nobody in from there": Standing.RULED_OUT,
        "the account may not log in with IAM": Standing.NOT_SHOWN,
        "the role of the service is not the owner": Standing.NOT_SHOWN,
    }


CASES = [
    pytest.param(case.entry, id=f"{name}: {case.name}")
    for name, path in TESTS.items()
    for (document,) in [parse(path.read_text(encoding="utf-8"), path.name)]
    for case in RuleTests.model_validate(document.value).matches
]


@pytest.mark.parametrize("record", CASES)
def test_whatever_a_rule_matches_can_be_explained(record: Any) -> None:
    """Also if nobody knows which service logged it; unknown whys say what would settle them."""
    nowhere = {key: value for key, value in record.items() if key != "resource"}
    for found in chain(made(record), made(nowhere)):
        explanation = explain(found, known_facts(found, Catalog()), TEMPLATES)
        assert all(why.settle for why in explanation.whys if why.status is Status.UNKNOWN)
        assert all(why.evidence for why in explanation.whys if why.status is Status.ESTABLISHED)
