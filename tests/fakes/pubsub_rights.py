"""A subscription's permissions over real gRPC; the emulator has none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
from google.iam.v1 import iam_policy_pb2 as iam
from google.pubsub_v1.types import GetSubscriptionRequest, Subscription

from pipeline.checkup import GET, LEASED
from tests.fakes.serving import serving

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager

TOPIC = "projects/demo/topics/logs"
WEEK = timedelta(days=7)
REFUSED = "User not authorized to perform this action."


def granting(*held: str, told: Collection[str] | None = None) -> AbstractContextManager[str]:
    """Serve any subscription to one who holds these permissions; lend the address `host:port`.

    `told` are those that are said to be held, if they are others.
    """
    said = held if told is None else told

    def test(request: Any, _: Any) -> Any:
        return iam.TestIamPermissionsResponse(
            permissions=[one for one in request.permissions if one in said]
        )

    def get(request: Any, context: Any) -> Any:
        if GET not in held:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, REFUSED)
        found = Subscription(name=request.subscription, topic=TOPIC, ack_deadline_seconds=LEASED)
        found.message_retention_duration = WEEK
        return found

    methods = {
        "google.iam.v1.IAMPolicy": (
            "TestIamPermissions",
            test,
            iam.TestIamPermissionsRequest.FromString,
            iam.TestIamPermissionsResponse.SerializeToString,
        ),
        "google.pubsub.v1.Subscriber": (
            "GetSubscription",
            get,
            GetSubscriptionRequest.deserialize,
            Subscription.serialize,
        ),
    }
    handlers = [
        grpc.method_handlers_generic_handler(
            service, {name: grpc.unary_unary_rpc_method_handler(answer, read, write)}
        )
        for service, (name, answer, read, write) in methods.items()
    ]
    return serving(lambda server: server.add_generic_rpc_handlers(handlers))
