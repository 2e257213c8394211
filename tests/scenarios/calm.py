"""What healthy services, servers and platforms log, one maker for each shape of entries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from tests.scenarios import wire
from tests.scenarios.truth import SECOND
from tests.scenarios.world import LOCATION, Instance, Revision, World, letters

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from tests.scenarios.truth import Entry
    from tests.scenarios.world import Service

    Made = tuple[int, Entry]
    Maker = Callable[["Day", Any, int], Iterator[Made]]

TEXTS: Final[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("healthy.yml").read_text(encoding="utf-8")
)
_STATUSES: Final = (
    (200, 201, 204, 304, 301, 401, 404, 422, 429),
    (860, 40, 30, 30, 10, 6, 20, 3, 1),
)
_SLOW: Final = 0.01


class Words(dict[str, str]):
    """What stands for the names in a text, drawn when it is asked for."""

    def __init__(self, chance: random.Random, instance: Instance, at: int) -> None:
        """Draw for what an instance says at a time."""
        super().__init__()
        self._chance, self._at = chance, at
        service = instance.service
        self["service"], self["package"] = service.name, service.package
        self["table"] = chance.choice(service.tables)
        self["path"] = self["table"].replace("_", "-")
        self["pod"] = f"{service.name}-{instance.name[4:14]}-{instance.name[-5:]}"

    def __missing__(self, name: str) -> str:
        """Draw a number, an identifier or a way to write the time."""
        chance = self._chance
        made: Callable[[], Any] = {
            "n": lambda: chance.randint(1_000, 65_000),
            "small": lambda: chance.randint(10, 99),
            "digit": lambda: chance.randint(1, 9),
            "ms": lambda: f"{chance.uniform(0.4, 900):.1f}",
            "seconds": lambda: f"{chance.uniform(1, 80_000):.3f}",
            "hex": lambda: f"{chance.getrandbits(40):010x}",
            "uuid": lambda: uuid.UUID(int=chance.getrandbits(128)),
            "time": lambda: wire.log_time(self._at)[:19],
            "iso": lambda: wire.wire_time(self._at),
            "java": lambda: f"{wire.log_time(self._at)[:19]}.{chance.randint(100, 999)}",
            "clf": lambda: "19/May/2025:06:00:00 +0000",
        }[name]
        return str(made())


@dataclass(frozen=True, slots=True)
class Day:
    """What a day is drawn from."""

    chance: random.Random
    world: World
    serving: dict[str, list[Instance]]

    def instance(self) -> Instance:
        """Return an instance that is at work."""
        service = self.chance.choice(self.world.services)
        return self.chance.choice(self.serving[service.name])

    def said(self, text: str, instance: Instance, at: int) -> str:
        """Return a text with its names filled in."""
        return text.format_map(Words(self.chance, instance, at))

    def deploy(self, number: int) -> Revision:
        """Let a new revision take a service's traffic."""
        service = self.world.services[number % len(self.world.services)]
        self.serving[service.name] = instances(self.chance, service, number + 2)
        return self.serving[service.name][0].revision


def instances(chance: random.Random, service: Service, number: int) -> list[Instance]:
    """Make the instances of a revision of a service."""
    revision = Revision(
        service,
        f"{service.name}-{number:05d}-{letters(chance, 3)}",
        f"{chance.getrandbits(160):040x}",
    )
    return [Instance(revision, f"00{chance.getrandbits(400):0100x}") for _ in range(3)]


# --- what is logged -------------------------------------------------------------------------------


def _request(day: Day, path: str, at: int) -> Iterator[Made]:
    instance, chance = day.instance(), day.chance
    status = chance.choices(*_STATUSES)[0]
    seconds = chance.expovariate(12) + (chance.uniform(2, 14) if chance.random() < _SLOW else 0)
    told = wire.Request(
        method=chance.choice(("GET", "GET", "GET", "POST")),
        path=day.said(path, instance, at),
        status=status,
        seconds=seconds,
        trace=f"{chance.getrandbits(128):032x}",
        agent=chance.choice(wire.AGENTS),
        size=chance.randint(90, 4000),
    )
    yield at, wire.request(day.world.project, instance, told)


def _health_check(day: Day, path: str, at: int) -> Iterator[Made]:
    instance, chance = day.instance(), day.chance
    agent = chance.choice(
        ("GoogleHC/1.0", "kube-probe/1.31", "GoogleStackdriverMonitoring-UptimeChecks")
    )
    trace = f"{chance.getrandbits(128):032x}"
    told = wire.Request("GET", path, 200, chance.expovariate(200), trace, agent=agent, size=120)
    yield at, wire.request(day.world.project, instance, told)


