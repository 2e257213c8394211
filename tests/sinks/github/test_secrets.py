"""A server that says back what it was sent learns nothing, and gets our secrets nowhere."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.sinks.github.asking import Manners
from pipeline.sinks.github.client import Client
from pipeline.sinks.github.credentials import App, Credentials, Secret
from pipeline.sinks.github.failures import CallError
from tests.sinks.github.support import HERE, PATIENT, Time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

TOKEN = "ghp_hunter2hunter2hunter2"
INSTALLED = "ghs_hunter2hunter2hunter2"
STAMP = "2027-01-01T00:00:00Z"
REPOSITORY = {"id": 1, "full_name": HERE, "html_url": "https://github.com/example/platform"}
ISSUE: dict[str, Any] = {
    "number": 1, "id": 2, "title": "Title", "body": "body", "state": "open", "labels": [],
    "created_at": STAMP, "updated_at": STAMP,
}  # fmt: skip


class Echo(BaseHTTPRequestHandler):
    """Answers with the authorization that it got, wherever it may."""

    protocol_version = "HTTP/1.1"
    kind = "json"
    status = 422
    seen: list[str]

    def handle_call(self) -> None:
        """Answer any method."""
        said = self.headers["Authorization"]
        self.seen.append(said)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.endswith("/access_tokens"):
            said = {} if self.kind == "tokenless" else {"token": INSTALLED}
            self.answer(201, json.dumps({**said, "echo": self.headers["Authorization"]}))
        elif self.path == f"/repos/{HERE}":
            self.answer(200, json.dumps({**REPOSITORY, "description": said}))
        else:
            self.answer(self.status, BODIES[self.kind](said))

    do_GET = do_POST = do_PATCH = handle_call  # noqa: N815 - its own names

    def answer(self, status: int, text: str) -> None:
        """Send an answer that has the secret in its headers, too."""
        said = self.headers["Authorization"]
        content = text.encode()
        self.send_response(status, said)
        for name in ("Location", "Link", "Retry-After", "X-Echo", "Date"):
            self.send_header(name, f"http://{self.headers['Host']}/{said}")
        self.send_header("Set-Cookie", f"token={said}")
        self.send_header("Content-Length", str(len(content) + (self.kind == "truncated")))
        self.send_header("Connection", "close")  # else a client may ask again, and find it closed
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def message(said: str) -> str:
    """Write an error as GitHub does."""
    errors = [{"field": said, "code": said}, {"message": said}, said]
    return json.dumps({"message": f"no such token: {said}", "errors": errors})


BODIES: dict[str, Callable[[str], str]] = {
    "json": message,
    "page": lambda said: f"<html>{said}</html>",
    "half": lambda said: message(said)[:-3],
    "list": lambda said: json.dumps([said]),
    "nothing": lambda _: "",
    "truncated": message,
    "tokenless": message,
    "issue": lambda said: json.dumps({**ISSUE, "body": f"it said {said}"}),
    "unlike": lambda said: json.dumps({**ISSUE, "created_at": said, "state": said}),
}


@contextmanager
def echo(kind: str, status: int) -> Iterator[tuple[str, list[str]]]:
    """Serve one; yield its address and what it was sent."""
    seen: list[str] = []
    handler = type("One", (Echo,), {"kind": kind, "status": status, "seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()


def shown(failure: BaseException | None) -> Iterator[str]:
    """Yield all that is shown of a failure, also by tools that print variables."""
    while failure is not None:
        yield from (str(failure), repr(failure), repr(vars(failure)))
        yield from frames(failure.__traceback__)
        failure = failure.__cause__ or failure.__context__


def frames(step: TracebackType | None) -> Iterator[str]:
    """Yield the variables of frames that are no test's."""
    while step is not None:
        if "tests" not in step.tb_frame.f_code.co_filename:
            yield repr(step.tb_frame.f_locals)
        step = step.tb_next


CASES = [
    *((kind, 422) for kind in BODIES),
    *(("json", status) for status in (401, 403, 404, 410, 429, 500, 301, 302, 202, 400)),
    *(("page", status) for status in (502, 200)),
    *((kind, 201) for kind in ("unlike", "half", "list", "nothing", "truncated")),
]


@pytest.mark.parametrize(("kind", "status"), CASES)
@pytest.mark.parametrize("as_app", [False, True])
def test_no_failure_shows_a_secret(  # noqa: PLR0913 - fixtures
    kind: str,
    status: int,
    keys: tuple[str, str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    *,
    as_app: bool,
) -> None:
    """Not in its text, its traceback's variables, a log at DEBUG, or on a terminal."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="github")
    with echo(kind, status) as (url, seen), client(url, keys[0] if as_app else "") as one:
        for deed in (
            lambda: one.create({"title": "x"}),
            lambda: one.edit(1, {"title": "x"}),
            one.login,
        ):
            with pytest.raises(CallError) as failed:
                deed()
            told = "\n".join([*shown(failed.value), repr(one)])
            assert_bare(told, seen)
    assert_bare(caplog.text, seen)
    assert_bare("".join(capfd.readouterr()), seen)


def test_no_value_holds_a_secret(keys: tuple[str, str]) -> None:
    """What a server put into an issue does not come back with ours."""
    for key in ("", keys[0]):
        with echo("issue", 200) as (url, seen), client(url, key) as one:
            found = one.edit(1, {"title": "x"})
            assert "it said Bearer [REDACTED]" in found.body or "[REDACTED]" in found.body
            assert_bare(repr(found), seen)


def client(url: str, key: str) -> Client:
    """Make a client with a token, or with the key of an App."""
    token, app = (None, App("1", Secret(key), 2)) if key else (Secret(TOKEN), None)
    manners = Manners(patience=PATIENT, pauses=())
    return Client(Credentials(HERE, url, token, app), Time().world, manners=manners)


def assert_bare(text: str, seen: list[str]) -> None:
    """Check that nothing which was ever sent is in a text."""
    assert seen
    for said in seen:
        assert said.split()[-1] not in text
    assert "hunter2" not in text
    assert "PRIVATE KEY" not in text
