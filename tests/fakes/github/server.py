"""The fake GitHub behind a socket, where connections can break."""

from __future__ import annotations

import select
import socket
import struct
import sys
import threading
import traceback
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from .control import control
from .fake import FakeGithub, Outcome, Request
from .faults import PATIENCE, Way

if TYPE_CHECKING:
    from collections.abc import Iterator

_HANG_UP = struct.pack("ii", 1, 0)


class Server(ThreadingHTTPServer):
    """Serves one fake on the loopback interface."""

    daemon_threads = True
    # A handler may be holding a call that times out; nobody waits for it.
    block_on_close = False

    def __init__(self, github: FakeGithub, port: int = 0, prefix: str = "") -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.github = github
        self.closing = threading.Event()
        github.base = f"http://127.0.0.1:{self.server_port}{prefix}"

    def handle_error(self, *_: Any) -> None:
        """Note what broke, unless it was a connection: those are meant to."""
        if not isinstance(sys.exception(), OSError):
            self.github.violations.append(f"the fake broke:\n{traceback.format_exc()}")


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, asks the fake, and sends its answer or fails to."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def handle_call(self) -> None:
        """Serve one request of any method."""
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        github = self.server.github
        if self.path.startswith("/_"):
            self._send(control(github, request))
        else:
            self._befall(github, github.exchange(request))

    # The names by which `http.server` finds them.
    do_DELETE = do_GET = do_PATCH = do_POST = do_PUT = handle_call  # noqa: N815 - its own names

    def log_message(self, *_: Any) -> None:
        """Keep quiet: `seen` has all calls."""

    def _befall(self, github: FakeGithub, outcome: Outcome) -> None:
        """Send an answer, or let its fault have it."""
        fault = outcome.fault
        way = fault.way if fault else Way.ANSWER
        seconds = fault.seconds if fault else None
        if way is Way.SILENCE:
            self._wait(PATIENCE if seconds is None else seconds)
            self._reset()
        elif way is Way.KILL:
            github.kill()
            self._reset()
        elif way is Way.RESET:
            self._reset()
        elif way is Way.CUT:
            self._send(outcome, cut=True)
        else:
            if way is Way.SLOW:
                self._wait(1.0 if seconds is None else seconds)
            self._send(outcome)

    def _send(self, outcome: Outcome, *, cut: bool = False) -> None:
        reason = HTTPStatus(outcome.status).phrase
        date = self.date_time_string(self.server.github.clock.now().timestamp())
        lines = [f"HTTP/1.1 {outcome.status} {reason}", f"Date: {date}"]
        lines += [f"{name}: {value}" for name, value in outcome.headers.items()]
        if outcome.status not in {204, 304}:
            lines.append(f"Content-Length: {len(outcome.content)}")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        content = outcome.content[: len(outcome.content) // 2] if cut else outcome.content
        self.wfile.write(head + content)
        if cut:
            self.close_connection = True

    def _wait(self, seconds: float) -> None:
        """Keep the client waiting, until it hangs up or the server closes."""
        for _ in range(int(seconds / 0.05) or 1):
            readable, _, _ = select.select([self.connection], [], [], 0.05)
            if readable or self.server.closing.is_set():
                return

    def _reset(self) -> None:
        """Break the connection off: the client reads no end, but an error."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HANG_UP)
        self.connection.close()
        self.close_connection = True


@contextmanager
def running(
    github: FakeGithub | None = None, *, port: int = 0, prefix: str = ""
) -> Iterator[FakeGithub]:
    """Serve a fake while the block runs; `base` is the address to give to clients.

    `prefix` is a path before all others, as that of GitHub Enterprise Server (`/api/v3`).
    AssertionError at the end if a request or an answer was not as GitHub describes it.
    """
    github = github or FakeGithub()
    with Server(github, port, prefix) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield github
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
    assert github.violations == [], "\n".join(github.violations)
