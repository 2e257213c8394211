"""`fivewhys run` as a process: what settings say of pulling and watching is what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.cloud.pubsub_v1 import SubscriberClient
from google.protobuf.field_mask_pb2 import FieldMask

from pipeline.stores.sql.store import SqlStore
from tests.test_running import asked, failing, free_port, running, stop, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.pubsub import Emulator

AWAY = "127.0.0.1:9"
COUNT = 60
"""Entries, of some 400 bytes each, that all come with one pull where nothing else is set."""


@pytest.fixture(name="port")
def a_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Choose where it answers."""
    port = free_port()
    monkeypatch.setenv("FIVEWHYS_HTTP_PORT", str(port))
    monkeypatch.setenv("FIVEWHYS_ENVIRONMENT", "local")
    return port


def metric(port: int, name: str) -> float:
    """Return a metric, 0 while there is no answer."""
    lines = asked(port, "/metrics").splitlines()
    found = [line.rpartition(" ")[2] for line in lines if line.startswith(f"fivewhys_{name} ")]
    return float(found[0]) if found else 0


@pytest.mark.parametrize(
    ("setting", "value", "pulls"),
    [("MESSAGES", "10", COUNT / 10), ("BYTES", "4000", 5), ("MESSAGES", "1000", 1)],
)
def test_no_more_is_in_hand_than_is_set(  # noqa: PLR0913, PLR0917 - columns of the table
    emulator: Emulator,
    tmp_path: Path,
    port: int,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    pulls: float,
) -> None:
    """By messages, and by bytes: what was published comes in so many batches at least."""
    monkeypatch.setenv(f"FIVEWHYS_PULL_{setting}", value)
    topic, subscription = emulator.subscription()
    emulator.publish(topic, [failing(at) for at in range(COUNT)])
    with running(subscription, f"sqlite:///{tmp_path}/store.db") as child:
        wait_until(lambda: metric(port, "received_entries_total") == COUNT)
        assert pulls <= metric(port, "batch_seconds_count") <= max(4 * pulls, 3)
        stop(child)


def test_poison_is_left_to_the_dead_letter_topic_where_that_is_set(
    emulator: Emulator, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store keeps none of it, and Pub/Sub delivers it there after its attempts."""
    monkeypatch.setenv("FIVEWHYS_POISON", "dead-letter")
    url = f"sqlite:///{tmp_path}/store.db"
    topic, subscription = emulator.subscription()
    dead, letters = emulator.subscription()
    policy = {"dead_letter_topic": dead, "max_delivery_attempts": 5}
    with SubscriberClient() as client:
        request = {
            "subscription": {"name": subscription, "dead_letter_policy": policy},
            "update_mask": FieldMask(paths=["dead_letter_policy"]),
        }
        client.update_subscription(request=request)
        emulator.publish(topic, [b"{", failing(0)])
        with running(subscription, url) as child:
            wait_until(lambda: metric(port, "received_poison_total") >= 5)
            stop(child)
        found = client.pull(request={"subscription": letters, "max_messages": 5}, timeout=30)
    assert [one.message.data for one in found.received_messages] == [b"{"]
    with SqlStore(url) as store:
        assert store.poison() == []


def test_as_many_receive_as_are_set(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in a thread of its own, which says that nothing answers it."""
    monkeypatch.setenv("FIVEWHYS_RECEIVERS", "3")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", AWAY)
    subscription = "projects/test-project/subscriptions/fivewhys"
    failing_ones = [f'failing{{thread="receive{number}"}}' for number in ("", " 2", " 3", " 4")]
    with running(subscription, f"sqlite:///{tmp_path}/store.db") as child:
        wait_until(lambda: all(metric(port, name) == 1 for name in failing_ones[:3]))
        assert metric(port, failing_ones[3]) == 0
        stop(child)


def test_it_is_watched_as_is_set(
    emulator: Emulator, tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a thread is taken for dead, and when the log sink is suspected."""
    monkeypatch.setenv("FIVEWHYS_STALLED_AFTER", "1h")
    monkeypatch.setenv("FIVEWHYS_SILENT_AFTER", "1s")
    _, subscription = emulator.subscription()
    url = f"sqlite:///{tmp_path}/store.db"
    with running(subscription, url) as child:
        wait_until(lambda: metric(port, 'condition{condition="nothing_comes"}') == 1)
        assert asked(port, "/livez") == "ok\n"
        stop(child)
    monkeypatch.setenv("FIVEWHYS_STALLED_AFTER", "1s")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", AWAY)
    with running(subscription, url) as child:
        wait_until(lambda: metric(port, 'failing{thread="receive"}') == 1)
        wait_until(lambda: asked(port, "/livez") == "", seconds=10)
        stop(child)
