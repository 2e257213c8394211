"""A subscription as Pub/Sub describes it, and what we may do with it; nothing is pulled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from pipeline.checkup import PUBSUB, ROLES, Subscribed, enabling
from pipeline.errors import DeniedError, DisabledError, SourceError

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any


UNNAMED: Final = "PRINCIPAL"
"""Stands for who we are in a command, where the credentials do not say it."""


class Looking:
    """Looks at one subscription (`projects/P/subscriptions/S`); each call ends after `timeout` s.

    `PUBSUB_EMULATOR_HOST` is honoured.
    """

    def __init__(self, name: str, timeout: float) -> None:
        """Connect when first asked.

        Raises:
            SourceError: there are no credentials.

        """
        self._name = name
        self._within: dict[str, Any] = {"timeout": timeout, "retry": None}
        try:
            self._client = SubscriberClient()
        except Exception as error:
            message = f"{str(error).splitlines()[0]}"
            raise SourceError(message) from error

    def member(self) -> str:
        """Return who we are, as a policy names us; a placeholder where nobody says so."""
        return principal(getattr(self._client.transport, "_credentials", None))

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def permissions(self) -> Collection[str] | None:
        """Return which of `ROLES` we hold; None where there are no permissions: the emulator.

        Raises:
            DisabledError: Pub/Sub is not enabled.
            SourceError: it could not be asked; `recoverable` if that is for the network.

        """
        request = {"resource": self._name, "permissions": [*ROLES]}
        try:
            return [*self._client.test_iam_permissions(request=request, **self._within).permissions]
        except exceptions.MethodNotImplemented:
            return None
        except exceptions.GoogleAPIError as error:
            raise _failure(self._name, error) from error

    def subscription(self) -> Subscribed:
        """Return what it is.

        Raises:
            DeniedError: we may not ask.
            DisabledError: Pub/Sub is not enabled.
            SourceError: it could not be asked; `recoverable` if that is for the network.

        """
        request = {"subscription": self._name}
        try:
            said = self._client.get_subscription(request=request, **self._within)
        except exceptions.GoogleAPIError as error:
            raise _failure(self._name, error) from error
        letter = said.dead_letter_policy
        found = Subscribed(
            name=self._name,
            topic=said.topic,
            expires=_span(said.expiration_policy.ttl),
            deadline=said.ack_deadline_seconds * 1_000_000_000,
            kept=_span(said.message_retention_duration),
            push=said.push_config.push_endpoint,
            dead_letter=letter.dead_letter_topic,
            attempts=letter.max_delivery_attempts,
            detached=said.detached,
        )
        return replace(found, listeners=self._listeners(letter.dead_letter_topic))

    def _listeners(self, topic: str) -> int | None:
        if not topic:
            return None
        try:
            with PublisherClient() as client:
                pages = client.list_topic_subscriptions(request={"topic": topic}, **self._within)
                return sum(1 for _ in pages)
        except exceptions.GoogleAPIError:
            return None


def principal(credentials: object) -> str:
    """Return how a policy names whom credentials stand for, as far as they say it.

    Those of a virtual machine say it once they were used.
    """
    for kind, name in (("serviceAccount", "service_account_email"), ("user", "account")):
        email = str(getattr(credentials, name, "") or "")
        if "@" in email:
            return f"{kind}:{email}"
    return UNNAMED


_OFFLINE = (exceptions.DeadlineExceeded, exceptions.ServiceUnavailable, exceptions.RetryError)


def _failure(name: str, error: exceptions.GoogleAPIError) -> SourceError:
    said = getattr(error, "message", "") or str(error)
    if command := enabling(PUBSUB, error, name):
        return DisabledError(f"Pub/Sub is not enabled: {said.splitlines()[0]}", command)
    if isinstance(error, exceptions.NotFound):
        said = "it does not exist"
    if isinstance(error, exceptions.PermissionDenied):
        return DeniedError(said.splitlines()[0])
    return SourceError(said.splitlines()[0], recoverable=isinstance(error, _OFFLINE))


def _span(value: Any) -> int:
    """Return nanoseconds; nothing at all is 0."""
    return int(value.total_seconds() * 1_000_000_000) if value else 0
