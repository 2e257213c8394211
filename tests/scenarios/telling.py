"""How services tell of an error: whole or by line, as JSON or as text; and who calls them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tests.scenarios import wire
from tests.scenarios.tracebacks import Raised, first_line, lines_of, own, render, serving
from tests.scenarios.truth import SECOND

if TYPE_CHECKING:
    from tests.scenarios.stage import Stage
    from tests.scenarios.truth import Mark
    from tests.scenarios.world import Instance, Service

WHOLE: Final = 0.75
"""Share of structured lines that hold the traceback in their message."""
FARTHEST: Final = 2
"""How many callers of callers fail at most."""

_MDN: Final = (
    "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/"
)
_WORDS: Final = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(frozen=True, slots=True)
class Told:
    """An error: what the service says of it, its traceback, and the traceback's error in a line.

    `trace` is that of the request it happened in.
    """

    said: str
    text: str
    short: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that failed: of whom, with which status, after how long, in which trace.

    `traced` lets only callers fail that hand the trace on; `depth` counts callers of callers.
    """

    callee: Service
    status: int
    seconds: float
    trace: str
    traced: bool = False
    depth: int = 0

    @property
    def url(self) -> str:
        """What was called."""
        return f"https://{self.callee.host}/v1/{self.callee.resource}"


def tell_traceback(stage: Stage, at: int, instance: Instance, text: str, mark: Mark) -> int:
    """Print a traceback to standard error; return when it was done.

    Cloud Run makes one entry of it, mostly; else one of each line.
    """
    if not instance.service.by_line:
        severity = stage.chance.choice(("ERROR", "ERROR", ""))
        stage.add(at, wire.text(stage.world.project, instance, text, severity=severity), mark)
        return at + 1_000_000
    unit = f"traceback-{len(stage.written)}"
    for line in lines_of(text):
        stage.line(at, instance, line, mark.of_unit(unit))
        at += stage.chance.randint(20, 400) * 1000
    return at


def tell_error(stage: Stage, at: int, instance: Instance, told: Told, mark: Mark) -> None:
    """Log an error with the service's own logger: with a trace if it is structured."""
    service = instance.service
    if not service.structured:
        stage.line(at, instance, _head(at, service, told), mark.shows_cause(really=False))
        tell_traceback(stage, at + 300_000, instance, told.text, mark)
    elif stage.chance.random() < WHOLE:
        line = wire.Line("ERROR", f"{told.said}\n{told.text}", told.trace)
        stage.json(at, instance, line, mark)
    else:
        more = {"exc_info": told.text, "error_type": told.short.split(":")[0]}
        line = wire.Line("ERROR", f"{told.said}: {told.short}", told.trace, more)
        stage.json(at, instance, line, mark)


def _head(at: int, service: Service, told: Told) -> str:
    time = f"{wire.log_time(at)[:19]},{at % SECOND // 1_000_000:03d}"
    if service.server == "flask":
        return f"[{time}] ERROR in app: {told.said}"
    return f"{time} - {service.package}.errors - ERROR - {told.said}"


def tell_callers(stage: Stage, answered: int, call: Call, mark: Mark) -> None:
    """Let somebody have called: its request fails too, and so do those who called it.

    `answered` is when the callee answered.
    """
    callers = stage.callers(call.callee, traced=call.traced)
    if not callers or call.depth > FARTHEST:
        return
    caller = stage.chance.choice(callers)
    if stage.is_out(caller, answered):
        return
    instance = stage.at_work(caller, answered)
    trace = call.trace if caller.propagates else stage.trace()
    _tell_call(stage, answered, instance, replace(call, trace=trace), mark)
    status = stage.chance.choice((502, 502, 500, 503))
    extra = stage.chance.uniform(0.02, 0.2)
    told = wire.Request("GET", f"/v1/{caller.resource}", status, call.seconds + extra, trace)
    began = answered - round((call.seconds + extra / 2) * SECOND)
    done = stage.request(began, instance, told, mark)
    if stage.chance.random() < 0.35:
        again = Call(caller, status, told.seconds, trace, call.traced, call.depth + 1)
        tell_callers(stage, done, again, mark)


def _tell_call(stage: Stage, at: int, instance: Instance, call: Call, mark: Mark) -> None:
    """Log what the caller says of a call that failed."""
    caller, at = instance.service, stage.later(at, 0.001, 0.03)
    if caller.structured and stage.chance.random() < 0.5:
        message = f"call to {call.callee.name} failed with {call.status}"
        more = {"upstream": call.callee.name, "url": call.url, "status": call.status}
        stage.json(at, instance, wire.Line("ERROR", message, call.trace, more), mark)
        return
    function, error = f"show_{caller.tables[0]}", _client_error(caller, call)
    frames = own(caller, ("clients.py", "ask", "answer.raise_for_status()"))
    text = render(Raised((*serving(caller, function), *frames), error))
    told = Told(f"{function} failed", text, first_line(error), call.trace)
    tell_error(stage, at, instance, told, mark)


def _client_error(caller: Service, call: Call) -> str:
    """Return what the caller's HTTP client raises."""
    status, word, url = call.status, _WORDS[call.status], call.url
    if caller.server == "flask":
        return f"requests.exceptions.HTTPError: {status} Server Error: {word} for url: {url}"
    if caller.server == "uvicorn":
        kind = "aiohttp.client_exceptions.ClientResponseError"
        return f"{kind}: {status}, message='{word}', url='{url}'"
    error = f"httpx.HTTPStatusError: Server error '{status} {word}' for url '{url}'"
    return f"{error}\n{_MDN}{status}"


def plain_request(stage: Stage, instance: Instance, status: int, seconds: float) -> wire.Request:
    """Make a request to a service as its users send it."""
    chance = stage.chance
    resource = chance.choice(instance.service.tables).replace("_", "-")
    path = f"/v1/{resource}" + chance.choice(("", f"/{chance.randint(1, 9999)}", "?page=2"))
    method = chance.choice(("GET", "GET", "GET", "POST"))
    agent, size = chance.choice(wire.AGENTS), chance.randint(90, 4000)
    return wire.Request(method, path, status, seconds, stage.trace(), agent=agent, size=size)
