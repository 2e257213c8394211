"""An API of Google's that is not enabled in the project of who asks: every call is refused so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from tests.fakes.serving import serving

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

CONSUMER = "projects/812345"
"""Whose project it is where the API has to be enabled: that of the credentials."""


def disabled(service: str, consumer: str = CONSUMER) -> Status:
    """Return what a call is refused with."""
    metadata = {"service": service} | ({"consumer": consumer} if consumer else {})
    packed = Packed()
    packed.Pack(ErrorInfo(reason="SERVICE_DISABLED", domain="googleapis.com", metadata=metadata))
    code, _ = grpc.StatusCode.PERMISSION_DENIED.value
    message = "This API has not been used in project 812345 before or it is disabled."
    return Status(code=code, message=message, details=[packed])


class _Refusing(grpc.GenericRpcHandler):  # type: ignore[misc] # it has no types
    def __init__(self, status: Status) -> None:
        self._status = status

    def service(self, _: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(self._refuse)

    def _refuse(self, _: bytes, context: Any) -> None:
        context.abort_with_status(rpc_status.to_status(self._status))


def refusing(service: str) -> AbstractContextManager[str]:
    """Serve an API that is not enabled; lend the address `host:port`."""
    handlers = (_Refusing(disabled(service)),)
    return serving(lambda server: server.add_generic_rpc_handlers(handlers))
