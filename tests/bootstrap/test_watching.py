"""What others ask a run: whether it goes on, whether it is ready, and its metrics."""

from __future__ import annotations

import logging
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, closing, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from pipeline.bootstrap.watching import AT_ONCE, TAKES, Tracked, Watching
from pipeline.errors import ConfigurationError, StoreError
from pipeline.lifecycle import HOUR, MINUTE
from pipeline.received import Received
from pipeline.stores.memory import MemoryStore
from pipeline.tracker.delivering import Delivery
from pipeline.tracker.gauging import Outbox, Waiting
from pipeline.vitals import STALLED, Vitals

if TYPE_CHECKING:
    from pipeline.ports import Standing

OUTBOX = Outbox(1, ("a/b",), (Waiting("a/b", "inc-1", Delivery(since=1)),))


class Broken(MemoryStore):
    """A store that can be cut off."""

    is_cut = False

    def standing(self) -> Standing:
        """Fail if it is."""
        if self.is_cut:
            message = "postgresql://db-7.internal/fivewhys: the database does not answer"
            raise StoreError(message, recoverable=True)
        return super().standing()


@pytest.fixture
def vitals() -> Vitals:
    """Return how a run is that began just now and pulled once."""
    found = Vitals(started_at=time.time_ns())
    found.took(Received(), time.time_ns())
    return found


def watching(vitals: Vitals, said: list[str] | None = None, **parts: object) -> Watching:
    """Build what watches it."""
    told = [] if said is None else said
    store = MemoryStore()
    return Watching(vitals, store, lambda *words: told.append(": ".join(words)), **parts)  # type: ignore[arg-type]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    """Ask over HTTP."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_is_alive_while_its_threads_go_on(vitals: Vitals) -> None:
    """Then it is not, and says which does not."""
    found = watching(vitals)
    assert found.answer("/livez")[::2] == (HTTPStatus.OK, "ok\n")
    vitals.started_at -= STALLED + HOUR
    status, _, text = found.answer("/livez?verbose")
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert text.startswith("receive: nothing succeeded for ")


def test_it_is_ready_once_the_store_was_reached(vitals: Vitals) -> None:
    """And the subscription."""
    found = watching(vitals)
    status, _, text = found.answer("/readyz")
    assert (status, text) == (HTTPStatus.SERVICE_UNAVAILABLE, "the store was not reached yet\n")
    found.look()
    assert found.answer("/readyz")[0] == HTTPStatus.OK


def test_a_store_that_fails_is_noted(vitals: Vitals) -> None:
    """Until it answers again; the log has all of it, once."""
    store, said = Broken(), list[str]()
    found = Watching(vitals, store, lambda *words: said.append(": ".join(words)))
    found.look()
    store.is_cut = True
    found.look()
    found.look()
    assert vitals.troubles == {"watch": "the store cannot be reached: see the log"}
    message = "postgresql://db-7.internal/fivewhys: the database does not answer"
    assert said == [f"WARNING: watch: {message}; it is tried again"]
    store.is_cut = False
    found.look()
    assert vitals.troubles == {}


def test_strangers_learn_what_kind_of_thing_fails_and_not_where_it_is() -> None:
    """Both answers are for whoever asks."""
    vitals, store = Vitals(started_at=time.time_ns() - STALLED - HOUR), Broken()
    store.is_cut = True
    found = Watching(vitals, store, lambda *_: None)
    found.look()
    with pytest.raises(StoreError) as raised:
        store.standing()
    vitals.failed("receive", raised.value)
    told = "the store cannot be reached: see the log\n"
    _, _, ready = found.answer("/readyz")
    assert ready.startswith(f"the store was not reached yet: {told}")
    _, _, alive = found.answer("/livez")
    assert alive.startswith("receive: nothing succeeded for 63 min: " + told)


def test_what_is_wrong_is_said_once_and_when_it_is_over(vitals: Vitals) -> None:
    """However often it is looked at."""
    said: list[str] = []
    found = watching(vitals, said)
    vitals.quiet = ("shop",)
    found.look()
    found.look()
    vitals.quiet = ()
    found.look()
    assert said == [
        "NOTICE: service_quiet: nothing is heard of shop, while others go on",
        "NOTICE: service_quiet: it is over",
    ]


def test_metrics_tell_how_often_something_was_tried_again(vitals: Vitals) -> None:
    """Rounds of threads and calls of clients together, by whom they were asked of."""
    vitals.failed("correlate", StoreError("cut"))
    found = watching(vitals, again=lambda: {"github": 2, "store": 1, "pubsub": 0})
    text = found.answer("/metrics")[2]
    assert 'fivewhys_again_total{kind="github"} 2\nfivewhys_again_total{kind="store"} 2\n' in text


def test_metrics_tell_what_waits_where_somebody_correlates(vitals: Vitals) -> None:
    """Of a tracker only who writes to it tells, and asks once a minute."""
    asked: list[int] = []

    def outbox() -> Outbox:
        asked.append(1)
        return OUTBOX

    found = watching(vitals, tracked=Tracked(outbox, lambda: {"api.github.com": 399}))
    found.look()
    _, kind, text = found.answer("/metrics")
    assert kind.startswith("text/plain; version=0.0.4")
    assert "fivewhys_inbox_batches 0\n" in text
    assert "fivewhys_outbox" not in text
    vitals.is_correlating = True
    found.look()
    found.look()
    text = found.answer("/metrics")[2]
    assert 'fivewhys_outbox_waiting{tracker="a/b"} 1\n' in text
    assert 'fivewhys_writes_left{server="api.github.com"} 399\n' in text
    assert len(asked) == 1


