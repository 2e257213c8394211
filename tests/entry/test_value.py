"""What is derived from an entry: identity, message, origin, richness."""

import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.entry import LogEntry, format_timestamp, parse_entry

TIME = "2025-09-10T00:33:54Z"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def entry(**fields: Any) -> LogEntry:
    """Return an entry with an id, a time and these fields."""
    [found] = parse_entry({"insertId": "a", "timestamp": TIME, **fields})
    return found


def test_both_spellings_of_a_log_id_are_one_log() -> None:
    """A slash in the log id may be URL-encoded or not."""
    encoded = entry(logName="projects/acme/logs/run.googleapis.com%2Fstderr")
    plain = entry(logName="projects/acme/logs/run.googleapis.com/stderr")
    assert encoded.log_name == plain.log_name == "projects/acme/logs/run.googleapis.com/stderr"
    assert encoded.key == plain.key


@pytest.mark.parametrize("parent", ["projects", "organizations", "folders", "billingAccounts"])
def test_a_log_may_belong_to_any_parent(parent: str) -> None:
    """Only a log below a project names a project."""
    found = entry(logName=f"{parent}/acme/logs/activity")
    assert found.log_name == f"{parent}/acme/logs/activity"
    assert found.project == ("acme" if parent == "projects" else "")


def test_an_entry_without_an_id_gets_one_that_follows_from_its_content() -> None:
    """The same content has the same id in every run, other content another one."""
    one, same, other = (
        parse_entry({"timestamp": TIME, "textPayload": text})[0] for text in ("x", "x", "y")
    )
    assert one.insert_id == same.insert_id != other.insert_id
    assert one.insert_id.startswith("sha256-")
    assert len(one.insert_id) == len("sha256-") + 16


@pytest.mark.parametrize("insert_id", ["-x#1@a:b|c", "2025-09-03|01:53:50.387721-07|10.1.1.1|12"])
def test_an_id_may_hold_any_character(insert_id: str) -> None:
    """Ids are opaque; an id that arrives as a number is text."""
    assert entry(insertId=insert_id).insert_id == insert_id
    assert entry(insertId=17).insert_id == "17"


def test_the_place_is_no_part_of_an_entry() -> None:
    """Two copies are equal wherever they were read, and hash alike."""
    [one] = parse_entry({"insertId": "a", "timestamp": TIME}, place="one.json:1")
    [two] = parse_entry({"insertId": "a", "timestamp": TIME}, place="two.json:2")
    assert one == two
    assert len({one, two}) == 1
    assert (one.place, two.place) == ("one.json:1", "two.json:2")


def test_an_entry_is_frozen() -> None:
    """Nobody changes it; who wants another one makes one."""
    found = entry(textPayload="x")
    with pytest.raises(FrozenInstanceError):
        found.place = "y"  # type: ignore[misc]
    moved = replace(found, place="y")
    assert (moved, moved.place, found.place) == (found, "y", "")
    assert repr(LogEntry(document={}, place="y")) == "LogEntry(document={}, place='y')"


