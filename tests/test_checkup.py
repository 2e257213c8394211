"""What was found is judged: what is missing, and the command that mends it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipeline.audit import SECOND
from pipeline.checkup import (
    CONSUME,
    GET,
    Finding,
    Schema,
    State,
    Subscribed,
    Tracked,
    clock,
    document,
    enabling,
    is_well,
    logs,
    permissions,
    store,
    subscription,
    tracked,
)
from pipeline.lifecycle import DAY, HOUR

NAME = "projects/demo/subscriptions/fivewhys"
TOPIC = "projects/demo/topics/logs"
LETTERS = "projects/demo/topics/letters"
GOOD = Subscribed(NAME, TOPIC, deadline=15 * SECOND)
HERE = Tracked("example/platform", "example/platform", has_issues=True, may=["push"])


def found(one: Subscribed, *, dead_letters: bool = False) -> list[tuple[State, str]]:
    """Judge a subscription; return states and commands."""
    told = subscription(one, dead_letters=dead_letters)
    return [(finding.state, finding.command) for finding in told]


def gcloud(verb: str, *more: str) -> str:
    """Return a command about the subscription."""
    return " ".join(
        ("gcloud pubsub subscriptions", verb, "fivewhys", "--project=demo", *more),
    )


def test_a_subscription_as_it_should_be() -> None:
    """Nothing is to be done."""
    assert found(GOOD) == [(State.OK, ""), (State.OK, "")]


@pytest.mark.parametrize(
    ("one", "state", "command"),
    [
        (replace(GOOD, topic="_deleted-topic_"), State.WRONG, gcloud("delete")),
        (replace(GOOD, detached=True), State.WRONG, gcloud("delete")),
        (
            replace(GOOD, push="https://example.com"),
            State.WRONG,
            gcloud("modify-push-config", "--push-endpoint="),
        ),
        (
            replace(GOOD, expires=31 * DAY),
            State.NOTE,
            gcloud("update", "--expiration-period=never"),
        ),
        (replace(GOOD, deadline=16 * SECOND), State.NOTE, gcloud("update", "--ack-deadline=15")),
        (
            replace(GOOD, kept=HOUR),
            State.NOTE,
            gcloud("update", "--message-retention-duration=7d"),
        ),
    ],
)
def test_a_subscription_that_lacks_something(one: Subscribed, state: State, command: str) -> None:
    """Each with the command that mends it; what is only a note keeps no run from working."""
    told = [finding for finding in found(one) if finding[1]]
    assert told == [(state, command)]
    assert is_well(subscription(one, dead_letters=False)) is (state is State.NOTE)


def test_where_dead_letters_go() -> None:
    """They are needed only if poison is left to them, and then somebody has to listen."""
    update = gcloud("update", "--dead-letter-topic=TOPIC", "--max-delivery-attempts=100")
    assert found(GOOD, dead_letters=True)[-1] == (State.WRONG, update)
    lettered = replace(GOOD, dead_letter=LETTERS, attempts=20)
    assert found(lettered)[-1] == (State.UNKNOWN, "")
    assert found(replace(lettered, listeners=1))[-1] == (State.OK, "")
    command = (
        f"gcloud pubsub subscriptions create letters-kept --topic={LETTERS} "
        "--expiration-period=never"
    )
    assert found(replace(lettered, listeners=0))[-1] == (State.NOTE, command)


def test_few_deliveries_make_dead_letters_of_what_could_not_be_kept() -> None:
    """Five are the default, and a database that is full for seconds takes as many."""
    more = (f"--dead-letter-topic={LETTERS}", "--max-delivery-attempts=100")
    assert found(GOOD, dead_letters=True)[-1][1].endswith(" --max-delivery-attempts=100")
    lettered = replace(GOOD, dead_letter=LETTERS, attempts=19, listeners=1)
    assert found(lettered)[-2:] == [(State.NOTE, gcloud("update", *more)), (State.OK, "")]
    assert is_well(subscription(lettered, dead_letters=True))
    assert State.NOTE not in {state for state, _ in found(replace(lettered, attempts=20))}


def test_permissions_are_granted_by_the_least_role() -> None:
    """To whom the credentials name; to look at the subscription is not needed by a run."""
    assert [one.state for one in permissions(NAME, [CONSUME, GET], "me")] == [State.OK, State.OK]
    pulls, looks = permissions(NAME, [], "serviceAccount:me@demo.iam.gserviceaccount.com")
    assert (pulls.state, looks.state) == (State.WRONG, State.NOTE)
    assert pulls.command == gcloud(
        "add-iam-policy-binding",
        "--member=serviceAccount:me@demo.iam.gserviceaccount.com",
        "--role=roles/pubsub.subscriber",
    )
    assert looks.command.endswith("--role=roles/pubsub.viewer")


@pytest.mark.parametrize(
    ("resource", "begins"),
    [
        ("projects/demo", "gcloud projects add-iam-policy-binding demo "),
        ("folders/12", "gcloud resource-manager folders add-iam-policy-binding 12 "),
        ("organizations/34", "gcloud organizations add-iam-policy-binding 34 "),
    ],
)
def test_logs_that_must_not_be_read(resource: str, begins: str) -> None:
    """The role is granted where the logs are."""
    assert logs(resource).state is State.OK
    told = logs(resource, "it must not be read", "user:ana@example.com")
    assert (told.state, told.text) == (State.WRONG, "it must not be read")
    assert told.command == f"{begins}--member=user:ana@example.com --role=roles/logging.viewer"


def test_logs_that_no_role_lets_us_read() -> None:
    """As for a filter that is mistyped: there is no command against that."""
    told = logs("projects/demo", "it does not understand what it is asked")
    assert (told.state, told.command) == (State.WRONG, "")


@pytest.mark.parametrize(
    ("metadata", "resource", "project"),
    [
        ({"consumer": "projects/812345"}, "projects/demo", "812345"),
        ({}, "projects/demo/subscriptions/logs", "demo"),
        (None, "folders/12", "PROJECT"),
        ({"consumer": "projects/a;b"}, "projects/demo", "'a;b'"),
    ],
)
def test_an_api_that_is_not_enabled(
    metadata: dict[str, str] | None, resource: str, project: str
) -> None:
    """It is enabled where whoever asks has it from, as far as the error says it."""
    error = SimpleNamespace(reason="SERVICE_DISABLED", metadata=metadata)
    told = enabling("pubsub.googleapis.com", error, resource)
    assert told == f"gcloud services enable pubsub.googleapis.com --project={project}"
    assert not enabling("pubsub.googleapis.com", SimpleNamespace(reason=None), resource)
    assert not enabling("pubsub.googleapis.com", ValueError(), resource)


def wrong(one: Tracked) -> list[Finding]:
    """Judge a repository; return what is wrong."""
    return [finding for finding in tracked(one, "fivewhys") if finding.state is State.WRONG]


def test_a_repository_as_it_should_be() -> None:
    """With an App, with a classic token, and with another, of which nothing is known."""
    app = replace(HERE, granted={"issues": "write", "metadata": "read"}, has_label=True)
    assert {one.state for one in tracked(app, "fivewhys")} == {State.OK}
    classic = replace(HERE, scopes=["repo"], signed=(2, 0))
    assert {one.state for one in tracked(classic, "fivewhys")} == {State.OK}
    assert State.UNKNOWN in {one.state for one in tracked(HERE, "fivewhys")}
    assert not wrong(HERE)


def test_what_an_app_lacks() -> None:
    """Somebody has to grant it in GitHub; of the repository nothing is known then."""
    told = [*tracked(Tracked("a/b", "a/b", granted={"issues": "read"}), "fivewhys")]
    assert [one.state for one in told] == [State.WRONG, State.WRONG, State.UNKNOWN]


def test_what_a_token_lacks() -> None:
    """Its scope, or its owner's role."""
    assert [one.command for one in wrong(replace(HERE, scopes=["public_repo"]))] == [
        "gh auth refresh --scopes repo"
    ]
    assert not wrong(replace(HERE, scopes=["public_repo"], is_private=False))
    assert [one.command for one in wrong(replace(HERE, may=["pull"]))] == [
        "gh api -X PUT repos/example/platform/collaborators/LOGIN -f permission=triage"
    ]


