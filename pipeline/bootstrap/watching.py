"""What others ask a run that never ends: whether it goes on, whether it is ready, its metrics.

Answers are made of what is known here already: who asks often, or slowly, holds nothing up.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self

from pipeline.errors import ConfigurationError, FivewhysError, Mistake
from pipeline.exposition import COUNTER, Metric, exposition
from pipeline.lifecycle import MINUTE
from pipeline.ownlog import FIGURES
from pipeline.tracker.gauging import gauges
from pipeline.vitals import (
    SILENT,
    STALLED,
    WATCH,
    conditions,
    figures,
    metrics,
    stalled,
    trouble,
    unready,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from pipeline.ports import Standing, Store
    from pipeline.tracker.gauging import Outbox
    from pipeline.vitals import Condition, Vitals

EVERY: Final = 10.0
"""Seconds between two looks at the store."""

AT_ONCE: Final = 16
"""Questions that are answered at once; more are turned away."""

TAKES: Final = 5.0
"""Seconds within which a question has to be asked, and its answer to be taken."""

_LOGGER: Final = "fivewhys.vitals"
_PLAIN: Final = "text/plain; charset=utf-8"
_EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long (ns) a thread may succeed in nothing, and nothing may come of any service."""

    stalled: int = STALLED
    silent: int = SILENT


@dataclass(frozen=True, slots=True)
class Tracked:
    """What is known of a tracker: what waits for it, and by server how many writes are left."""

    outbox: Callable[[], Outbox]
    budget: Callable[[], Mapping[str, float]]


class Watching:
    """Looks at a run and its store again and again, logs what is wrong, and answers over HTTP.

    A `port` of 0 means that nobody asks. `log` takes a severity and a text; `every` are the seconds
    between two looks, `tells_every` nanoseconds between two entries with figures. `again` tells how
    often clients tried again by themselves, by kind.
    """

    def __init__(  # noqa: PLR0913 - the parts of the house, each passed in by name
        self,
        vitals: Vitals,
        store: Store,
        log: Callable[[str, str], None],
        *,
        port: int = 0,
        tracked: Tracked | None = None,
        patience: Patience | None = None,
        again: Callable[[], Mapping[str, int]] = dict,
        every: float = EVERY,
        tells_every: int = MINUTE,
    ) -> None:
        """Begin to listen.

        Raises:
            ConfigurationError: the port is not free.

        """
        self._vitals = vitals
        self._store = store
        self._log = log
        self._tracked = tracked
        self._patience = patience or Patience()
        self._again = again
        self._every = every
        self._tells_every = tells_every
        self._standing_at = self._tracked_at = self._told_at = 0
        self._standing: Standing | None = None
        self._found: tuple[Condition, ...] = ()
        self._outbox: tuple[Metric, ...] = ()
        self._closed = threading.Event()
        self._server = _listening(self.answer, port) if port else None

    def look(self) -> None:
        """Look at the store, and log what is wrong from now on, and what is no more."""
        now = time.time_ns()
        try:
            self._standing = self._store.standing()
            self._standing_at = time.time_ns()
            self._look_at_tracker(now)
        except FivewhysError as error:
            if WATCH not in self._vitals.troubles:  # once: who asks is told less
                self._log("WARNING", f"{WATCH}: {error}; it is tried again")
            self._vitals.troubles[WATCH] = trouble(WATCH, error)
        else:
            self._vitals.troubles.pop(WATCH, None)
        found = tuple(self._conditions(time.time_ns()))
        before, after = ({one.name for one in some} for some in (self._found, found))
        self._found = found
        for one in found:
            if one.name not in before:
                self._log(one.severity, f"{one.name}: {one.text}")
        for name in sorted(before - after):
            self._log("NOTICE", f"{name}: it is over")
        self._tell(time.time_ns())

    def _tell(self, now: int) -> None:
        """Log the figures once a minute: where nobody asks for metrics these are what is known."""
        if now - self._told_at < self._tells_every:
            return
        self._told_at = now
        still = stalled(self._vitals, now, self._patience.stalled)
        told = figures(self._metrics(now), len(still))
        logging.getLogger(_LOGGER).info(FIGURES, extra={FIGURES: told})

    def _conditions(self, now: int) -> list[Condition]:
        return conditions(self._vitals, self._standing, now, self._patience.silent)

    def answer(self, path: str) -> tuple[HTTPStatus, str, str]:
        """Return status, content type and text for a path."""
        now = time.time_ns()
        match path.partition("?")[0]:
            case "/livez":
                return _verdict(stalled(self._vitals, now, self._patience.stalled))
            case "/readyz":
                return _verdict(unready(self._vitals, self._standing_at, now))
            case "/metrics":
                return HTTPStatus.OK, _EXPOSITION, exposition(self._metrics(now))
        return HTTPStatus.NOT_FOUND, _PLAIN, "there are /livez, /readyz and /metrics\n"

    def _metrics(self, now: int) -> Iterator[Metric]:
        fresh = now - self._standing_at <= MINUTE
        yield from metrics(self._vitals, self._standing if fresh else None, self._found, now)
        said = "Calls and rounds of work that failed and were tried again."
        tried = Counter(self._vitals.failures) + Counter(self._again())
        yield Metric("fivewhys_again_total", said, dict(sorted(tried.items())), "kind", COUNTER)
        if self._vitals.is_correlating:
            yield from self._outbox

    def _look_at_tracker(self, now: int) -> None:
        """Look at what waits, which is more to read: once a minute, and only one process does."""
        if not self._tracked or not self._vitals.is_correlating or now - self._tracked_at < MINUTE:
            return
        self._tracked_at = now
        said = "Writes that our own budget has left this hour; 0 while nothing may be sent."
        left = Metric("fivewhys_writes_left", said, self._tracked.budget(), "server")
        self._outbox = (*gauges(self._tracked.outbox()), left)

    def _go_on(self) -> None:
        while True:
            try:
                self.look()
            except Exception as error:  # a mistake of our own: it ends no watch
                self._vitals.troubles[WATCH] = trouble(WATCH, error)
                logging.getLogger(__name__).exception("watch: it is tried again")
            if self._closed.wait(self._every):
                return

    def __enter__(self) -> Self:
        threading.Thread(target=self._go_on, name=WATCH, daemon=True).start()
        if self._server:
            threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()