def test_an_entry_can_be_sent_to_another_process() -> None:
    """It survives pickling, also after something was derived from it."""
    found = entry(textPayload="x")
    assert found.message == "x"
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"textPayload": "\n  up  \r\n"}, "up"),
        ({"textPayload": "\x1b[31m\x1b[1mred\x1b[0m"}, "red"),
        ({"textPayload": "x\ud800y"}, "x\ufffdy"),
        ({"textPayload": 5}, "5"),
        ({"textPayload": ["x"]}, ""),
        ({"textPayload": "", "jsonPayload": {"message": "up"}}, "up"),
        ({"jsonPayload": {"message": "up", "msg": "no"}}, "up"),
        ({"jsonPayload": {"message": "  ", "msg": "up"}}, "up"),
        ({"jsonPayload": {"message": {"a": 1}, "textPayload": "up"}}, "up"),
        ({"jsonPayload": {"event": "up"}}, "up"),
        ({"jsonPayload": {"MESSAGE": "up"}}, "up"),
        ({"jsonPayload": {"error": "gone"}}, "gone"),
        ({"jsonPayload": {"error": {"message": "gone"}}}, "gone"),
        ({"jsonPayload": {"error": {"type": "KeyError", "value": "'x'", "traceback": "T"}}}, "'x'"),
        ({"jsonPayload": {"error": {"type": ["odd"], "code": 1}, "exception": "gone"}}, "gone"),
        ({"jsonPayload": {"error": {"type": "str", "message": "Missing field"}}}, ""),
        ({"jsonPayload": {}}, ""),
        ({"jsonPayload": []}, ""),
        ({"protoPayload": {"status": {"code": 7, "message": "denied"}}}, "denied"),
        ({"protoPayload": {"status": {}}}, ""),
        ({"protoPayload": {"status": 7}}, ""),
        ({"protoPayload": {}, "jsonPayload": {}}, ""),
        ({"httpRequest": {"status": 503}}, ""),
        ({"severity": "ERROR", "message": "saved without a payload"}, "saved without a payload"),
        ({}, ""),
    ],
)  # fmt: skip
def test_the_message_is_the_text_that_people_read(fields: dict[str, Any], message: str) -> None:
    """From whichever payload there is; stripped, without ANSI escapes; "" when there is none."""
    assert entry(**fields).message == message


def test_a_traceback_whose_line_ends_were_escaped_has_its_lines_again() -> None:
    """The last line of the exception is a line, not the tail of one long line."""
    escaped = 'Traceback (most recent call last):\\n  File "a.py", line 1\\nValueError: x\\n'
    assert entry(jsonPayload={"message": escaped}).message.splitlines()[2] == "ValueError: x"
    whole = "Traceback (most recent call last):\n  path = 'C:\\new'\nValueError: x"
    assert entry(textPayload=whole).message == whole


@pytest.mark.parametrize(
    "text",
    [
        "Traceback (most recent call last):",
        '  File "/srv/app.py", line 3, in <module>',
        "ModuleNotFoundError: No module named 'cart'",
        'Traceback (most recent call last):\n  File "/srv/app.py", line 3\n    import cart…',
    ],
)
def test_a_piece_of_a_traceback_is_text_like_any_other(text: str) -> None:
    """A line of its own, or cut off in the middle: nothing is added and nothing lost."""
    assert entry(textPayload=f"{text}\n").message == text.strip()


TRACED = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: x'


@pytest.mark.parametrize(
    "beside",
    [
        {"exc_info": TRACED},
        {"exception": f"{TRACED}\n"},
        {"stack_trace": TRACED.replace("\n", "\\n")},
        {"error": {"type": "ValueError", "value": "x", "traceback": TRACED}},
        {"stack": "", "traceback": TRACED},
    ],
)
def test_a_traceback_beside_the_message_follows_it(beside: dict[str, Any]) -> None:
    """As it would in plain text: loggers of JSON give it a key of its own."""
    assert entry(jsonPayload={"message": "it failed", **beside}).message == f"it failed\n{TRACED}"


@pytest.mark.parametrize("stack", ["Error: x\n    at f (a.js:1:2)", "goroutine 1\ngoroutine 2 ["])
def test_a_traceback_beside_the_message_may_be_of_any_language(stack: str) -> None:
    """Node.js, Java and .NET write frames alike, Go names its goroutines."""
    said = entry(jsonPayload={"msg": "it failed", "err": {"type": "Error", "stack": stack}})
    assert said.message == f"it failed\n{stack}"


@pytest.mark.parametrize(
    "beside",
    [
        {"exc_info": True},
        {"exception": "ValueError: x"},
        {"stack": "prod\nblue"},
        {"error": {"type": "str", "traceback": TRACED}},
        {"exc_info": TRACED.partition("\n")[0]},
    ],
)
def test_what_is_no_traceback_stays_beside_the_message(beside: dict[str, Any]) -> None:
    """Nor does one that a formatter made up."""
    assert entry(jsonPayload={"message": "it failed", **beside}).message == "it failed"


