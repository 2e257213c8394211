"""What a healthy system logs: requests, chatter, starts, and warnings that annoy everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.scenarios import wire
from tests.scenarios.telling import plain_request
from tests.scenarios.truth import MINUTE, SECOND, Mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.scenarios.stage import Stage
    from tests.scenarios.world import Instance, Service

_GROWING: Final = (
    "Starting new instance. Reason: AUTOSCALING - Instance started due to configured scaling "
    "factors (e.g. CPU utilization, request throughput, etc.) or no existing capacity for current "
    "traffic."
)
_ROLLOUT: Final = (
    "Starting new instance. Reason: DEPLOYMENT_ROLLOUT - Instance started due to traffic shifting "
    "between revisions due to deployment, traffic split adjustment, or deployment health check."
)
REASONS: Final = (_GROWING, _ROLLOUT)

# What is said at every start of a service that has the habit, and is nobody's incident.
_NOISE: Final[Mapping[str, str]] = {
    "sdk": "tracing SDK is not installed, spans are dropped (pip install the 'otel' extra)",
    "space": "value of MAIL_RELAY_HOST begins or ends with white space; it was trimmed",
    "deprecated": "setting LEGACY_PAGE_SIZE is deprecated and will be removed, use PAGE_LIMIT",
    "cache": "cache backend is not configured, every lookup goes to the database",
}


def banner(stage: Stage, at: int, instance: Instance, mark: Mark, *, reason: int = 0) -> int:
    """Log what comes before a service's own code: the platform, the server, the noise.

    Return when the service's own code begins. `mark` is of the lines of the server; noise is noise.
    """
    service = instance.service
    stage.system(at, instance, "INFO", REASONS[reason])
    at = stage.later(at, 0.6, 2.5)
    for text in _server_lines(at, service):
        stage.line(at, instance, text, mark)
        at = stage.later(at, 0.002, 0.05)
    for name in service.noises:
        at = stage.later(at, 0.01, 0.3)
        noise(stage, at, instance, name)
    return stage.later(at, 0.05, 0.6)


def noise(stage: Stage, at: int, instance: Instance, name: str) -> None:
    """Log a warning that means nothing."""
    service, mark = instance.service, Mark(noise=f"{name} of {instance.service.name}")
    if service.structured:
        stage.json(at, instance, wire.Line("WARNING", _NOISE[name]), mark)
    else:
        text = f"{wire.log_time(at)[:19]} {service.package}.boot WARNING {_NOISE[name]}"
        entry = wire.text(stage.world.project, instance, text, severity="WARNING")
        stage.add(at, entry, mark)


def _server_lines(at: int, service: Service) -> list[str]:
    if service.server == "uvicorn":
        return [
            "INFO:     Started server process [1]",
            "INFO:     Waiting for application startup.",
        ]
    time = f"[{wire.log_time(at)}]"
    worker = "sync" if service.server == "flask" else "uvicorn.workers.UvicornWorker"
    return [
        f"{time} [1] [INFO] Starting gunicorn 22.0.0",
        f"{time} [1] [INFO] Listening at: http://0.0.0.0:8080 (1)",
        f"{time} [1] [INFO] Using worker: {worker}",
        f"{time} [7] [INFO] Booting worker with pid: 7",
    ]


def sound_start(stage: Stage, at: int, instance: Instance, reason: int = 0) -> None:
    """Start an instance that comes up."""
    at = banner(stage, at, instance, Mark(), reason=reason)
    if instance.service.server != "flask":
        stage.line(at, instance, "INFO:     Application startup complete.")
    probe = (
        f"Default STARTUP TCP probe succeeded after 1 attempt for container "
        f'"{instance.service.name}-1" on port 8080.'
    )
    stage.system(stage.later(at, 0.02, 0.4), instance, "INFO", probe)


def deploy(stage: Stage, at: int, service: Service, count: int = 2) -> list[Instance]:
    """Deploy a sound revision: its audit entry, its first starts, and it takes the traffic."""
    instances = stage.serve(service, stage.later(at, 8, 20), count)
    stage.add(at, wire.replaced(stage.world.project, instances[0].revision))
    for instance in instances:
        sound_start(stage, stage.later(at, 4, 8), instance, reason=1)
    return instances


def traffic(stage: Stage, per_minute: float) -> None:
    """Log what all services do in good health, about so many requests a minute in all."""
    for service in stage.world.services:
        _requests(stage, service, per_minute / len(stage.world.services))
        _starts(stage, service)


def _requests(stage: Stage, service: Service, per_minute: float) -> None:
    at = stage.begin
    while (at := at + round(stage.chance.expovariate(per_minute) * MINUTE)) < stage.end:
        if stage.is_out(service, at):
            continue
        instance = stage.at_work(service, at)
        seconds = stage.chance.expovariate(12)
        if stage.chance.random() < 0.01:
            seconds += stage.chance.uniform(4, 20)  # slow, and no incident
        status = stage.chance.choices((200, 201, 204, 304, 401, 404, 422), (80, 4, 4, 4, 2, 5, 1))[
            0
        ]
        told = plain_request(stage, instance, status, seconds)
        done = stage.request(at, instance, told)
        if stage.chance.random() < 0.4:
            _chatter(stage, done, instance, told)


def _chatter(stage: Stage, at: int, instance: Instance, told: wire.Request) -> None:
    """Log what a service says of a request; some of it quotes words of errors."""
    service, chance = instance.service, stage.chance
    table, number = chance.choice(service.tables), chance.randint(1, 90_000)
    calm = (
        f"{table}: {chance.randint(1, 60)} rows in {told.seconds * 1000:.1f} ms",
        f"cache hit for {table}/{number}",
        f"sent 1 message about {chance.choice(service.things)} {number}",
        "0 deadlocks, 0 timeouts and 0 refused connections since midnight",
        f"health: pool {chance.randint(0, 4)} of 8 in use, no errors",
        f"article {number} 'What to do when a relation does not exist' was read",
    )
    text = calm[chance.choices(range(6), (30, 20, 20, 1, 3, 1))[0]]
    if service.structured:
        stage.json(at, instance, wire.Line("INFO", text, told.trace))
    elif chance.random() < 0.5:
        access = f'INFO:     169.254.169.126:{number % 60000} - "GET {told.path} HTTP/1.1" 200 OK'
        stage.line(at, instance, access)
    else:
        stage.line(at, instance, f"{wire.log_time(at)[:19]} INFO {service.package}: {text}")
    if chance.random() < 0.01:
        _hiccup(stage, at, instance)


def _hiccup(stage: Stage, at: int, instance: Instance) -> None:
    """Log a warning about something that went well in the end."""
    text = stage.chance.choice(
        (
            "mail relay answered late (2.4 s), message was accepted",
            "client went away before the answer was written",
            "rate limit of the map tiles is near: 92 of 100 a minute",
        )
    )
    mark = Mark(noise=f"{text[:12]} of {instance.service.name}")
    if instance.service.structured:
        stage.json(at, instance, wire.Line("WARNING", text), mark)
    else:
        time = f"{wire.log_time(at)[:19]}"
        stage.line(at, instance, f"{time} WARNING {instance.service.package}: {text}", mark)


def _starts(stage: Stage, service: Service) -> None:
    at = stage.begin
    while (at := at + round(stage.chance.uniform(20, 50) * MINUTE)) < stage.end - 10 * SECOND:
        if not stage.is_out(service, at):
            sound_start(stage, at, stage.instance(stage.at_work(service, at).revision))
