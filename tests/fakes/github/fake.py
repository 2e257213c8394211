"""The fake GitHub: a call comes in, is checked, does what it does, and gets an answer."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from . import around, comments, issues, labels
from .answers import Answer, Refusal, malformed
from .auth import identify
from .call import Call, Caller
from .description import Operation, find
from .faults import Fault, Faults, Way, parse
from .limits import Limits
from .people import People
from .state import Clock, State, beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HANDLERS: Mapping[str, Callable[[Call], Answer]] = {
    **around.HANDLERS,
    **comments.HANDLERS,
    **issues.HANDLERS,
    **labels.HANDLERS,
}
"""What answers each operation, by the description's name of it."""

_REST = "https://docs.github.com/rest"
_BY_ID = re.compile(r"/repositories/(\d+)(?=/|$)")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; the names of headers are in lower case."""

    verb: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Seen:
    """A call that came in: what it asked for and what became of it.

    `operation` is empty for what GitHub does not know, `status` None if there was no answer; `at`
    are seconds since the epoch, by the fake's clock.
    """

    verb: str
    path: str
    operation: str
    body: Any
    status: int | None
    fault: str
    at: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What goes back: an answer with all its headers, bytes, and the fault that befalls it."""

    status: int
    headers: dict[str, str]
    content: bytes
    fault: Fault | None = None

    @property
    def json(self) -> Any:
        """The content, read."""
        return json.loads(self.content)


