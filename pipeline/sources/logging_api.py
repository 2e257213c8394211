"""The Logging API (`entries.list`): what was logged in a span of time, oldest first, page by page.

It answers 60 reads a minute for a project, which people who look at logs share; so reads are spaced
out, and what is refused for want of quota is asked again when the API says, or later and later. A
page token that is not taken any more costs nothing: reading begins anew at the last timestamp that
was read, without those of its entries that are known.

An entry comes out as the JSON that a log sink publishes for it; one that cannot be written so, as a
text that is none, so that it is rejected like any other.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final, Protocol

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.json_format import Error as UnwritableError
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct
from google.rpc.error_details_pb2 import RetryInfo

from pipeline.audit import SECOND
from pipeline.checkup import enabling
from pipeline.errors import DeniedError, DisabledError, SourceError
from pipeline.logquery import within, written
from pipeline.messages import read_message
from pipeline.ports import Message
from pipeline.retrying import Retrying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.entry import LogEntry, Rejection
    from pipeline.ports import Block

NAME: Final = "the Logging API"
SERVICE: Final = "logging.googleapis.com"

_NEVER: Final = {
    exceptions.NotFound: "there is no such project, or no such log view",
    exceptions.PermissionDenied: "it must not be read; grant roles/logging.viewer on the project",
    exceptions.Unauthenticated: "there are no credentials; see `gcloud auth application-default`",
    exceptions.InvalidArgument: "it does not understand what it is asked",
}


class Client(Protocol):
    """The part of `LoggingServiceV2Client` that is used."""

    def list_log_entries(self, request: dict[Any, Any], *, retry: None, timeout: float) -> Any:
        """Ask for a page of entries (`ListLogEntriesRequest`)."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is read: entries of some resources, from `since` and before `until` (ns UTC).

    `wanted` is a filter of the Logging query language, "" lets through all.
    """

    resources: tuple[str, ...]
    wanted: str
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """How it is read: `size` entries a page, reads `every` so many seconds at most.

    Waits for quota begin at the `first` of `retrying` and double; quota comes back by the minute.
    """

    size: int = 1_000
    every: float = 1.2
    retrying: Retrying = field(default_factory=lambda: Retrying(30, 10, first=1, longest=60))


class Reading:
    """Reads what a query asks for, once; `asked_to_wait` are seconds that the API asked for last.

    Everything before `position` (ns UTC) was handed out, and some of what was logged at it.
    """

    def __init__(
        self,
        client: Client,
        query: Query,
        settings: ReadSettings | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.position = query.since
        self.asked_to_wait = 0.0
        self.is_over = False
        self._client = client
        self._query = query
        self._settings = settings or ReadSettings()
        self._sleep = sleep
        self._token = ""
        self._known: set[tuple[str, str]] = set()  # of the entries at the position
        self._filter = self._rest()
        self._next = 0.0

    def page(self) -> list[Message]:
        """Read the next page, which may be empty; after a failure, from the position on.

        Raises:
            SourceError: it was not answered; says whether a retry can help.

        """
        try:
            answer = self._ask()
            found = [type(one).pb(one) for one in answer.entries]
        except (exceptions.GoogleAPIError, GoogleAuthError) as error:
            raise self._failure(error) from error
        self._token = answer.next_page_token
        self.is_over = not self._token
        return [_message(one) for one in found if self._is_new(one)]

    def _ask(self) -> Any:
        self._sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._settings.every
        request = {
            "resource_names": [*self._query.resources],
            "filter": self._filter,
            "order_by": "timestamp asc",
            "page_size": self._settings.size,
            "page_token": self._token,
        }
        timeout = self._settings.retrying.timeout
        return self._client.list_log_entries(request, retry=None, timeout=timeout)

    def _is_new(self, one: Any) -> bool:
        """Move on to an entry; return whether it was not handed out before."""
        at = _time_of(one)
        if self.position < at < self._query.until:  # later ones are no times that we asked for
            self.position = at
            self._known.clear()
        if at != self.position:
            return True
        key = (one.log_name, one.insert_id)
        is_known = key in self._known
        self._known.add(key)
        return not is_known

    def _rest(self) -> str:
        return within(self.position, self._query.until, self._query.wanted)

    def _failure(self, error: exceptions.GoogleAPIError | GoogleAuthError) -> SourceError:
        """Begin anew at the position; a token that does not hold any more is no mistake of ours."""
        had_token, self._token, self._filter = self._token, "", self._rest()
        self.asked_to_wait = _asked_to_wait(error)
        reason = next((hint for kind, hint in _NEVER.items() if isinstance(error, kind)), "")
        said = str(getattr(error, "message", "") or error)
        if had_token and isinstance(error, exceptions.InvalidArgument):
            return SourceError(f"{NAME}: a page is not there any more: {said}", recoverable=True)
        command = enabling(SERVICE, error, self._query.resources[0])
        if command:
            reason = f"it is not enabled; run `{command}`"
        message = ": ".join(filter(None, (NAME, ", ".join(self._query.resources), reason, said)))
        if command:
            return DisabledError(message, command)
        if isinstance(error, exceptions.PermissionDenied):
            return DeniedError(message)
        helps = not reason and not (isinstance(error, GoogleAuthError) and not error.retryable)
        return SourceError(message, recoverable=helps)


class LoggingSource:
    """`ports.Source`: what a query asks for; what passes is waited out."""

    def __init__(
        self,
        client: Client,
        query: Query,
        settings: ReadSettings | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._client = client
        self._query = query
        self._settings = settings or ReadSettings()
        self._sleep = sleep

    def batches(self) -> Iterator[list[LogEntry | Rejection]]:
        """Yield a list of records for each page.

        Raises:
            SourceError: it is not answered, and no retry helped.

        """
        reading = Reading(self._client, self._query, self._settings, self._sleep)
        while not reading.is_over:
            messages = self._page(reading)
            if messages:
                yield [record for one in messages for record in read_message(one)]

    def blocks(self) -> Iterator[Block]:
        """Yield nothing: every entry is parsed when it comes."""
        yield from ()

    def _page(self, reading: Reading) -> list[Message]:
        failed, retrying = 0, self._settings.retrying
        while True:
            try:
                return reading.page()
            except SourceError as error:
                failed += 1
                if not error.recoverable or retrying.is_over(failed):
                    raise
                pause = retrying.pause(failed, SystemRandom().random())
                self._sleep(max(reading.asked_to_wait, pause))


class LoggingFeed:
    """`ports.Feed` over a reading, for one who keeps what comes before it is called read.

    `keep` is told up to when all is acknowledged (ns UTC). One thread pulls.
    """

    def __init__(
        self,
        reading: Reading,
        keep: Callable[[int], None],
        wait: float = 5,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._reading = reading
        self._keep = keep
        self._wait = wait
        self._sleep = sleep
        self._resting_until = 0.0
        self._given: list[Message] = []
        self._in_hand: set[str] = set()

    @property
    def is_over(self) -> bool:
        """Whether everything was read and acknowledged."""
        return self._reading.is_over and not self._given and not self._in_hand

    def pull(self) -> Sequence[Message]:
        """Return what was given back, else the next page; nothing while the API asks to wait.

        Raises:
            SourceError: it was not answered; says whether a retry can help.

        """
        found, self._given = self._given, []
        resting = self._resting_until - time.monotonic()
        if not found and resting > 0:
            self._sleep(min(resting, self._wait))
            return ()
        if not found and not self._reading.is_over:
            found = self._page()
        self._in_hand |= {one.name for one in found}
        return found

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell who keeps it how far all is acknowledged, if nothing else is in hand."""
        self._in_hand -= {one.name for one in messages}
        if not self._in_hand and not self._given:
            self._keep(self._reading.position)

    def give_back(self, messages: Sequence[Message]) -> None:
        """Let messages come again."""
        self._in_hand -= {one.name for one in messages}
        self._given += messages

    def _page(self) -> list[Message]:
        try:
            return self._reading.page()
        except SourceError:
            self._resting_until = time.monotonic() + self._reading.asked_to_wait
            raise


