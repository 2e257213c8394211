"""Services that run and answer with errors: one failed request, and spells of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tests.scenarios import wire
from tests.scenarios.noise import sound_start
from tests.scenarios.starting import MALFORMED
from tests.scenarios.telling import Call, Told, plain_request, tell_callers, tell_error
from tests.scenarios.tracebacks import Raised, first_line, render, serving
from tests.scenarios.truth import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.scenarios.faults import Fault
    from tests.scenarios.stage import Stage
    from tests.scenarios.truth import Mark
    from tests.scenarios.world import Instance, Service

TOO_MUCH: Final = (
    "While handling this request, the container instance was found to be using too much memory and "
    "was terminated. This is likely to cause a new container instance to be used for the next "
    "request to this revision. If you see this message frequently, you may have a memory leak in "
    "your code or may need more memory. Consider creating a new revision with more memory."
)
NO_INSTANCE: Final = (
    "The request was aborted because there was no available instance. Additional troubleshooting "
    "documentation can be found at: https://cloud.google.com/run/docs/troubleshooting#abort-request"
)
OVERDUE: Final = (
    "The request has been terminated because it has reached the maximum request timeout. To change "
    "this limit, see https://cloud.google.com/run/docs/configuring/request-timeout"
)
TIMED_OUT: Final = 504


@dataclass(frozen=True, slots=True)
class Spell:
    """How requests fail for a while: how many, how long each takes, and who else notices.

    `unsaid` is the share of failed requests of which the service itself says nothing; they end
    with the status `unsaid_status`.
    """

    requests: tuple[int, int] = (5, 30)
    every: tuple[float, float] = (0.5, 15.0)
    seconds: tuple[float, float] = (0.02, 0.4)
    callers: float = 0.4
    unsaid: float = 0.1
    unsaid_status: int = 500


@dataclass(frozen=True, slots=True)
class Errors:
    """What makes requests fail, how, and what is true about the entries.

    `cause` is false where the errors are themselves an effect of something else.
    """

    make: Callable[[], Fault]
    spell: Spell
    mark: Mark
    cause: bool = True


def spell(stage: Stage, service: Service, at: int, errors: Errors) -> int:
    """Let requests of a service fail for a while, the first of them with its error; return when."""
    how = errors.spell
    for number in range(stage.chance.randint(*how.requests)):
        at = stage.later(at, *how.every)
        instance = stage.at_work(service, at)
        if number == 0 or stage.chance.random() >= how.unsaid:
            _fail(stage, at, instance, errors)
        else:
            _give_up(stage, at, instance, errors)
    return at


def _fail(stage: Stage, at: int, instance: Instance, errors: Errors) -> None:
    """Let a request fail at `at`: it came before, the error is told, then it is answered."""
    seconds, fault = stage.chance.uniform(*errors.spell.seconds), errors.make()
    told = plain_request(stage, instance, 500, seconds)
    function = f"show_{instance.service.tables[0]}"
    text = raised_while_serving(instance.service, fault, function)
    short = first_line(fault.raised[-1].error)
    error = Told(f"{function} failed", text, short, told.trace)
    tell_error(stage, at, instance, error, errors.mark.shows_cause(really=errors.cause))
    _answer(stage, at, instance, told, errors)


def _give_up(stage: Stage, at: int, instance: Instance, errors: Errors) -> None:
    """Let a request fail of which the service says nothing, but perhaps its server does."""
    status = errors.spell.unsaid_status
    seconds = stage.chance.uniform(*errors.spell.seconds)
    told = plain_request(stage, instance, status, seconds)
    if status == TIMED_OUT:
        told = replace(told, text=OVERDUE)
        if instance.service.server != "uvicorn":
            text = f"[{wire.log_time(at)}] [1] [CRITICAL] WORKER TIMEOUT (pid:7)"
            stage.line(at, instance, text, errors.mark)
    _answer(stage, at, instance, told, errors)


def _answer(stage: Stage, at: int, instance: Instance, told: wire.Request, errors: Errors) -> None:
    done = stage.request(at - round((told.seconds - 0.004) * SECOND), instance, told, errors.mark)
    if stage.chance.random() < errors.spell.callers:
        call = Call(instance.service, told.status, told.seconds, told.trace)
        tell_callers(stage, done, call, errors.mark)


def raised_while_serving(service: Service, fault: Fault, function: str) -> str:
    """Print the exceptions of a fault as they come out of a request."""
    *inner, last = fault.raised
    return render(*inner, Raised((*serving(service, function), *last.frames), last.error))


def out_of_memory(stage: Stage, service: Service, at: int, mark: Mark) -> int:
    """Let instances of a service be killed for their memory, a few times; return when."""
    limit = stage.chance.choice((256, 512, 1024))
    for _ in range(stage.chance.randint(2, 7)):
        at = stage.later(at, 20, 240)
        instance = stage.at_work(service, at)
        used = limit + stage.chance.randint(1, 40)
        text = (
            f"Memory limit of {limit} MiB exceeded with {used} MiB used. Consider increasing the "
            "memory limit, see https://cloud.google.com/run/docs/configuring/memory-limits"
        )
        stage.system(at, instance, "ERROR", text, mark.shows_cause())
        _killed(stage, at, instance, mark)
        sound_start(stage, stage.later(at, 1, 3), stage.instance(instance.revision))
    return at


def _killed(stage: Stage, at: int, instance: Instance, mark: Mark) -> None:
    """Log what the end of an instance does to the requests it was busy with."""
    after = stage.later(at, 0.01, 0.4)
    if instance.service.server != "uvicorn":
        text = f"[{wire.log_time(after)}] [1] [ERROR] Worker (pid:7) was sent SIGKILL!"
        stage.line(after, instance, f"{text} Perhaps out of memory?", mark)
    else:
        stage.system(after, instance, "WARNING", "Container terminated on signal 9.", mark)
    for number in range(stage.chance.randint(1, 4)):
        status, text = (500, TOO_MUCH) if number == 0 else (503, MALFORMED)
        seconds = stage.chance.uniform(0.2, 9)
        told = replace(plain_request(stage, instance, status, seconds), text=text)
        done = stage.later(at, 0.01, 0.5)
        stage.request(done - round(seconds * SECOND), instance, told, mark)
        if stage.chance.random() < 0.3:
            tell_callers(stage, done, Call(instance.service, status, seconds, told.trace), mark)


def no_instance(stage: Stage, service: Service, at: int, mark: Mark) -> int:
    """Let more requests come than a service may start instances for; return when it was over."""
    for _ in range(stage.chance.randint(8, 40)):
        at = stage.later(at, 0.05, 2.5)
        instance = stage.at_work(service, at)
        told = replace(
            plain_request(stage, instance, 503, stage.chance.uniform(9.9, 10.3)), text=NO_INSTANCE
        )
        done = stage.request(at - round(told.seconds * SECOND), instance, told, mark.shows_cause())
        if stage.chance.random() < 0.3:
            tell_callers(stage, done, Call(service, 503, told.seconds, told.trace), mark)
    return at
