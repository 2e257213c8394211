"""A subscription as Pub/Sub describes it."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from google.auth import compute_engine
from google.auth.credentials import AnonymousCredentials
from google.cloud.pubsub_v1 import SubscriberClient
from google.oauth2.credentials import Credentials

from pipeline.audit import SECOND
from pipeline.errors import SourceError
from pipeline.lifecycle import DAY
from pipeline.sources.subscribed import UNNAMED, Looking, principal
from tests.fakes.pubsub import PROJECT

if TYPE_CHECKING:
    from tests.fakes.pubsub import Emulator


def test_what_a_subscription_is(emulator: Emulator) -> None:
    """As it was made."""
    topic, subscription = emulator.subscription(deadline=20)
    with closing(Looking(subscription, 5)) as looking:
        found = looking.subscription()
    assert (found.name, found.topic) == (subscription, topic)
    assert (found.deadline, found.kept) == (20 * SECOND, 7 * DAY)
    assert (found.push, found.dead_letter, found.listeners) == ("", "", None)


def test_where_dead_letters_go(emulator: Emulator) -> None:
    """And whether anybody listens there."""
    topic, _ = emulator.subscription()
    letters, listener = emulator.subscription()
    name = f"{PROJECT}/subscriptions/d{uuid.uuid4().hex}"
    policy = {"dead_letter_topic": letters, "max_delivery_attempts": 7}
    request = {"name": name, "topic": topic, "dead_letter_policy": policy}
    with SubscriberClient() as client:
        client.create_subscription(request=request)
        with closing(Looking(name, 5)) as looking:
            found = looking.subscription()
            assert (found.dead_letter, found.attempts, found.listeners) == (letters, 7, 1)
            client.delete_subscription(request={"subscription": listener})
            assert looking.subscription().listeners == 0


def test_the_emulator_has_no_permissions(emulator: Emulator) -> None:
    """Which is told from having none; nor does it say who we are."""
    _, subscription = emulator.subscription()
    with closing(Looking(subscription, 5)) as looking:
        assert looking.permissions() is None
        assert looking.member() == UNNAMED


@pytest.mark.usefixtures("emulator")
def test_a_subscription_that_is_not_there() -> None:
    """No network mends that."""
    with (
        closing(Looking(f"{PROJECT}/subscriptions/none-such", 5)) as looking,
        pytest.raises(SourceError, match="it does not exist") as caught,
    ):
        looking.subscription()
    assert not caught.value.recoverable


def test_a_server_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing could be checked."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:9")
    with closing(Looking(f"{PROJECT}/subscriptions/away", 1)) as looking:
        for look in (looking.subscription, looking.permissions):
            with pytest.raises(SourceError) as caught:
                look()
            assert caught.value.recoverable


def test_how_a_policy_names_us() -> None:
    """A person by the account, if the credentials say it; a machine's say nothing at first."""
    person: Any = Credentials
    machine: Any = compute_engine.Credentials
    nobody: Any = AnonymousCredentials
    assert principal(person("token", account="ana@example.com")) == "user:ana@example.com"
    assert {principal(machine()), principal(nobody())} == {UNNAMED}
    email = "fivewhys@demo.iam.gserviceaccount.com"
    assert principal(machine(email)) == f"serviceAccount:{email}"