def _verdict(reasons: list[str]) -> tuple[HTTPStatus, str, str]:
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    return status, _PLAIN, "".join(f"{reason}\n" for reason in reasons or ["ok"])


def _listening(answer: Callable[[str], tuple[HTTPStatus, str, str]], port: int) -> _Server:
    try:
        return _Server(answer, port)
    except OSError as error:
        message = f"port {port} cannot be listened on: {error.strerror}"
        raise ConfigurationError([Mistake("FIVEWHYS_HTTP_PORT", 0, message)]) from error


class _Server(ThreadingHTTPServer):
    """Answers as many as there is room for, each in a thread."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Callable[[str], tuple[HTTPStatus, str, str]], port: int) -> None:
        self.answer = answer
        self._room = threading.Semaphore(AT_ONCE)
        super().__init__(("0.0.0.0", port), _Handler)  # noqa: S104 - probes come from outside

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer, or hang up."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread can be started now
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room."""
        try:
            with _hung_up_after(TAKES, request):
                super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's
        """Say nothing of those who hang up on us, but of a mistake of our own."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logging.getLogger(__name__).error("a question was not answered", exc_info=error)


@contextmanager
def _hung_up_after(seconds: float, connection: socket.socket) -> Iterator[None]:
    """Let no read and no write of a connection go on for longer, however little comes at a time.

    A time-out of the socket would begin anew with whatever comes.
    """

    def hang_up() -> None:
        with suppress(OSError):  # they did
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer; any other method but HEAD is refused by http.server, with 501."""
        self.wfile.write(self._begin())

    def do_HEAD(self) -> None:
        """Answer without the text, as some who watch the availability of a service ask."""
        self._begin()

    def _begin(self) -> bytes:
        """Send what stands above the text, and return that."""
        status, kind, text = self.server.answer(self.path)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        return body

    def version_string(self) -> str:
        """Say no version to strangers."""
        return "fivewhys"

    def log_message(self, *_: object) -> None:
        """Say nothing of each question."""
