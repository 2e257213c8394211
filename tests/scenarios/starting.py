"""Services that do not come up: one failed start, and crash loops over instances and revisions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tests.scenarios import wire
from tests.scenarios.noise import banner, deploy
from tests.scenarios.telling import (
    Call,
    Told,
    plain_request,
    tell_callers,
    tell_error,
    tell_traceback,
)
from tests.scenarios.tracebacks import (
    DIRECT,
    DURING,
    Raised,
    first_line,
    importing,
    own,
    render,
    starting,
)
from tests.scenarios.truth import SECOND

if TYPE_CHECKING:
    from tests.scenarios.faults import Fault
    from tests.scenarios.stage import Stage
    from tests.scenarios.truth import Mark
    from tests.scenarios.world import Instance, Revision, Service

NOT_STARTED: Final = (
    "The request failed because the instance could not start successfully.",
    "The request failed because the instance failed the readiness check.",
)
MALFORMED: Final = (
    "The request failed because either the HTTP response was malformed or connection to the "
    "instance had an error. Additional troubleshooting documentation can be found at: "
    "https://cloud.google.com/run/docs/troubleshooting#malformed-response-or-connection-error"
)


@dataclass(frozen=True, slots=True)
class Loop:
    """How a crash loop goes: revisions tried, starts of each, and what a start leaves out.

    `silent` is the share of starts whose own exception was never logged; `minutes` is between
    revisions; `traced` lets only callers fail that hand the trace on; `mended` says that a sound
    revision comes after.
    """

    revisions: int = 1
    starts: tuple[int, int] = (2, 6)
    minutes: tuple[float, float] = (3.0, 12.0)
    silent: float = 0.0
    traced: bool = False
    mended: bool = True


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a service from starting, how it goes, and what is true about its entries."""

    fault: Fault
    loop: Loop
    mark: Mark


def crash_loop(stage: Stage, service: Service, at: int, trouble: Trouble) -> int:
    """Let a service fail to start over several revisions, and come up at last; return when.

    The cause stays the same in all of them, to the letter.
    """
    began, loop = at, trouble.loop
    for _ in range(loop.revisions):
        revision = stage.revision(service)
        stage.add(at, wire.replaced(stage.world.project, revision))
        at = _starts(stage, revision, stage.later(at, 3, 8), trouble)
        at = stage.later(at, loop.minutes[0] * 60, loop.minutes[1] * 60)
    if loop.mended:
        deploy(stage, at, service)
    stage.outages.setdefault(service.name, []).append((began - 5 * SECOND, at + 20 * SECOND))
    return at


def _starts(stage: Stage, revision: Revision, at: int, trouble: Trouble) -> int:
    """Start a revision several times, some of them at once; return when the last one was over."""
    last = at
    for number in range(stage.chance.randint(*trouble.loop.starts)):
        instance = stage.instance(revision)
        over = failed_start(stage, at, instance, trouble, reason=int(number == 0))
        if number == 0 and stage.chance.random() < 0.6:
            entry = wire.not_ready(stage.world.project, revision, wire.failed_to_listen())
            stage.add(stage.later(over, 0.01, 0.2), entry, trouble.mark)
        last = max(last, over)
        at = stage.later(at, *stage.chance.choice(((0.2, 3), (10, 60), (10, 60), (60, 240))))
    return max(last, at)


def failed_start(
    stage: Stage, at: int, instance: Instance, trouble: Trouble, *, reason: int = 0
) -> int:
    """Start an instance that does not come up; return when it was over.

    Requests that came while it started wait for it, so their logs bear an earlier time. The first
    start of a revision, which has a `reason` of its own, is never silent.
    """
    came = at
    at = banner(stage, at, instance, trouble.mark.unasked(), reason=reason)
    if reason or stage.chance.random() >= trouble.loop.silent:
        at = _tell_fault(stage, at, instance, trouble.fault, trouble.mark.shows_cause())
    at = _tell_end(stage, at, instance, trouble)
    for _ in range(stage.chance.choice((0, 1, 1, 2, 4))):
        _refuse(stage, (came, at), instance, trouble)
    return at


def _tell_fault(stage: Stage, at: int, instance: Instance, fault: Fault, mark: Mark) -> int:
    """Log the exception as often as a start does: the service's logger, then the server."""
    service, chance = instance.service, stage.chance
    wrapped = chance.random() < 0.5
    if not fault.importing and chance.random() < 0.6:
        told = Told("start-up of storage failed", render(*fault.raised), first_line(fault.error))
        tell_error(stage, at, instance, told, mark)
        at = stage.later(at, 0.005, 0.1)
    whole = _raised_through(fault, service, wrapped=wrapped)
    time = wire.log_time(at)
    if service.server == "uvicorn":
        whole = whole if fault.importing else f"ERROR:    {whole}"
    elif service.server == "gunicorn" and not fault.importing:
        whole = f"[{time}] [7] [ERROR] {whole}"
    else:
        head = f"[{time}] [7] [ERROR] Exception in worker process"
        stage.line(at, instance, head, mark.shows_cause(really=False))
        at += 300_000
    return tell_traceback(stage, at, instance, whole, mark)


