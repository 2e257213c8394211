"""A fake GitHub, with and without a socket, and clients for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from github import Auth, Github

from . import TOKEN, FakeGithub, Outcome, Request, running
from .state import Clock

NOON = 1_800_000_000.0
"""When tests begin whose fake has a clock of its own: 2027-01-15T08:00:00Z."""

Ask: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def github() -> Iterator[FakeGithub]:
    """Return a fake behind a socket; what is not as described fails the test."""
    with running() as fake:
        yield fake


@pytest.fixture
def client(github: FakeGithub) -> Github:
    """Return a client of a maintainer's that neither waits nor tries again."""
    return client_of(github)


def client_of(github: FakeGithub, auth: Auth.Auth | None = None, **options: Any) -> Github:
    """Make a client that neither waits nor tries again."""
    calm = {"seconds_between_requests": None, "seconds_between_writes": None, "retry": None}
    auth = auth or Auth.Token(TOKEN)
    return Github(auth=auth, base_url=github.base, **{"timeout": 5, **calm, **options})


@pytest.fixture
def quick() -> Iterator[FakeGithub]:
    """Return a fake without a socket, at a certain time."""
    fake = FakeGithub(clock=Clock(read=lambda: NOON))
    yield fake
    assert fake.violations == []


@pytest.fixture
def ask(quick: FakeGithub) -> Ask:
    """Return what asks the quick fake: `ask("GET", "/user", token=..., headers={...})`."""
    return asking(quick)


def asking(github: FakeGithub) -> Ask:
    """Make what asks a fake without a socket."""

    def ask(
        verb: str,
        target: str,
        body: object = None,
        token: str = TOKEN,
        headers: dict[str, str] | None = None,
    ) -> Outcome:
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {token}", **(headers or {})}
        return github.exchange(Request(verb, target, sent, content))

    return ask


@pytest.fixture(scope="session")
def keys() -> tuple[str, str]:
    """Return a private key and its public one, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
