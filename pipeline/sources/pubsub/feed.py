"""A Pub/Sub subscription that a Cloud Logging sink delivers to, pulled synchronously.

Synchronous pull and not StreamingPull: a batch is one transaction, so whoever works decides when
there is another one; what may wait in the client is bounded, and given back when the process has to
stop; one acknowledgement carries a thousand messages; and it is quicker (tests/benchmarks/README.md
has figures of both). A few threads pull ahead (`ahead.py`), so that nobody waits for the network.

A pull is not tried again in here: whoever pulls goes on. Any other call is, as long as its time is
not over: what it could not tell comes again, which costs more.

Requests and answers are taken as the plain messages of protobuf that they are: the client's
wrappers around them cost more than all the rest of a call.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
from google.api_core import exceptions
from google.pubsub_v1 import (
    AcknowledgeRequest,
    ModifyAckDeadlineRequest,
    PullRequest,
    PullResponse,
    SubscriberClient,
)
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from pipeline.audit import SECOND
from pipeline.checkup import LEASED, PUBSUB, enabling
from pipeline.errors import SourceError
from pipeline.ports import Message
from pipeline.retrying import Retrying
from pipeline.sources.pubsub.ahead import Ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_IDS: Final = 1_000
"""Acknowledged at once, at most: a request has to stay below 512 KiB."""

_LONGEST: Final = 5.0
"""Seconds that a call may take with all its tries: who is told to stop has 8 of them."""

_FAREWELL: Final = 1.0
"""Seconds that a pull is waited for when all ends; then it is called off."""

_PULLS: Final = "pubsub.subscriptions.consume"

_BACK_SOON: Final = ("grpc.max_reconnect_backoff_ms", 10_000)

_PASSING: Final = (
    exceptions.Aborted,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.ServiceUnavailable,
    exceptions.Unknown,
)
_NEVER: Final = {
    exceptions.NotFound: "it does not exist; look at its name and project",
    exceptions.PermissionDenied: "it must not be pulled from; grant roles/pubsub.subscriber on it",
    exceptions.Unauthenticated: "there are no credentials; see `gcloud auth application-default`",
    exceptions.InvalidArgument: "its name will not do; write projects/P/subscriptions/S",
}


@dataclass(frozen=True, slots=True)
class PullSettings:
    """How a subscription is pulled; spans in seconds.

    `messages` and `size` (bytes) bound what is in hand at once, and what is pulled ahead beside it.
    A pull without messages ends after `wait`; any other call, all its tries in one, after the
    time-out of `retrying`, and after 5 at most: a stop has little more. What is in hand for some
    seconds is leased `lease` at a time; before that the subscription's own deadline holds, which
    should be no longer (`checkup.LEASED`): so long it is kept from others by who is killed.
    """

    messages: int = 1_000
    size: int = 16 * 1024 * 1024
    wait: float = 5
    retrying: Retrying = field(default_factory=Retrying)
    lease: int = LEASED


class PubSubFeed:
    """`ports.Feed` over a subscription (`projects/P/subscriptions/S`); several threads may pull."""

    def __init__(self, subscription: str, settings: PullSettings | None = None) -> None:
        """Connect when first pulled; `PUBSUB_EMULATOR_HOST` is honoured.

        Raises:
            SourceError: there are no credentials.

        """
        self.name = subscription
        self.retries = 0
        self._settings = settings or PullSettings()
        try:
            self._client = _client()
        except Exception as error:
            message = f"{subscription}: {error}"
            raise SourceError(message) from error
        self._in_hand: dict[str, Message] = {}
        self._ahead = Ahead(
            self._pull, self.give_back, self._settings.messages, self._settings.size
        )
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._mistake: Exception | None = None
        self._keeper = threading.Thread(target=self._keep_leases, name="leases", daemon=True)
        self._keeper.start()

    def pull(self) -> Sequence[Message]:
        """Wait a while for messages; return nothing if none came.

        Raises:
            SourceError: it cannot be pulled from; says whether a retry can help.
            Exception: leases are kept no more, by a mistake of our own; whoever pulls is to end.

        """
        if self._mistake is not None:
            raise self._mistake
        return self._ahead.take()

    def stop(self) -> None:
        """Pull no more: whoever waits for messages is told that none came."""
        self._ahead.stop()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Say that they need not come again; if that gets lost, they come again."""
        self._tell(messages, self._acknowledge)

    def give_back(self, messages: Sequence[Message]) -> None:
        """Say that they may come again at once; if that gets lost, they come later."""
        self._tell(messages, lambda some, left: self._lease(some, 0, left))

    def close(self) -> None:
        """Give back what was pulled ahead, and disconnect; what is in hand comes again."""
        self._ahead.stop()
        self._ahead.join(_FAREWELL)
        self._closed.set()
        self._keeper.join()
        self._client.transport.close()  # type: ignore[no-untyped-call]
        self._ahead.join(_FAREWELL)

    def _pull(self, count: int) -> Sequence[Message]:
        """Pull so many at most."""
        request = PullRequest.pb()(subscription=self.name, max_messages=count)
        try:
            answer = self._client.pull(
                request=PullRequest.wrap(request), timeout=self._settings.wait, retry=None
            )
        except exceptions.DeadlineExceeded:
            self._look()
            return ()
        except exceptions.GoogleAPIError as error:
            raise _failure(self.name, error) from error
        messages = [
            Message(
                one.ack_id,
                (told := one.message).message_id,
                told.data,
                one.delivery_attempt,
                told.publish_time.seconds * SECOND,
            )
            for one in PullResponse.pb(answer).received_messages
        ]
        with self._lock:
            self._in_hand |= {one.handle: one for one in messages}
        return messages

    def _look(self) -> None:
        """Make sure that there was nothing: a network that is cut is as silent as that.

        Whether a subscription may be pulled from anybody may ask, and any answer will do.

        Raises:
            SourceError: there is none.

        """
        request = {"resource": self.name, "permissions": [_PULLS]}
        within = min(self._settings.retrying.timeout, _LONGEST)
        try:
            self._client.test_iam_permissions(request=request, timeout=within, retry=None)
        except (exceptions.DeadlineExceeded, exceptions.ServiceUnavailable) as error:
            message = f"{self.name}: it does not answer"
            raise SourceError(message, recoverable=True) from error
        except exceptions.GoogleAPIError:
            return

    def _tell(self, messages: Sequence[Message], call: Callable[[list[str], float], None]) -> None:
        handles = [one.handle for one in messages]
        with self._lock:
            for handle in handles:
                self._in_hand.pop(handle, None)
        self._insist(handles, call)

    def _insist(self, handles: Sequence[str], call: Callable[[list[str], float], None]) -> None:
        """Tell of all handles, each call until it succeeds, cannot, or its time is over."""
        for start in range(0, len(handles), _IDS):
            some, failed = [*handles[start : start + _IDS]], 0
            until = time.monotonic() + min(self._settings.retrying.timeout, _LONGEST)
            while not self._told(call, some, until - time.monotonic()):
                failed += 1
                if self._settings.retrying.is_over(failed):
                    break
                self.retries += 1
                self._closed.wait(self._settings.retrying.pause(failed, SystemRandom().random()))

    def _told(
        self, call: Callable[[list[str], float], None], handles: list[str], left: float
    ) -> bool:
        """Call once, in the time that is left; return False if another try may help."""
        if left <= 0:
            return True
        try:
            call(handles, left)
        except _PASSING:
            return False
        except exceptions.GoogleAPIError:
            return True  # then they come again
        return True

    def _acknowledge(self, handles: list[str], timeout: float) -> None:
        request = AcknowledgeRequest.pb()(subscription=self.name, ack_ids=handles)
        self._client.acknowledge(
            request=AcknowledgeRequest.wrap(request), timeout=timeout, retry=None
        )

    def _lease(self, handles: list[str], seconds: int, timeout: float) -> None:
        request = ModifyAckDeadlineRequest.pb()(
            subscription=self.name, ack_ids=handles, ack_deadline_seconds=seconds
        )
        self._client.modify_ack_deadline(
            request=ModifyAckDeadlineRequest.wrap(request), timeout=timeout, retry=None
        )

    def _keep_leases(self) -> None:
        """Keep leases; a mistake of our own in that is told to who pulls, whose end is noticed."""
        try:
            self._lease_anew()
        except Exception as error:  # noqa: BLE001 - this thread nobody would miss
            self._mistake = error

    def _lease_anew(self) -> None:
        """Lease what is in hand anew, before the shortest deadline that there is (10 s) is over."""
        seconds = self._settings.lease
        while not self._closed.wait(_SHORTEST / 2):
            with self._lock:
                handles = [*self._in_hand]
            self._insist(handles, lambda some, left: self._lease(some, seconds, left))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_SHORTEST: Final = 10.0