def _raised_through(fault: Fault, service: Service, *, wrapped: bool) -> str:
    """Print what the server sees: the exceptions, the last of them through its own frames.

    A service may wrap what it saw into an exception of its own that says less.
    """
    outer = importing(service) if fault.importing else starting(service)
    *inner, last = fault.raised
    if not wrapped:
        return render(*inner, Raised((*outer, *last.frames), last.error))
    kind = "".join(part.title() for part in service.package.split("_"))
    frames = own(service, ("startup.py", "prepare", 'raise StartupError("not ready") from error'))
    error = f"{service.package}.errors.{kind}StartupError: {service.name} is not ready to serve"
    link = DURING if fault.importing else DIRECT
    return render(*inner, last, Raised((*outer, *frames), error), link=link)


def _tell_end(stage: Stage, at: int, instance: Instance, trouble: Trouble) -> int:
    """Log how the server, the container and the probe end; return when."""
    service, fault, mark = instance.service, trouble.fault, trouble.mark
    at = stage.later(at, 0.01, 0.1)
    for text in _server_ends(at, service, fault):
        stage.line(at, instance, text, mark.unasked() if "[INFO]" in text else mark)
        at = stage.later(at, 0.005, 0.15)
    code = 1 if service.server == "uvicorn" and fault.importing else 3
    at = stage.later(at, 0.05, 0.5)
    stage.system(at, instance, "WARNING", f"Container called exit({code}).", mark)
    at = stage.later(at, 0.03, 0.3)
    probe = (
        f'Default STARTUP TCP probe failed 1 time consecutively for container "{service.name}-1" '
        "on port 8080. The instance was not started.\nConnection failed with status CANCELLED."
    )
    stage.system(at, instance, "ERROR", probe, mark)
    return at


def _server_ends(at: int, service: Service, fault: Fault) -> list[str]:
    if service.server == "uvicorn":
        return [] if fault.importing else ["ERROR:    Application startup failed. Exiting."]
    time = f"[{wire.log_time(at)}]"
    failed = [f"{time} [7] [ERROR] Application startup failed. Exiting."]
    return [
        *(failed if service.server == "gunicorn" and not fault.importing else []),
        f"{time} [7] [INFO] Worker exiting (pid: 7)",
        f"{time} [1] [ERROR] Worker (pid:7) exited with code 3",
        f"{time} [1] [ERROR] Shutting down: Master",
        f"{time} [1] [ERROR] Reason: Worker failed to boot.",
    ]


def _refuse(
    stage: Stage, while_starting: tuple[int, int], instance: Instance, trouble: Trouble
) -> None:
    """Let a request hit a start that fails; who called may fail, too."""
    came, over = while_starting
    at = stage.later(came, 0, max(0.01, (over - came) / SECOND - 0.05))
    seconds = (over - at) / SECOND + stage.chance.uniform(0.01, 0.2)
    text = stage.chance.choice((*NOT_STARTED[:1] * 3, NOT_STARTED[1], MALFORMED))
    told = replace(plain_request(stage, instance, 503, seconds), text=text)
    done = stage.request(at, instance, told, trouble.mark)
    if stage.chance.random() < 0.5:
        call = Call(instance.service, 503, seconds, told.trace, traced=trouble.loop.traced)
        tell_callers(stage, done, call, trouble.mark)


def refuse_secret(stage: Stage, service: Service, at: int, mark: Mark) -> int:
    """Deploy revisions that mount a secret they may not read: none starts; return when it ended.

    The revision before goes on serving, so that only audit entries tell of it.
    """
    account = f"{service.name}-run@{stage.world.project}.iam.gserviceaccount.com"
    number, project = stage.chance.randint(1, 12), stage.chance.getrandbits(39)
    secret = f"{service.name}-ledger-token"
    reason = (
        f"spec.template.spec.containers[0].env[{number}].value_from.secret_key_ref.name: "
        f"Permission denied on secret: projects/{project}/secrets/{secret}/versions/latest for "
        f"Revision service account {account}. The service account used must be granted "
        "the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the "
        "secret, project or higher level."
    )
    for _ in range(stage.chance.randint(2, 4)):
        revision = stage.revision(service)
        stage.add(at, wire.replaced(stage.world.project, revision))
        entry = wire.not_ready(stage.world.project, revision, reason)
        stage.add(stage.later(at, 2, 9), entry, mark.shows_cause())
        at = stage.later(at, 120, 900)
    deploy(stage, at, service)
    return at


def loop_length(stage: Stage) -> Loop:
    """Draw how long a crash loop is: a few starts of one revision, or a morning's struggle."""
    loops = (Loop(1, (2, 5)), Loop(2, (2, 6)), Loop(4, (3, 7), (2, 8)))
    return stage.chance.choice(loops)
