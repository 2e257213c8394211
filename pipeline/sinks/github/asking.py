"""How requests are made: paced, as whom, to which repository, and what is tried again.

A refusal changed nothing, so an expired token or a repository that was renamed is put right and the
request sent again, also a write. A write without an answer is never repeated.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

from pipeline.audit import SECOND
from pipeline.sinks.github import shapes
from pipeline.sinks.github.access import Access
from pipeline.sinks.github.failures import Later, NeverReached, NotThere
from pipeline.sinks.github.judging import Call, judged, left, unreadable, wait_until
from pipeline.sinks.github.pacing import Breaker, Circuit, Pacer, Ready
from pipeline.sinks.github.wire import REDIRECTED_TO, Answer, Lost, Patience, Veil, Wire
from pipeline.tracker.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from github import Auth

    from pipeline.retrying import Retrying
    from pipeline.sinks.github.credentials import App, Credentials
    from pipeline.sinks.github.shapes import Repository

REPO: Final = "{repo}"
"""What the path of a call begins with where the repository's belongs."""

PAGE: Final = 100
MOST_PAGES: Final = 1_000

_PROBE = Call("try whether GitHub is back", "GET", "/rate_limit")
_BROKEN, _UNAUTHORISED, _NOT_FOUND = 500, 401, 404
_REDIRECTIONS = frozenset({301, 302, 307, 308})
_MOST_REDIRECTS = 3

_LONGER: Final = 3
"""GitHub answers within ten seconds or not at all, a long listing comes bit by bit."""

T = TypeVar("T")


def _nothing() -> None:
    """Do nothing."""


def _always() -> bool:
    """Say that nobody else ever writes."""
    return True


@dataclass(frozen=True, slots=True)
class Manners:
    """How we behave; `longest_wait` is for one request, `pauses` before a read is tried again.

    `again` is called whenever one is.
    """

    patience: Patience = field(default_factory=Patience)
    longest_wait: int = 90 * SECOND
    pauses: tuple[int, ...] = (SECOND, 3 * SECOND)
    again: Callable[[], None] = _nothing

    @classmethod
    def of(cls, retrying: Retrying, again: Callable[[], None] = _nothing) -> Manners:
        """Return manners that take so long and try so often; an answer may take longer to come."""
        limit, dice = retrying.timeout, SystemRandom()
        drawn = (retrying.pause(failed, dice.random()) for failed in range(1, retrying.tries))
        return cls(
            Patience(limit, _LONGER * limit, _LONGER**2 * limit),
            pauses=tuple(round(pause * SECOND) for pause in drawn),
            again=again,
        )


class Memory(Protocol):
    """What outlasts a process of how fast GitHub was written to."""

    def recall(self) -> Pace:
        """Return what was kept."""

    def keep(self, pace: Pace) -> Pace:
        """Keep it; return it with what others wrote meanwhile."""


@dataclass(frozen=True, slots=True)
class World:
    """The clock (ns UTC), what lets time pass (seconds), and what outlasts the process.

    `renew` says whether we are still the only one who writes, and that we stay it for a while.
    """

    clock: Callable[[], int]
    sleep: Callable[[float], None]
    memory: Memory | None = None
    renew: Callable[[], bool] = _always


