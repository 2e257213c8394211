"""The Logging API over real gRPC: Google's own generated servicer, which pages, refuses, forgets.

Filters are understood as far as `tests.fakes.logging_api` does.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import (
    LoggingServiceV2GrpcTransport,
)
from google.cloud.logging_v2.types import ListLogEntriesRequest, ListLogEntriesResponse
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from pipeline.entry import parse_entry
from tests.fakes.logging_api import api_entry, holds
from tests.fakes.logging_servicer import LoggingServiceV2Servicer, add_to_server
from tests.fakes.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.entry import LogEntry


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a request is refused with; `wait` are the seconds that `RetryInfo` says, 0: none.

    `status` stands in place of both, if there is one.
    """

    code: grpc.StatusCode
    wait: int = 0
    status: Status | None = None


@dataclass(slots=True)
class FakeLogging(LoggingServiceV2Servicer):  # type: ignore[misc] # generated: it has no types
    """A Logging API that holds entries.

    `most` entries are on a page, whatever is asked for; `empty` pages come first. Of the
    `refusals` each request takes one, None lets it through. A page token that `forgets` is no token
    any more.
    """

    entries: list[LogEntry] = field(default_factory=list)
    most: int = 1_000
    empty: int = 0
    refusals: deque[Refusal | None] = field(default_factory=deque)
    odd: list[Any] = field(default_factory=list)
    asked: list[ListLogEntriesRequest] = field(default_factory=list)
    _generation: int = 0

    def forget_tokens(self) -> None:
        """Take no token any more that was handed out until now."""
        self._generation += 1

    def log(self, *records: dict[str, Any]) -> None:
        """Hold more entries."""
        self.entries += [entry for record in records for entry in parse_entry(record)]

    def ListLogEntries(self, message: Any, context: Any) -> Any:  # noqa: N802 - as the API has it
        """Answer a request."""
        request = ListLogEntriesRequest.wrap(message)
        self.asked.append(request)
        refusal = self.refusals.popleft() if self.refusals else None
        if refusal:
            context.abort_with_status(rpc_status.to_status(_status(refusal)))
        generation, _, start = request.page_token.partition("/")
        if request.page_token and int(generation) != self._generation:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "page_token is not valid")
        assert request.order_by == "timestamp asc"
        held = [one for one in self.entries if holds(request.filter, one)]
        held.sort(key=lambda one: (one.timestamp, one.insert_id))
        at = int(start or -self.empty)
        size = min(self.most, request.page_size)
        found = [api_entry(one) for one in held[at : at + size]] if at >= 0 else []
        after = at + size if at >= 0 else at + 1
        token = f"{self._generation}/{after}" if after < len(held) else ""
        odd = [] if token else self.odd
        answer = ListLogEntriesResponse(entries=[*found, *odd], next_page_token=token)
        return ListLogEntriesResponse.pb(answer)


@contextmanager
def served(api: FakeLogging) -> Iterator[LoggingServiceV2Client]:
    """Serve it; lend Google's own client to it."""
    with serving(lambda server: add_to_server(api, server)) as address:
        channel = grpc.insecure_channel(address)
        try:
            yield LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=channel))
        finally:
            channel.close()


def _status(refusal: Refusal) -> Status:
    if refusal.status:
        return refusal.status
    details = []
    if refusal.wait:
        packed = Packed()
        packed.Pack(RetryInfo(retry_delay=Duration(seconds=refusal.wait)))
        details.append(packed)
    code, _ = refusal.code.value
    return Status(code=code, message="Quota exceeded for ReadRequestsPerMinute", details=details)
