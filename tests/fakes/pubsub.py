"""The real Pub/Sub emulator, which comes with gcloud, on a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROJECT = "projects/test-project"
STARTS_IN = 120
"""Seconds that it is given to start."""
_JARS = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator at an address `host:port`, and its process."""

    address: str
    pid: int

    def subscription(self, deadline: int = 10) -> tuple[str, str]:
        """Make a topic and a subscription to it; return the names of both."""
        name = uuid.uuid4().hex
        topic, subscription = f"{PROJECT}/topics/t{name}", f"{PROJECT}/subscriptions/s{name}"
        with self.publisher() as publisher:
            publisher.create_topic(request={"name": topic})
        request = {"name": subscription, "topic": topic, "ack_deadline_seconds": deadline}
        with SubscriberClient() as subscriber:
            subscriber.create_subscription(request=request)
        return topic, subscription

    def publisher(self) -> PublisherClient:
        """Return a client that publishes here."""
        return PublisherClient()

    def publish(self, topic: str, texts: Iterable[bytes]) -> None:
        """Publish messages, and wait until all of them are there."""
        with self.publisher() as publisher:
            for waiting in [publisher.publish(topic, text) for text in texts]:
                waiting.result()


def find_jar() -> Path | None:
    """Return the emulator of the gcloud that is installed here, if there is one."""
    gcloud = shutil.which("gcloud")
    if gcloud is None or shutil.which("java") is None:
        return None
    roots = (Path(gcloud).resolve().parent.parent, Path("/usr/lib/google-cloud-sdk"))
    return next((jar for root in roots for jar in sorted(root.glob(_JARS))), None)


@contextmanager
def emulator(memory: str = "256m") -> Iterator[Emulator]:
    """Run the emulator; a missing one skips on a laptop, and fails where CI says so.

    It keeps what was published: long runs need more `memory`.
    """
    jar = find_jar()
    if jar is None:
        message = "no Pub/Sub emulator: install gcloud, its component pubsub-emulator, and java"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["java", f"-Xmx{memory}", "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            address = f"127.0.0.1:{port}"
            with grpc.insecure_channel(address) as channel:
                grpc.channel_ready_future(channel).result(timeout=STARTS_IN)
            yield Emulator(address, child.pid)
        finally:
            child.kill()