def _asked_to_wait(error: Exception) -> float:
    """Return the seconds after which the API wants to be asked again, 0 if it says nothing."""
    details: Iterable[object] = getattr(error, "details", None) or ()
    waits = [one.retry_delay.ToMilliseconds() for one in details if isinstance(one, RetryInfo)]
    return max(waits, default=0) / 1000


def _message(one: Any) -> Message:
    """Return an entry (`google.logging.v2.LogEntry`) as a message in its JSON."""
    name = f"{one.log_name} {written(_time_of(one))} {one.insert_id}"
    return Message("", name, _json(one).encode())


def _time_of(one: Any) -> int:
    """Return when an entry was logged (ns UTC), also where that is no time that can be written."""
    return int(one.timestamp.seconds * SECOND + one.timestamp.nanos)


def _json(one: Any) -> str:
    """Return an entry's JSON; of one that has none (a number that is none) a text that says why."""
    try:
        return json.dumps(_document(one))
    except (UnwritableError, DecodeError, ValueError) as error:  # it is rejected as no JSON
        return f"it cannot be written as JSON: {error}"


def _document(one: Any) -> Any:
    try:
        return MessageToDict(one)
    except TypeError:  # a payload of a type that nobody here knows
        known = type(one)()
        known.CopyFrom(one)
        _take_unknown_out(known)
        return MessageToDict(known)


def _take_unknown_out(message: Any) -> None:
    """Put the name of its type in place of each packed message that nobody here can read.

    Its bytes are left out: what is secret in them nobody could tell either.
    """
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None or descriptor.message_type.GetOptions().map_entry:
            continue
        for one in value if descriptor.is_repeated else (value,):
            if isinstance(one, Packed):
                _unpack(one)
            else:
                _take_unknown_out(one)


def _unpack(packed: Packed) -> None:
    """Make a packed message readable."""
    inner = _new(packed.type_url)
    if inner is None:
        inner = Struct()
        inner["type"] = packed.type_url
    else:
        inner.ParseFromString(packed.value)
        _take_unknown_out(inner)
    packed.Pack(inner)


def _new(type_url: str) -> Any:
    """Return an empty message of a type; None if nobody here knows it."""
    from google.protobuf import descriptor_pool, message_factory  # noqa: PLC0415 - hardly ever

    try:
        found = descriptor_pool.Default().FindMessageTypeByName(type_url.rpartition("/")[2])
    except KeyError:
        return None
    return message_factory.GetMessageClass(found)()