def _structured(severity: str, day: Day, text: str, at: int) -> Iterator[Made]:
    instance, chance = day.instance(), day.chance
    more = chance.choice(TEXTS["payloads"]) if chance.random() < 0.3 else {}
    said, trace = day.said(text, instance, at), f"{chance.getrandbits(128):032x}"
    yield at, wire.structured(day.world.project, instance, wire.Line(severity, said, trace, more))


def _told(day: Day, text: str, at: int) -> Iterator[Made]:
    """Log a line of the application as text, with its level in it."""
    instance = day.instance()
    said = (
        f"{wire.log_time(at)[:19]} INFO {instance.service.package}: {day.said(text, instance, at)}"
    )
    yield (
        at,
        wire.text(
            day.world.project, instance, said, stream=day.chance.choice(("stdout", "stderr"))
        ),
    )


def _printed(day: Day, text: str, at: int) -> Iterator[Made]:
    instance = day.instance()
    said = day.said(text, instance, at)
    yield (
        at,
        wire.text(
            day.world.project, instance, said, stream=day.chance.choice(("stdout", "stderr"))
        ),
    )


def _started(day: Day, lines: Sequence[str], at: int) -> Iterator[Made]:
    """Log what servers say as they start and stop."""
    instance = day.instance()
    for text in lines:
        yield at, wire.text(day.world.project, instance, day.said(text, instance, at))
        at += day.chance.randint(1, 300) * SECOND // 1000


def _in_cluster(day: Day, text: str, at: int) -> Iterator[Made]:
    """Log what a container of Kubernetes prints: all of standard error is of severity ERROR."""
    instance = day.instance()
    if not text.startswith(("INFO", "[{time}", "{time}", "I0519", "level=", "time=")):
        stream, severity = "stdout", "INFO"
    else:
        stream, severity = "stderr", "ERROR"
    yield (
        at,
        {
            "logName": f"projects/{day.world.project}/logs/{stream}",
            "resource": _cluster(day, instance, at, container_name=instance.service.name),
            "severity": severity,
            "textPayload": day.said(text, instance, at),
        },
    )


def _cluster(day: Day, instance: Instance, at: int, **labels: str) -> Entry:
    return {
        "type": "k8s_container" if labels else "k8s_pod",
        "labels": {
            "cluster_name": "main",
            "location": LOCATION,
            "namespace_name": "shop",
            "pod_name": day.said("{pod}", instance, at),
            "project_id": day.world.project,
            **labels,
        },
    }


def _event(kind: str, day: Day, told: tuple[str, str], at: int) -> Iterator[Made]:
    instance = day.instance()
    reason, message = told
    yield (
        at,
        {
            "logName": f"projects/{day.world.project}/logs/events",
            "resource": _cluster(day, instance, at),
            "severity": "INFO" if kind == "Normal" else "WARNING",
            "jsonPayload": {
                "apiVersion": "v1",
                "kind": "Event",
                "type": kind,
                "reason": reason,
                "message": day.said(message, instance, at),
                "involvedObject": {
                    "kind": "Pod",
                    "name": day.said("{pod}", instance, at),
                    "namespace": "shop",
                },
                "reportingComponent": "kubelet",
            },
        },
    )


def _postgres(day: Day, text: str, at: int) -> Iterator[Made]:
    instance, chance = day.instance(), day.chance
    who = chance.choice(("db=,user= ", "db=main,user=app "))
    time, process = f"{wire.log_time(at)[:19]}.{chance.randint(100, 999)}", chance.randint(20, 9000)
    yield (
        at,
        {
            "logName": f"projects/{day.world.project}/logs/cloudsql.googleapis.com%2Fpostgres.log",
            "resource": {
                "type": "cloudsql_database",
                "labels": {
                    "database_id": f"{day.world.project}:main",
                    "project_id": day.world.project,
                    "region": LOCATION,
                },
            },
            "severity": "ERROR" if text.startswith("ERROR") else "INFO",
            "textPayload": f"{time} UTC [{process}]: [1-1] {who}{day.said(text, instance, at)}",
        },
    )


def _postgres_restart(day: Day, lines: Sequence[str], at: int) -> Iterator[Made]:
    for text in lines:
        yield from _postgres(day, text, at)
        at += day.chance.randint(1, 900) * SECOND // 1000


