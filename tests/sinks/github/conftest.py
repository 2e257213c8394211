"""A fake GitHub, a client of it, and the time of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.fakes.github import FakeGithub, running
from tests.sinks.github.support import Time, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.sinks.github.client import Client


@pytest.fixture
def passing() -> Time:
    """Return the time of a test."""
    return Time()


@pytest.fixture
def github(passing: Time) -> Iterator[FakeGithub]:
    """Return a fake; what is not as GitHub describes it fails the test."""
    with running(FakeGithub(clock=passing.clock)) as fake:
        yield fake


@pytest.fixture
def client(github: FakeGithub, passing: Time) -> Iterator[Client]:
    """Return a client of the maintainer's."""
    with client_of(github, passing) as one:
        yield one


@pytest.fixture(scope="session")
def keys() -> tuple[str, str]:
    """Return a private key and its public one, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