def test_a_traceback_that_the_message_has_is_not_told_twice() -> None:
    """Some loggers write it into both."""
    told = f"it failed\n{TRACED}"
    assert entry(jsonPayload={"message": told, "exc_info": TRACED}).message == told
    assert entry(jsonPayload={"exc_info": TRACED}).message == TRACED


def test_a_line_end_written_out_in_other_text_stays() -> None:
    """Only a traceback is unfolded."""
    assert entry(textPayload="C:\\new").message == "C:\\new"


@pytest.mark.parametrize(
    ("kind", "labels", "service", "revision", "instance"),
    [
        ("cloud_run_revision", {"service_name": "api", "revision_name": "r1"}, "api", "r1", ""),
        ("cloud_run_job", {"job_name": "migrate"}, "migrate", "", ""),
        ("cloud_run_worker_pool", {"worker_pool_name": "pull"}, "pull", "", ""),
        ("cloud_function", {"function_name": "resize"}, "resize", "", ""),
        ("gae_app", {"module_id": "default", "version_id": "7"}, "default", "7", ""),
        ("k8s_container", {"container_name": "api", "pod_name": "api-x"}, "api", "", "api-x"),
        ("gce_instance", {"instance_id": "12"}, "", "", "12"),
        ("cloud_run_revision", {"service_name": "", "revision_name": None}, "", "", ""),
        ("cloud_run_revision", [], "", "", ""),
    ],
)  # fmt: skip
def test_the_origin_is_read_from_the_resource(
    kind: str, labels: Any, service: str, revision: str, instance: str
) -> None:
    """Each kind of resource names its service in a label of its own."""
    found = entry(resource={"type": kind, "labels": labels})
    assert (found.service, found.revision, found.instance) == (service, revision, instance)


def test_the_instance_is_the_label_of_the_entry_first() -> None:
    """Cloud Run puts the instance into the entry's labels."""
    resource = {"type": "k8s_container", "labels": {"pod_name": "pod"}}
    assert entry(labels={"instanceId": "0069"}, resource=resource).instance == "0069"
    assert entry(labels=["odd"]).instance == ""


@pytest.mark.parametrize("context", ["serviceContext", "context"])
def test_an_entry_that_lost_its_resource_may_name_its_service(context: str) -> None:
    """The logger's own context is the last resort."""
    assert entry(jsonPayload={context: {"service": "api"}}).service == "api"


@pytest.mark.parametrize(
    ("about", "service"),
    [
        ({"name": "bills-6d5f7c9b8-x2k4q", "fieldPath": "spec.containers{app}"}, "app"),
        ({"name": "bills-6d5f7c9b8-x2k4q", "fieldPath": "spec.initContainers{migrate}"}, "migrate"),
        ({"name": "bills-6d5f7c9b8-x2k4q", "fieldPath": "spec.nodeName"}, "bills"),
        ({"name": "mail-sender-6d5f7c9b8-x2k4q"}, "mail-sender"),
        ({"name": "nightly-29012345-x2k4q"}, "nightly"),
        ({"name": "log-agent-x2k4q"}, "log-agent"),
        ({"name": "postgres-0"}, "postgres"),
        ({"name": "redis-master"}, "redis-master"),
        ({"name": "-0"}, "-0"),
        ({"kind": "Deployment", "name": "bills"}, "bills"),
        ({"kind": "Node", "name": "gke-main-pool-1-x2k4q"}, ""),
        ({"kind": None, "name": "bills-0"}, ""),
        ({"name": 5, "fieldPath": 5}, ""),
        ("odd", ""),
    ],
)
def test_an_event_of_kubernetes_names_its_container_or_workload(about: Any, service: str) -> None:
    """The resource of an event has the name of the pod alone, which is another one every time."""
    resource = {"type": "k8s_pod", "labels": {"pod_name": "bills-6d5f7c9b8-x2k4q"}}
    told = {"kind": "Pod", **about} if isinstance(about, dict) else about
    assert entry(resource=resource, jsonPayload={"involvedObject": told}).service == service