def _system(day: Day, text: str, at: int) -> Iterator[Made]:
    instance = day.instance()
    yield at, wire.system(day.world.project, instance, "INFO", day.said(text, instance, at))


def _audited(day: Day, told: tuple[str, str], at: int) -> Iterator[Made]:
    service, method = told
    yield (
        at,
        {
            "logName": f"projects/{day.world.project}/logs/cloudaudit.googleapis.com%2Fdata_access",
            "resource": {
                "type": "audited_resource",
                "labels": {"service": service, "method": method},
            },
            "severity": "INFO",
            "protoPayload": {
                "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
                "status": {},
                "serviceName": service,
                "methodName": method,
                "authenticationInfo": {
                    "principalEmail": f"deployer@{day.world.project}.iam.gserviceaccount.com"
                },
                "authorizationInfo": [
                    {"permission": "resourcemanager.projects.get", "granted": True}
                ],
            },
        },
    )


def _scheduled(day: Day, kind: str, at: int) -> Iterator[Made]:
    project = day.world.project
    payload: Entry = {
        "@type": f"type.googleapis.com/google.cloud.scheduler.logging.{kind}",
        "jobName": f"projects/{project}/locations/{LOCATION}/jobs/sweep-errors",
        "targetType": "HTTP",
        "url": f"https://{day.instance().service.host}/v1/sweep?state=failed",
    }
    finished = kind == TEXTS["scheduled"][-1]
    yield (
        at,
        {
            "logName": f"projects/{project}/logs/cloudscheduler.googleapis.com%2Fexecutions",
            "resource": {
                "type": "cloud_scheduler_job",
                "labels": {
                    "job_id": "sweep-errors",
                    "location": LOCATION,
                    "project_id": day.world.project,
                },
            },
            "severity": "INFO",
            "jsonPayload": payload,
            **({"httpRequest": {"status": 200}} if finished else {}),
        },
    )


def _balanced(day: Day, path: str, at: int) -> Iterator[Made]:
    """Log a request at the load balancer; a few of them are left by their sender."""
    instance, chance = day.instance(), day.chance
    left = chance.random() < 0.003
    yield (
        at,
        {
            "logName": f"projects/{day.world.project}/logs/requests",
            "resource": {
                "type": "http_load_balancer",
                "labels": {
                    "backend_service_name": "front",
                    "forwarding_rule_name": "front",
                    "project_id": day.world.project,
                    "url_map_name": "front",
                },
            },
            "severity": "WARNING" if left else "INFO",
            "jsonPayload": {
                "@type": "type.googleapis.com/google.cloud.loadbalancing.type.LoadBalancerLogEntry",
                "statusDetails": "client_disconnected_before_any_response"
                if left
                else "response_sent_by_backend",
            },
            "httpRequest": {
                "requestMethod": "GET",
                "requestUrl": f"https://www.example.com{day.said(path, instance, at)}",
                "status": 499 if left else 200,
                "latency": f"{chance.expovariate(12):.6f}s",
                "userAgent": chance.choice(wire.AGENTS),
            },
        },
    )


MAKERS: Final[tuple[tuple[Maker, float, Sequence[Any]], ...]] = (
    (_request, 30, TEXTS["addresses"]),
    (_health_check, 8, ("/healthz", "/health", "/readyz", "/")),
    (partial(_structured, "INFO"), 18, TEXTS["logged"]),
    (partial(_structured, "DEBUG"), 4, TEXTS["dumped"]),
    (partial(_structured, "WARNING"), 0.5, TEXTS["warned"]),
    (_told, 8, TEXTS["logged"]),
    (_printed, 14, TEXTS["printed"]),
    (_printed, 0.02, TEXTS["rare"]),
    (_postgres, 0.005, TEXTS["postgres_rare"]),
    (_started, 0.6, TEXTS["starts"]),
    (
        _in_cluster,
        4,
        (*TEXTS["printed"], *(line for start in TEXTS["starts"][:5] for line in start)),
    ),
    (partial(_event, "Normal"), 2, TEXTS["events"]),
    (partial(_event, "Warning"), 0.005, TEXTS["events_rare"]),
    (_postgres, 4, TEXTS["postgres"]),
    (_postgres_restart, 0.005, (TEXTS["postgres_restart"],)),
    (_system, 1, TEXTS["system"]),
    (_audited, 2, TEXTS["methods"]),
    (_scheduled, 0.5, TEXTS["scheduled"]),
    (_balanced, 4, TEXTS["addresses"]),
)
"""How an entry is made, how often, and of what."""
