"""A gRPC server of this process, for as long as a test needs it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def serving(add: Callable[[Any], object]) -> Iterator[str]:
    """Serve what `add` adds to a server; yield the address `host:port`."""
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        add(server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()