def test_a_mistake_of_our_own_does_not_end_the_watch(
    vitals: Vitals, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, told to who asks whether it is ready, and gone once it is mended."""

    class Mistaken(MemoryStore):
        is_wrong = True

        def standing(self) -> Standing:
            if self.is_wrong:
                message = "no such column"
                raise KeyError(message)
            return super().standing()

    store = Mistaken()
    found = Watching(vitals, store, lambda *_: None, every=0.01)
    until = time.monotonic() + 10
    with found:
        while len(caplog.records) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        status, _, text = found.answer("/readyz")
        assert status == HTTPStatus.SERVICE_UNAVAILABLE
        assert text == "the store was not reached yet: a mistake of our own: see the log\n"
        store.is_wrong = False
        while found.answer("/readyz")[0] != HTTPStatus.OK:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert "watch: it is tried again" in caplog.text


def test_it_answers_over_http(vitals: Vitals) -> None:
    """Questions only; it says nothing of itself but that."""
    port = free_port()
    with watching(vitals, port=port, every=0.01):
        assert ask(port, "/livez") == (200, "ok\n")
        assert "fivewhys_received_entries_total 0\n" in ask(port, "/metrics")[1]
        assert ask(port, "/")[0] == 404
        assert ask(port, "/livez", "HEAD") == (200, "")
        assert ask(port, "/", "HEAD") == (404, "")
        assert ask(port, "/livez", "POST")[0] == 501
        assert ask(port, "/livez", "DELETE")[0] == 501
    with pytest.raises(urllib.error.URLError):
        ask(port, "/livez")


def test_who_asks_slowly_keeps_nobody_waiting(vitals: Vitals) -> None:
    """There is room for some of them; then others are turned away at once, until they are gone."""
    port = free_port()
    with watching(vitals, port=port):
        slow = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(AT_ONCE - 1)]
        assert ask(port, "/livez")[0] == 200
        slow += [socket.create_connection(("127.0.0.1", port), 5) for _ in range(5)]
        begun = time.monotonic()
        with pytest.raises(OSError, match=r"closed|reset"):
            ask(port, "/livez")
        assert time.monotonic() - begun < TAKES
        for one in slow:
            one.close()
        while not is_answered(port):
            assert time.monotonic() - begun < 4 * TAKES


def test_who_never_ends_a_question_keeps_nobody_waiting(vitals: Vitals) -> None:
    """As many as there is room for, each with a line now and then: a question is to end in time."""
    port, drips = free_port(), TAKES / 8
    with watching(vitals, port=port), ExitStack() as stack:
        slow = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(AT_ONCE)]
        for one in slow:
            stack.enter_context(one).sendall(b"GET /livez HTTP/1.1\r\n")
        begun = time.monotonic()
        while not is_answered(port):
            assert time.monotonic() - begun < 3 * TAKES
            for one in slow:
                with suppress(OSError):  # it was hung up
                    one.sendall(b"X-More: 1\r\n")
            time.sleep(drips)


def is_answered(port: int) -> bool:
    """Ask whether there is room."""
    try:
        return ask(port, "/livez")[0] == 200
    except OSError:
        time.sleep(0.05)
        return False


def test_it_answers_again_once_threads_can_be_started_again(
    vitals: Vitals, caplog: pytest.LogCaptureFixture
) -> None:
    """As where there were too many, or no memory for one."""
    port = free_port()
    with watching(vitals, port=port):
        usual = threading.stack_size(1 << 46)  # there is no such room
        try:
            for _ in range(AT_ONCE + 1):
                with suppress(OSError):
                    ask(port, "/livez")
        finally:
            threading.stack_size(usual)
        assert ask(port, "/livez") == (HTTPStatus.OK, "ok\n")
    assert {one.message for one in caplog.records} == {"a question was not answered"}


def test_a_port_that_is_taken_is_a_mistake(vitals: Vitals) -> None:
    """It is named, as all settings are."""
    with closing(socket.socket()) as other:
        other.bind(("0.0.0.0", 0))  # noqa: S104 - as we do
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"FIVEWHYS_HTTP_PORT: port {port} cannot be"):
            watching(vitals, port=port)


def test_a_mistake_of_our_own_in_an_answer_is_said(
    vitals: Vitals, caplog: pytest.LogCaptureFixture
) -> None:
    """And who asked gets none."""

    class Mistaken(Watching):
        def answer(self, path: str) -> tuple[HTTPStatus, str, str]:
            raise ZeroDivisionError(path)

    port = free_port()
    mistaken = Mistaken(vitals, MemoryStore(), lambda *_: None, port=port)
    with mistaken, pytest.raises(OSError, match="closed"):
        ask(port, "/livez")
    assert "a question was not answered" in caplog.text
    assert "ZeroDivisionError: /livez" in caplog.text


@pytest.mark.parametrize(("every", "times"), [(MINUTE, 1), (0, 2)])
def test_figures_are_logged_once_a_minute(
    vitals: Vitals, caplog: pytest.LogCaptureFixture, every: int, times: int
) -> None:
    """By the logger whose entries have numbers, with what waits for the tracker."""
    vitals.is_correlating = True
    found = watching(vitals, tracked=Tracked(lambda: OUTBOX, dict), tells_every=every)
    with caplog.at_level(logging.INFO, "fivewhys"):
        found.look()
        found.look()
    record = caplog.records[0]
    assert (record.name, record.getMessage()) == ("fivewhys.vitals", "vitals")
    told = record.__dict__["vitals"]
    assert (told["outbox_waiting"], told["stalled"], told["nothing_comes"]) == (1, 0, 0)
    assert len(caplog.records) == times