def test_where_no_issue_can_be_written() -> None:
    """The name of today is used in commands."""
    moved = replace(HERE, full_name="example/elsewhere", has_issues=False)
    assert [one.command for one in wrong(moved)] == [
        "gh repo edit example/elsewhere --enable-issues"
    ]
    assert [one.state for one in tracked(moved, "x")].count(State.NOTE) == 1
    (archived,) = wrong(replace(HERE, is_archived=True))
    assert archived.command == "gh repo unarchive example/platform"


def test_a_key_that_signed_nothing_that_is_there() -> None:
    """What another one signed is left alone; some of that is left of a key that was changed."""
    (key,) = wrong(replace(HERE, signed=(0, 3)))
    assert (key.check, "3 are signed with another key" in key.text) == ("marker key", True)
    assert not wrong(replace(HERE, signed=(1, 3)))


@pytest.mark.parametrize(
    ("skew", "state", "text"),
    [
        (None, State.UNKNOWN, "nobody was reached"),
        (2 * SECOND, State.OK, "within 5 s of GitHub's"),
        (-20 * SECOND, State.NOTE, "it is 20 s behind GitHub's"),
        (61 * SECOND, State.WRONG, "it is 61 s ahead of GitHub's"),
    ],
)
def test_a_clock(skew: int | None, state: State, text: str) -> None:
    """From a minute on GitHub takes no claim of an App."""
    told = clock(skew)
    assert (told.state, told.text[: len(text)]) == (state, text)


@pytest.mark.parametrize(
    ("schema", "state", "text"),
    [
        ("", State.OK, "it is empty; `run` makes schema 0003"),
        ("0003", State.OK, "schema 0003, the newest"),
        ("0001", State.OK, "schema 0001; `run` brings it to 0003 at its start"),
        ("0009", State.WRONG, "schema 0009, made by a newer fivewhys"),
    ],
)
def test_a_store(schema: str, state: State, text: str) -> None:
    """A schema of tomorrow is refused."""
    told = store(Schema("store x", schema, "0003", known=("0003", "0002", "0001")))
    assert told.state is state
    assert text in told.text


def test_a_store_that_lacks_something() -> None:
    """With the statement that grants it."""
    told = store(Schema("store x", "", "0003", "no rights", "GRANT them"))
    assert (told.state, told.text, told.command) == (
        State.WRONG,
        "store x: no rights",
        "GRANT them",
    )


def test_findings_as_json() -> None:
    """A command only where there is one."""
    rows = [Finding("a", State.OK, "fine"), Finding("b", State.WRONG, "broken", "mend it")]
    assert document(rows) == {
        "format_version": 1,
        "well": False,
        "findings": [
            {"check": "a", "state": "ok", "text": "fine"},
            {"check": "b", "state": "wrong", "text": "broken", "command": "mend it"},
        ],
    }
    assert document(rows[:1])["well"]