def _client() -> SubscriberClient:
    """Make a client that takes answers of any size, and is back soon after the service is.

    Google's own does the first of the service, but of the emulator only up to 4 MiB: fewer messages
    than are asked for at once. It tries to connect again after two minutes at most, by itself.
    """
    emulator = os.environ.get("PUBSUB_EMULATOR_HOST")
    if not emulator:
        return SubscriberClient(transport=partial(SubscriberGrpcTransport, channel=_channel))
    channel = grpc.insecure_channel(emulator, [("grpc.max_receive_message_length", -1), _BACK_SOON])
    return SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))


def _channel(*place: Any, options: Sequence[tuple[str, int]] = (), **named: Any) -> grpc.Channel:
    """Connect as Google's client does, with one option more."""
    return SubscriberGrpcTransport.create_channel(*place, options=[*options, _BACK_SOON], **named)


def _failure(name: str, error: exceptions.GoogleAPIError) -> SourceError:
    reason = next((hint for kind, hint in _NEVER.items() if isinstance(error, kind)), "")
    if command := enabling(PUBSUB, error, name):
        reason = f"Pub/Sub is not enabled; run `{command}`"
    said = getattr(error, "message", "") or str(error)
    return SourceError(f"{name}: {reason or said}", recoverable=not reason)
