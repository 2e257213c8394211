"""A subscription: what it delivers comes again until it is acknowledged."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import SourceError
from pipeline.ports import Message
from pipeline.retrying import Retrying
from pipeline.sources.pubsub import PubSubFeed, PullSettings
from tests.fakes.disabled import refusing
from tests.fakes.pubsub import PROJECT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.pubsub import Emulator

QUICK = PullSettings(wait=2)


def pulled(feed: PubSubFeed, count: int, seconds: float = 20) -> Sequence[Message]:
    """Pull until so many messages came."""
    found: list[Message] = []
    until = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < until:
        found += feed.pull()
    return found


def test_a_message_comes_until_it_is_acknowledged(emulator: Emulator) -> None:
    """Given back it comes at once, and is counted; acknowledged it does not come again."""
    topic, subscription = emulator.subscription()
    emulator.publish(topic, [b"one", b"two"])
    with PubSubFeed(subscription, QUICK) as feed:
        first = pulled(feed, 2)
        assert {one.data for one in first} == {b"one", b"two"}
        feed.acknowledge([one for one in first if one.data == b"one"])
        feed.give_back([one for one in first if one.data == b"two"])
        (again,) = pulled(feed, 1)
        assert again.data == b"two"
        assert again.name in {one.name for one in first}
        feed.acknowledge([again])
        assert not feed.pull()


def test_what_is_in_hand_is_leased_anew(emulator: Emulator) -> None:
    """A batch may take longer than the subscription's deadline of ten seconds."""
    topic, subscription = emulator.subscription(deadline=10)
    emulator.publish(topic, [b"slow"])
    with PubSubFeed(subscription, QUICK) as feed:
        messages = pulled(feed, 1)
        begun = time.monotonic()
        while time.monotonic() < begun + 14:
            assert not feed.pull()
        feed.acknowledge(messages)
        assert not feed.pull()


def test_a_mistake_of_our_own_in_keeping_leases_is_told_to_who_pulls(emulator: Emulator) -> None:
    """Whoever pulls ends by it, and is started anew: nobody goes on without leases."""
    topic, subscription = emulator.subscription(deadline=10)
    emulator.publish(topic, [b"slow"])
    mistaken: Any = "no number"
    with PubSubFeed(subscription, PullSettings(wait=2, lease=mistaken)) as feed:
        assert len(pulled(feed, 1)) == 1
        with pytest.raises(TypeError, match="integer"):
            pulled(feed, 1, 14)


def test_what_was_in_the_hands_of_the_dead_comes_again(emulator: Emulator) -> None:
    """Nothing is lost with who pulled it."""
    topic, subscription = emulator.subscription(deadline=10)
    emulator.publish(topic, [b"left"])
    with PubSubFeed(subscription, QUICK) as feed:
        assert len(pulled(feed, 1)) == 1
    with PubSubFeed(subscription, QUICK) as heir:
        assert [one.data for one in pulled(heir, 1)] == [b"left"]


def test_messages_of_many_megabytes_come(emulator: Emulator) -> None:
    """More in one answer than a client of gRPC takes if it is told nothing."""
    topic, subscription = emulator.subscription()
    emulator.publish(topic, [b"x" * 5_000_000])
    with PubSubFeed(subscription, QUICK) as feed:
        (found,) = pulled(feed, 1)
        feed.acknowledge([found])
    assert len(found.data) == 5_000_000


def test_large_messages_are_pulled_a_few_at_a_time(emulator: Emulator) -> None:
    """What is in hand is bounded in bytes, too."""
    topic, subscription = emulator.subscription()
    emulator.publish(topic, [b"x" * 100_000] * 40)
    settings = PullSettings(wait=2, messages=20, size=50_000)
    with PubSubFeed(subscription, settings) as feed:
        sizes = []
        while found := feed.pull():
            sizes.append(len(found))
            feed.acknowledge(found)
    assert sum(sizes) == 40
    assert max(sizes[1:]) < max(20, sizes[0])


MISTAKES: list[tuple[str, str]] = [
    (f"{PROJECT}/subscriptions/none-such", "it does not exist"),
    ("nonsense", "its name will not do"),
]


@pytest.mark.parametrize(("name", "reason"), MISTAKES)
@pytest.mark.usefixtures("emulator")
def test_a_mistake_that_no_retry_mends(name: str, reason: str) -> None:
    """It says what is wrong, and that it is over."""
    with PubSubFeed(name, QUICK) as feed, pytest.raises(SourceError, match=reason) as caught:
        feed.pull()
    assert not caught.value.recoverable


def test_an_api_that_is_not_enabled_is_no_matter_of_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that enables it is named."""
    command = "gcloud services enable pubsub.googleapis.com --project=812345"
    with refusing("pubsub.googleapis.com") as address:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", address)
        with (
            PubSubFeed(f"{PROJECT}/subscriptions/logs", QUICK) as feed,
            pytest.raises(SourceError, match=f"is not enabled; run `{command}`") as caught,
        ):
            feed.pull()
    assert not caught.value.recoverable


def test_who_does_not_answer_is_not_taken_for_a_subscription_that_has_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A network that is cut takes what is sent, and nothing ever comes back."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{silent.getsockname()[1]}")
        settings = PullSettings(wait=0.5, retrying=Retrying(timeout=0.5))
        with (
            PubSubFeed(f"{PROJECT}/subscriptions/silent", settings) as feed,
            pytest.raises(SourceError, match="does not answer") as caught,
        ):
            feed.pull()
    assert caught.value.recoverable


def test_who_answered_before_and_does_no_more_is_found_out(emulator: Emulator) -> None:
    """Nothing is wrong as long as it answers, whatever it says; then messages come as before."""
    topic, subscription = emulator.subscription()
    settings = PullSettings(wait=0.5, retrying=Retrying(timeout=1))
    with PubSubFeed(subscription, settings) as feed:
        assert not [*feed.pull(), *feed.pull()]
        os.kill(emulator.pid, signal.SIGSTOP)
        try:
            with pytest.raises(SourceError, match="does not answer"):
                [feed.pull() for _ in range(3)]
        finally:
            os.kill(emulator.pid, signal.SIGCONT)
        emulator.publish(topic, [b"later"])
        assert [one.data for one in pulled(feed, 1)] == [b"later"]


def test_a_server_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is refused may come back; acknowledgements that get lost raise nothing."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:9")
    settings = PullSettings(wait=1, retrying=Retrying(timeout=5, tries=3, first=0.01))
    message = Message("handle", "name", b"", 1)
    with PubSubFeed(f"{PROJECT}/subscriptions/away", settings) as feed:
        for number, tell in enumerate((feed.acknowledge, feed.give_back), 1):
            tell([message])
            assert feed.retries == 2 * number
        try:
            assert not feed.pull()
        except SourceError as error:
            assert error.recoverable  # noqa: PT017 - either is right, as the deadline has it