@dataclass(slots=True)
class FakeGithub:
    """GitHub, as far as issues go. `base` is the address of its API, without a slash at the end.

    `seen` are the calls so far; `violations` is what was not as GitHub describes it, in requests
    and in our answers. With a `file` the state is kept there, as it is after each change. `kill` is
    called where a `kill` fault strikes: it ends the client's process.
    """

    state: State = field(default_factory=beginning)
    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    file: Path | None = None
    kill: Callable[[], None] = lambda: None
    base: str = "http://127.0.0.1"
    seen: list[Seen] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def people(self) -> People:
        """What people do, who need no API."""
        return People(self.state, self.clock, self.lock, self.save)

    def fail(self, rules: str) -> None:
        """Add faults; raise ValueError for what is no rule (`faults.py` has the form)."""
        with self.lock:
            self.faults.rules += parse(rules)

    def calls(self, operation: str) -> list[Seen]:
        """Return the calls of one operation so far."""
        return [call for call in self.seen if call.operation == operation]

    def save(self) -> None:
        """Keep the state, if there is a file for it."""
        if self.file is not None:
            self.state.save(self.file)

    def exchange(self, request: Request) -> Outcome:
        """Do what is asked for, and say what to answer; nothing is sent here."""
        with self.lock:
            asked = self._taken_apart(request)
            fault = self.faults.strike(request.verb, asked.path, asked.name)
            outcome = replace(self._outcome(asked, fault), fault=fault)
            self.seen.append(self._noted(asked, outcome))
            return outcome

    def _taken_apart(self, request: Request) -> _Asked:
        parts = urlsplit(request.target)
        path = self._named(parts.path)
        operation, values = find(request.verb, path) or (None, {})
        return _Asked(request, path, dict(parse_qsl(parts.query)), operation, values)

    def _noted(self, asked: _Asked, outcome: Outcome) -> Seen:
        fault = outcome.fault
        return Seen(
            verb=asked.request.verb,
            path=asked.path,
            operation=asked.name,
            body=asked.body if asked.is_json else None,
            status=None if fault and fault.is_silent else outcome.status,
            fault=fault.name if fault else "",
            at=self.clock.now().timestamp(),
        )

    def _outcome(self, asked: _Asked, fault: Fault | None) -> Outcome:
        answer = None if fault and not fault.after else self._performed(asked, fault)
        if fault and fault.way is Way.ANSWER:
            answer = fault.answer(asked.operation, self.clock.now().timestamp())
        return self._packed(asked, answer or Answer(204))

    def _performed(self, asked: _Asked, fault: Fault | None) -> Answer:
        """Do it; a refusal is an answer, too."""
        documentation = asked.operation.documentation if asked.operation else _REST
        try:
            answer = self._done(asked, stale=fault is not None and fault.way is Way.STALE)
        except Refusal as refusal:
            answer = refusal.answer(documentation)
        if asked.operation:
            self.violations += asked.operation.answer_problems(answer.status, answer.body)
        if asked.request.verb != "GET":
            self.save()
        return answer

    def _done(self, asked: _Asked, *, stale: bool) -> Answer:
        now = self.clock.now()
        caller = identify(self.state, asked.request.headers.get("authorization"), now)
        operation = asked.operation
        if operation is None:
            self.violations.append(f"{asked.request.verb} {asked.request.target} is not known here")
            raise Refusal(404, "Not Found")
        if operation.name != "rate-limit/get":
            is_write = operation.verb != "GET" and not operation.name.startswith("apps/")
            self.limits.charge(caller.login, write=is_write, now=now)
        self._check(asked, operation, caller)
        call = Call(
            self.state, caller, operation, self.base, now, self.limits,
            asked.values, asked.query, asked.body, stale,
        )  # fmt: skip
        return HANDLERS[operation.name](call)

    def _check(self, asked: _Asked, operation: Operation, caller: Caller) -> None:
        if not asked.is_json:
            self.violations.append(f"{operation.name}: the body is no JSON")
            raise Refusal(400, "Problems parsing JSON")
        if caller.as_app and not operation.name.startswith("apps/"):
            raise Refusal(403, "Resource not accessible by integration")
        problems = operation.request_problems(asked.query, asked.body)
        self.violations += [f"{operation.name}: {problem}" for problem in problems]
        # GitHub passes over what it does not know; it is a mistake nevertheless.
        if wrong := [problem for problem in problems if not problem.endswith(" is unknown")]:
            raise malformed(wrong)

    def _packed(self, asked: _Asked, answer: Answer) -> Outcome:
        """Write an answer as it is sent, with the headers that GitHub adds to each."""
        content, kind = _written(answer.body)
        headers = {"Server": "github.com", "X-GitHub-Request-Id": f"FA4E:{len(self.seen):06X}"}
        headers["X-GitHub-Media-Type"] = "github.v3; format=json"
        if version := asked.request.headers.get("x-github-api-version"):
            headers["X-GitHub-Api-Version-Selected"] = version
        token = asked.request.headers.get("authorization", "").rpartition(" ")[2]
        known = self.state.tokens.get(token)
        if known and known.scopes is not None:
            headers["X-OAuth-Scopes"] = known.scopes
        login = self._login(asked.request)
        if asked.request.verb == "GET" and answer.status == 200:
            headers["ETag"] = f'W/"{hashlib.sha256(content).hexdigest()}"'
            if headers["ETag"] in asked.request.headers.get("if-none-match", ""):
                self.limits.refund(login, self.clock.now())
                answer, content = Answer(304), b""
        headers |= self.limits.headers(login, self.clock.now())
        if content:
            headers["Content-Type"] = kind
        return Outcome(answer.status, {**headers, **answer.headers}, content)

    def _login(self, request: Request) -> str:
        try:
            now = self.clock.now()
            return identify(self.state, request.headers.get("authorization"), now).login
        except Refusal:
            return "nobody"

    def _named(self, path: str) -> str:
        """Write a repository that is addressed by its id with its name."""
        prefix = urlsplit(self.base).path
        path = path.removeprefix(prefix)
        found = _BY_ID.match(path)
        if found is None:
            return path
        names = [
            one.full_name for one in self.state.repositories.values() if str(one.id) == found[1]
        ]
        return f"/repos/{quote(names[0])}{path[found.end() :]}" if names else path


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, taken apart."""

    request: Request
    path: str
    query: dict[str, str]
    operation: Operation | None
    values: dict[str, str]

    @property
    def name(self) -> str:
        """The description's name of the operation, empty for what it does not know."""
        return self.operation.name if self.operation else ""

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON that can be written down, or empty."""
        try:
            json.dumps(self.body, ensure_ascii=False).encode()
        except ValueError:
            return False
        return True

    @property
    def body(self) -> Any:
        """What the body says, None if there is none; raise ValueError if it is no JSON."""
        return json.loads(self.request.body) if self.request.body else None


def _written(body: Any) -> tuple[bytes, str]:
    if body is None:
        return b"", ""
    if isinstance(body, str):
        return body.encode(), "text/html"
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.encode(), "application/json; charset=utf-8"