@pytest.mark.parametrize(
    ("fields", "project"),
    [
        ({"resource": {"labels": {"project_id": "acme"}}}, "acme"),
        ({"resource": {"labels": {"project_id": ""}}, "logName": "projects/acme/logs/x"}, "acme"),
        ({"trace": "projects/acme/traces/0af7"}, "acme"),
        ({"logName": "projects"}, ""),
        ({"resource": "odd"}, ""),
    ],
)
def test_the_project_is_the_resources_or_the_one_in_a_name(
    fields: dict[str, Any], project: str
) -> None:
    """Empty labels count as missing."""
    assert entry(**fields).project == project


@pytest.mark.parametrize(
    ("trace", "bare"),
    [("projects/acme/traces/0af7", "0af7"), ("0af7", "0af7"), (None, ""), (5, "")],
)
def test_the_trace_is_its_bare_id(trace: object, bare: str) -> None:
    """With the prefix, without it, of any length."""
    assert entry(trace=trace).trace == bare


def test_the_copy_with_a_payload_is_the_richer_one() -> None:
    """Then the one with more fields, then the longer one; never the one that came first."""
    bare = entry(labels={"a": "b"}, severity="INFO")
    payload = entry(textPayload="x")
    more = entry(textPayload="x", severity="INFO")
    longer = entry(textPayload="x", severity="WARNING")
    assert bare.richness < payload.richness < more.richness < longer.richness


def test_copies_of_the_same_size_are_told_apart_by_content() -> None:
    """So the choice is the same in any order; only equal documents rank equal."""
    one, two = entry(textPayload="x"), entry(textPayload="y")
    assert one.richness != two.richness
    assert one.richness == entry(textPayload="x").richness


def test_a_document_that_no_encoder_accepts_still_has_an_identity() -> None:
    """Surrogates, huge integers and deep nesting in a hand-made document do no harm."""
    nested: Any = "x"
    for _ in range(2000):
        nested = [nested]
    found = LogEntry({"a": "\ud800", "b": 10**30, "c": nested})
    assert found.insert_id == LogEntry({**found.document}).insert_id
    assert found.richness == LogEntry({**found.document}).richness


@pytest.mark.parametrize(
    ("received", "event_time"),
    [
        ("2025-09-10T00:00:00Z", "2025-09-10T00:00:00Z"),
        ("2025-09-11T04:00:00Z", "2025-09-11T04:00:00Z"),
        ("2025-09-11T05:59:00Z", "2025-09-11T06:00:00Z"),
        ("", "2025-09-11T06:00:00Z"),
        ("yesterday", "2025-09-11T06:00:00Z"),
    ],
)
def test_an_entry_cannot_be_dated_more_than_a_minute_after_it_arrived(
    received: str, event_time: str
) -> None:
    """What claims to is taken to be of its arrival; the timestamp that identifies it stays.

    A clock that tells the hour of another time zone does so all the time.
    """
    times = {"timestamp": "2025-09-11T06:00:00Z", "receiveTimestamp": received}
    found = LogEntry({"insertId": "a", **times})
    assert format_timestamp(found.event_time) == event_time
    assert format_timestamp(found.timestamp) == "2025-09-11T06:00:00Z"


FIELDS = st.sampled_from(
    ["insertId", "logName", "timestamp", "receiveTimestamp", "severity", "textPayload",
     "jsonPayload", "protoPayload", "httpRequest", "resource", "labels", "trace", "spanId",
     "sourceLocation", "metadata", "insert_id", "insertid", "traceSampled", "operation"]
)  # fmt: skip


MARK = st.sampled_from([{"insertId": "a"}, {"logName": "x"}, {"textPayload": "x"}])


@given(st.dictionaries(FIELDS, ANYTHING), MARK)
def test_no_type_in_any_place_breaks_an_entry(fields: dict[str, Any], mark: dict[str, str]) -> None:
    """Everything can be derived, and the canonical document gives the same entry again."""
    [found] = parse_entry({**fields, **mark})
    derived = (found.key, found.severity, found.message, found.richness, found.service,
               found.revision, found.instance, found.project, found.trace)  # fmt: skip
    [again] = parse_entry(found.document)
    assert again == found
    assert derived[:4] == (again.key, again.severity, again.message, again.richness)