class Asking:
    """Makes requests, one at a time; that it writes is kept before it does."""

    def __init__(
        self,
        credentials: Credentials,
        world: World,
        manners: Manners,
        pacer: Pacer,
        breaker: Breaker,
    ) -> None:
        veil = Veil()
        self._repository = credentials.repository
        self._base = urlsplit(credentials.url)
        self._wire = Wire(credentials.url, manners.patience, veil)
        self._access = Access(credentials, self._wire, veil)
        self._world = world
        self._manners = manners
        self._pacer = pacer
        self._breaker = breaker
        self._kept = world.memory.recall().at(world.clock()) if world.memory else Pace()
        pacer.resume(self._kept)
        breaker.resume(self._kept)
        self._place: Repository | None = None

    def repository(self) -> Repository:
        """Return the repository as it is called now; it is looked up once."""
        return self._place or self._retried(self._looked_up)

    def ask(self, call: Call, shape: Callable[[Any], T]) -> T:
        """Make a request and return what its answer says; reads are tried again."""
        return self._whole(call, lambda answer: shape(shapes.read(answer.text)))

    def do(self, call: Call) -> None:
        """Make a request whose answer says no more than that it succeeded."""
        self._whole(call, lambda _: None)

    def pages(self, call: Call, shape: Callable[[Any], T], most: int = MOST_PAGES) -> list[list[T]]:
        """Return the items of a listing page by page, `most` pages of it."""
        found: list[list[T]] = []
        more = True
        while more and len(found) < most:
            query = {**call.query, "per_page": PAGE, "page": len(found) + 1}
            page, more = self._whole(
                replace(call, query=query), lambda answer: _page(answer, shape)
            )
            found.append(page)
        return found

    def me(self) -> str:
        """Return the login under which we write."""
        app = self._access.app
        if app is None:
            return self.ask(Call("ask who we are", "GET", "/user"), lambda said: str(said["login"]))
        return self._retried(lambda: self._slug(app))

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def _slug(self, app: App) -> str:
        call = Call("ask which App we are", "GET", "/app")
        answer = self._checked(call, self._sent(call, call.path, self._access.as_app(app)))
        return _shaped(call, answer, lambda said: f"{shapes.read(said.text)['slug']}[bot]")

    def _whole(self, call: Call, shape: Callable[[Answer], T]) -> T:
        if call.path.startswith(REPO):
            self.repository()
        if call.writes:
            return _shaped(call, self._answer(call), shape)
        return self._retried(lambda: _shaped(call, self._answer(call), shape))

    def _retried(self, action: Callable[[], T]) -> T:
        """Do what changes nothing, again where GitHub was not reached."""
        for pause in self._manners.pauses:
            with suppress(NeverReached):
                return action()
            self._manners.again()
            self._world.sleep(pause / SECOND)
        return action()

    def _answer(self, call: Call) -> Answer:
        """Return the answer of success; a repository that was renamed meanwhile is followed."""
        answer = self._identified(call, self._path(call))
        if _redirection(answer) and call.path.startswith(REPO) and self._is_renamed():
            answer = self._identified(call, self._path(call))
        try:
            return self._checked(call, answer)
        except NotThere as failure:
            if failure.status == _NOT_FOUND:
                self._confirm(call)
            raise

    def _checked(self, call: Call, answer: Answer | Lost) -> Answer:
        failure = judged(call, answer, self._world.clock())
        if isinstance(answer, Lost) or failure:
            raise failure or unreadable(call)
        return answer

    def _confirm(self, call: Call) -> None:
        """Find out more about a 404, which is also said where we may not look.

        Raises:
            CallError: something that says better what is wrong.

        """
        issue = Call(
            f"look at issue {call.issue}", "GET", f"{REPO}/issues/{call.issue}", call.issue
        )
        if call.path == issue.path and not call.writes:
            self._looked_up()
        else:
            self._answer(issue)

    def _path(self, call: Call) -> str:
        place = self._place.full_name if self._place else self._repository
        return call.path.replace(REPO, f"/repos/{place}", 1)

    def _is_renamed(self) -> bool:
        before = self.repository().full_name
        return self._looked_up().full_name != before

    def _looked_up(self) -> Repository:
        """Look the repository up under the name of the settings, wherever it went."""
        call = Call(
            f"look up the repository {self._repository}", "GET", f"/repos/{self._repository}"
        )
        path = call.path
        for _ in range(_MOST_REDIRECTS):
            answer = self._identified(call, path)
            path = self._below(_redirection(answer))
            if not path:
                break
        found = self._checked(call, answer)
        self._place = _shaped(
            call, found, lambda said: shapes.repository_of(shapes.read(said.text))
        )
        return self._place

    def _below(self, url: str) -> str:
        """Return what follows our base URL in an address, "" if it leads elsewhere."""
        parts = urlsplit(url)
        same = (parts.scheme, parts.netloc) == (self._base.scheme, self._base.netloc)
        prefix = f"{self._base.path}/"
        return (
            parts.path.removeprefix(self._base.path)
            if same and parts.path.startswith(prefix)
            else ""
        )

    def _identified(self, call: Call, path: str) -> Answer | Lost:
        """Send a request as who we are; once more if that was no longer taken."""
        answer = self._sent(call, path, self._identity(call))
        if isinstance(answer, Answer) and answer.status == _UNAUTHORISED and self._access.forget():
            answer = self._sent(call, path, self._identity(call))
        return answer

    def _identity(self, call: Call) -> Auth.Auth:
        self._wait(call)
        try:
            return self._access.auth(self._world.clock())
        except NeverReached:
            self._breaker.failed(self._world.clock())
            self._keep()
            raise
        except Later as failure:
            failure.not_before = self._pacer.limited(self._world.clock(), failure.not_before)
            self._keep()
            raise

    def _sent(self, call: Call, path: str, auth: Auth.Auth) -> Answer | Lost:
        """Send one request when its time has come, and note what that costs and tells.

        Raises:
            Later: it is a write, and while it waited another one took over writing.

        """
        self._wait(call)
        self._pacer.began(self._world.clock(), write=call.writes)
        self._keep()
        if call.writes and not self._world.renew():  # as late as can be: we may have been stopped
            message = f"{call.what}: nothing was sent: another process took over writing"
            raise Later(message)
        answer = self._wire.exchange(auth, call.verb, path, call.query, call.body)
        now = self._world.clock()
        self._pacer.ended(now, write=call.writes)
        try:
            self._learn(call, answer, now)
        finally:
            self._keep()
        return answer

    def _keep(self) -> None:
        """Keep what changed of it."""
        pace = self._breaker.noted(self._pacer.pace())
        if self._world.memory and pace != self._kept:
            self._kept = self._world.memory.keep(pace)
            self._pacer.resume(self._kept)

    def _learn(self, call: Call, answer: Answer | Lost, now: int) -> None:
        """Note what an answer tells.

        Raises:
            Later: it is about a limit.

        """
        if isinstance(answer, Lost) or answer.status >= _BROKEN:
            self._breaker.failed(now)
            until = 0 if isinstance(answer, Lost) else wait_until(answer, now)
            self._pacer.hold(now, until, "GitHub asked for patience")
        else:
            self._breaker.succeeded()
            self._count(call, answer, now)

    def _count(self, call: Call, answer: Answer, now: int) -> None:
        """Note what an answer says about limits.

        Raises:
            Later: it is about nothing else.

        """
        failure = judged(call, answer, now)
        if isinstance(failure, Later):
            failure.not_before = self._pacer.limited(now, failure.not_before)
            raise failure
        self._pacer.accepted()
        self._pacer.counted(now, *left(answer, now))

    def _wait(self, call: Call) -> None:
        """Wait until a request may go.

        Raises:
            Later: that takes longer than we have patience.
            NeverReached: GitHub was tried, and is not back.

        """
        now = self._world.clock()
        while (ready := self._ready(now, call)).at > now:
            if ready.at - now > self._manners.longest_wait:
                message = f"{call.what}: nothing was sent yet: {ready.reason}"
                raise Later(message, not_before=ready.at)
            self._world.sleep((ready.at - now) / SECOND)
            now = self._world.clock()
        if call.writes and self._breaker.circuit(now) is Circuit.HALF_OPEN:
            answer = self._identified(_PROBE, _PROBE.path)
            if self._breaker.circuit(self._world.clock()) is not Circuit.CLOSED:
                self._checked(_PROBE, answer)

    def _ready(self, now: int, call: Call) -> Ready:
        bounds = (self._pacer.ready(now, write=call.writes), self._breaker.ready(now))
        return max(bounds, key=lambda bound: bound.at)


def _redirection(answer: Answer | Lost) -> str:
    """Return where an answer leads, "" if nowhere else."""
    if isinstance(answer, Lost) or answer.status not in _REDIRECTIONS:
        return ""
    return answer.headers.get(REDIRECTED_TO, "")


def _page(answer: Answer, shape: Callable[[Any], T]) -> tuple[list[T], bool]:
    """Return the items of a page, and whether there is another one."""
    items = [shape(item) for item in shapes.listed(answer.text)]
    return items, 'rel="next"' in answer.headers.get("link", "")


def _shaped(call: Call, answer: Answer, shape: Callable[[Answer], T]) -> T:
    with suppress(*shapes.UNLIKE):
        return shape(answer)
    raise unreadable(call)
