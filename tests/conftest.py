"""What every test runs under."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes import pubsub

# PostgreSQL is started by a fork as another user, amid which gRPC's own handlers, if a test before
# left threads of it, crashed the child once. Read when gRPC is loaded.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# No deadline: a slow machine is not a broken law. In CI Hypothesis draws the same examples each
# time of its own accord, so that a check of the same commit gives the same answer.
settings.register_profile("fivewhys", deadline=None)
settings.load_profile("fivewhys")


@pytest.fixture(scope="session", autouse=True)
def _no_settings() -> Iterator[None]:
    """Take away what the machine at hand has set: commands read settings from the environment."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("FIVEWHYS_")]:
            environment.delenv(name)
        environment.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
        yield


@pytest.fixture(scope="session")
def emulator() -> Iterator[pubsub.Emulator]:
    """Run the Pub/Sub emulator, which clients find by its environment variable."""
    from tests.fakes import pubsub  # noqa: PLC0415 - loads much, for a few tests

    with pubsub.emulator() as found, pytest.MonkeyPatch.context() as environment:
        environment.setenv("PUBSUB_EMULATOR_HOST", found.address)
        yield found


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Run PostgreSQL; lend the URL of its database."""
    from tests.fakes.postgresql import server  # noqa: PLC0415 - loads much, for a few tests

    with server() as url:
        yield url
