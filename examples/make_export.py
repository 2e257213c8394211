"""Write the example export: a staging morning of four Cloud Run services, as JSON lines.

    python examples/make_export.py > examples/staging-2025-09-10.jsonl

The seed is fixed and nothing else is read, so the same lines come out every time. Everything in
them is made up. `examples/README.md` tells what happens in this morning.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Entry = dict[str, Any]

PROJECT = "example-staging"
SECOND = 1_000_000_000
DAY = datetime(2025, 9, 10, tzinfo=UTC)


def clock(text: str) -> int:
    """Read `-00:12:30` or `01:02:03.5` as nanoseconds from midnight UTC of the day."""
    hours, minutes, seconds = text.lstrip("-").split(":")
    total = round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * SECOND)
    return -total if text.startswith("-") else total


FIRST, LAST = clock("-00:30:00"), clock("01:30:00")


def wire_time(at: int, digits: int = 9) -> str:
    """Write a moment as Cloud Logging does: RFC 3339 in UTC, with so many digits of a second."""
    seconds, nanoseconds = divmod(at, SECOND)
    moment = f"{DAY + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}"
    return f"{moment[: 20 + digits]}Z"


# --- who runs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a revision, from `begin` to `end`; `structured` ones write JSON lines."""

    service: str
    revision: str
    commit: str
    begin: int
    end: int = LAST
    structured: bool = True

    @property
    def resource(self) -> Entry:
        """The monitored resource that its entries name."""
        labels = {
            "configuration_name": self.service,
            "location": "us-central1",
            "project_id": PROJECT,
            "revision_name": f"{self.service}-{self.revision}",
            "service_name": self.service,
        }
        return {"type": "cloud_run_revision", "labels": labels}

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its entries: which instance, built from which commit."""
        name = random.Random(f"{self.service} {self.begin}").getrandbits(256)
        return {"instanceId": f"{name:064x}", "commit-sha": self.commit}


BACKEND, AUTH = "netra-backend-staging", "netra-auth-service"
FRONTEND, ANALYTICS = "netra-frontend-staging", "netra-analytics-service"
OLD, NEW = (f"{random.Random(word).getrandbits(160):040x}" for word in ("old", "new"))
BEFORE = clock("-02:00:00")
REPLACED = clock("00:34:10")

BROKEN = [
    Instance(BACKEND, "00042-kel", NEW, clock(begin), structured=structured)
    for begin, structured in [
        ("00:33:48.031", True),
        ("00:33:48.402", False),
        ("00:41:16.377", True),
        ("00:48:50.810", False),
        ("00:56:05.219", True),
        ("01:04:31.664", False),
        ("01:12:12.093", True),
        ("01:20:44.518", False),
        ("01:26:39.902", True),
    ]
]
INSTANCES = [
    Instance(FRONTEND, "00031-qiv", OLD, BEFORE),
    Instance(FRONTEND, "00031-qiv", OLD, clock("00:20:05.112")),
    Instance(AUTH, "00019-lud", OLD, BEFORE),
    Instance(AUTH, "00019-lud", OLD, clock("-00:07:41.530"), structured=False),
    Instance(ANALYTICS, "00017-tuv", OLD, BEFORE),
    Instance(ANALYTICS, "00017-tuv", OLD, clock("-00:19:13.770")),
    Instance(BACKEND, "00041-hap", OLD, BEFORE, REPLACED),
    Instance(BACKEND, "00041-hap", OLD, clock("-00:15:22.904"), REPLACED, structured=False),
    *BROKEN,
]

# --- what they write ------------------------------------------------------------------------------

Line = tuple[int, str, str]
"""Milliseconds after the start, severity, text."""

NOISE: list[Line] = [
    (1_700, "INFO", "Started server process [1]"),
    (1_912, "WARNING", "Sentry SDK not installed, error reporting is off"),
    (1_934, "WARNING", "Variable POSTGRES_HOST has white space around its value; stripped"),
    (2_050, "DEBUG", "Loaded 214 modules, no circular imports"),
]
MIGRATIONS: list[Line] = [
    (2_960, "INFO", "Migration Mode: factory_preferred"),
    (3_004, "INFO", "Step 1: Database reachable over /cloudsql/example-staging:us-central1:main"),
    (3_061, "INFO", "Context impl PostgresqlImpl."),
    (3_062, "INFO", "Will assume transactional DDL."),
    (3_108, "INFO", "Step 2: Nothing to upgrade, the database is at the newest revision"),
    (3_190, "INFO", "Step 3: Migrations completed"),
]
MISSING = "✗ Missing critical user tables: ['user_sessions']"
GOLDEN_PATH = "✗ Golden path validation failed: Users cannot log in without proper auth=REDACTED"
DEPENDENCIES = (
    "✗ Service dependency validation FAILED - 0 services failed, "
    "critical business functionality at risk"
)
EXTRA = (
    "⚠️ Extra tables in database not defined in models: \n"
    "   {'auth_users', 'password_reset_tokens', 'alembic_version', 'auth_audit_logs', "
    "'auth_sessions'}"
)
FAILURES: list[Line] = [
    (6_087, "ERROR", MISSING),
    (6_091, "ERROR", GOLDEN_PATH),
    (6_096, "ERROR", DEPENDENCIES),
    (6_140, "WARNING", EXTRA),
    (6_162, "WARNING", "Startup validation: BYPASSED (BYPASS_STARTUP_VALIDATION=true)"),
    (6_163, "WARNING", "Critical failures: 1"),
    (6_164, "WARNING", "Business impact: Chat functionality threatened"),
]
BARE = frozenset(text for _, _, text in FAILURES)
"""Printed rather than logged: without a time and a level of their own."""

CHECKS: list[Line] = [
    (5_870, "INFO", "✓ Service dependency validation passed - 0 services failed"),
    (5_871, "INFO", "Startup validation: PASSED"),
    (5_872, "INFO", "Critical failures: 0"),
]
READY: list[Line] = [(6_420, "INFO", "Application startup complete.")]

# What services say in passing. Some of it quotes an error or sounds like one; none of it is one.
CHATTER: dict[str, list[tuple[str, str]]] = {
    BACKEND: [
        ("INFO", "Chat message answered in {n} ms"),
        ("INFO", "WebSocket of user@example.com opened, {n} in total"),
        ("INFO", "Retry policy loaded, it covers 'deadlock detected' and 5 other errors"),
        ("WARNING", "deadlock detected on save_message; retry 1 of 3 succeeded after {n} ms"),
        ("WARNING", "Slow answer of the language model: {n} ms"),
        ("DEBUG", "Calling auth with Authorization: Bearer fake-bearer-token-{n}-not-a-secret"),
    ],
    AUTH: [
        ("INFO", "Login of user@example.com accepted in {n} ms"),
        ("INFO", "Session refreshed in auth_sessions, {n} active"),
        ("WARNING", "Token rejected: it expired {n} s ago"),
        ("INFO", "health: 0 errors, connections refused: 0, pool exhaustion: none"),
    ],
    FRONTEND: [
        ("INFO", "Rendered /chat in {n} ms"),
        ("INFO", "Rendered the page of a ticket: Missing critical user tables: ['user_sessions']"),
        ("WARNING", "Image without a size on /pricing, seen {n} times"),
    ],
    ANALYTICS: [
        ("INFO", "Batch of {n} events stored"),
        ("INFO", "Pool size: 5, in use: 1; QueuePool limit of size 5 overflow 10 not reached"),
        ("WARNING", "Event without a session dropped, {n} today"),
    ],
}
PLACEHOLDER = {"type": "str", "message": "Missing field", "severity": "ERROR"}

PATHS = {
    FRONTEND: ["/", "/chat", "/login", "/pricing", "/docs/deadlock-detected"],
    BACKEND: ["/api/chat/messages", "/api/threads", "/api/users/me", "/api/search?q=deadlock"],
    AUTH: ["/auth/login", "/auth/validate", "/auth/refresh", "/auth/logout"],
    ANALYTICS: ["/v1/events", "/v1/funnels", "/v1/reports/daily"],
}

POOL = (
    "QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00 "
    "(Background on this error at: https://sqlalche.me/e/20/3o7r)"
)
POOL_TEXTS = [
    f"Events of user@example.com were not stored: {POOL}",
    f"""Exception in POST /v1/events
Traceback (most recent call last):
  File "/app/analytics_service/routes/events.py", line 58, in store
    async with sessions.begin() as session:
  File "/app/analytics_service/database/sessions.py", line 27, in begin
    connection = self.engine.connect()
  File "/usr/local/lib/python3.11/site-packages/sqlalchemy/pool/impl.py", line 166, in _do_get
    raise exc.TimeoutError(
sqlalchemy.exc.TimeoutError: {POOL}""",
    f"Funnel not computed: (sqlalchemy.exc.TimeoutError) {POOL}",
]


# --- entries --------------------------------------------------------------------------------------


class Export:
    """Collects entries; every random number comes from one generator with a fixed seed."""

    def __init__(self) -> None:
        self.random = random.Random(20250910)
        self.entries: list[tuple[int, Entry]] = []

    def add(self, who: Instance, at: int, log: str, **fields: Any) -> None:
        """Add one entry, of `who` at `at`, to the log with this id."""
        entry = {
            "insertId": f"{self.random.getrandbits(96):024x}",
            "logName": f"projects/{PROJECT}/logs/{log.replace('/', '%2F')}",
            "resource": who.resource,
            "timestamp": wire_time(at, 6 if "httpRequest" in fields else 9),
            "receiveTimestamp": wire_time(at + self.random.randrange(40, 900) * 1_000_000),
            "labels": who.labels,
            **fields,
        }
        self.entries.append((at, entry))

    def line(self, who: Instance, at: int, severity: str, text: str, **fields: Any) -> None:
        """Add one line of an application: structured with a severity, or plain without one."""
        at += self.random.randrange(900_000)
        more = fields.pop("more", {})
        if who.structured:
            fields |= {"severity": severity, "jsonPayload": {"message": text, **more}}
        else:
            fields["textPayload"] = text if text in BARE else python_line(at, severity, text)
        stream = "stdout" if who.structured else "stderr"
        self.add(who, at, f"run.googleapis.com/{stream}", **fields)

    def request(self, who: Instance, at: int, path: str, status: int, **fields: Any) -> None:
        """Add one request log; `fields` are parts of its httpRequest, or its trace."""
        request = {
            "requestMethod": "POST" if path.startswith(("/auth", "/v1/events")) else "GET",
            "requestUrl": f"https://{who.service}.example.com{path}",
            "requestSize": str(self.random.randrange(300, 1900)),
            "status": status,
            "responseSize": str(self.random.randrange(120, 48_000)),
            "userAgent": fields.pop("agent", "Mozilla/5.0 (X11; Linux x86_64)"),
            "remoteIp": f"192.0.2.{self.random.randrange(1, 255)}",
            "latency": fields.pop("latency", f"{self.random.uniform(0.004, 0.9):.9f}s"),
            "protocol": "HTTP/1.1",
        }
        severity = {4: "WARNING", 5: "ERROR"}.get(status // 100, "INFO")
        fields = {"trace": self.trace(), **fields, "severity": severity, "httpRequest": request}
        self.add(who, at, "run.googleapis.com/requests", **fields)

    def trace(self) -> str:
        """Return the name of a new trace."""
        return f"projects/{PROJECT}/traces/{self.random.getrandbits(128):032x}"

    def serving(self, service: str, at: int) -> Instance:
        """Return one of the instances that serve at that moment; a start takes 7 seconds."""
        ready = [i for i in INSTANCES if i.service == service and i.begin + 7 * SECOND < at < i.end]
        return self.random.choice(ready)

    def moments(self, count: int) -> Iterator[int]:
        """Draw so many moments of the morning."""
        for _ in range(count):
            yield self.random.randrange(FIRST, LAST)


def python_line(at: int, severity: str, text: str) -> str:
    """Lay a line out as Python's logging does; its level stands in the text only."""
    time = wire_time(at, 3)[:-1].replace("T", " ").replace(".", ",")
    return f"{time} - app - {severity} - {text}"


def start_ups(export: Export) -> None:
    """Add what each instance that starts within the export says; the new revision's fail."""
    for who in (instance for instance in INSTANCES if instance.begin >= FIRST):
        reason = "DEPLOYMENT_ROLLOUT" if who in BROKEN[:2] else "AUTOSCALING"
        start = {"severity": "INFO", "textPayload": f"Starting new instance. Reason: {reason}"}
        export.add(who, who.begin, "run.googleapis.com/varlog/system", **start)
        script = [*NOISE, *READY]
        if who.service == BACKEND:
            script += [*MIGRATIONS, *(FAILURES if who in BROKEN else CHECKS)]
        for milliseconds, severity, text in sorted(script):
            export.line(who, who.begin + milliseconds * 1_000_000, severity, text)


def deployment(export: Export) -> None:
    """Add the audit entries of the backend's replacement: who asked for it, and how it went."""
    who = BROKEN[0]
    revision = who.resource["labels"]["revision_name"]
    common = {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": "run.googleapis.com",
        "resourceName": f"namespaces/{PROJECT}/services/{BACKEND}",
        "response": {"status": {"latestCreatedRevisionName": revision}},
    }
    asked = {
        "methodName": "google.cloud.run.v1.Services.ReplaceService",
        "authenticationInfo": {"principalEmail": f"deployer@{PROJECT}.iam.gserviceaccount.com"},
        "status": {},
    }
    done = {
        "methodName": "/InternalServices.ReplaceInternalService",
        "status": {"message": f"Ready condition status changed to True for Revision {revision}."},
    }
    for time, log, severity, payload in [
        ("00:33:29.604118", "activity", "NOTICE", asked),
        ("00:33:57.250377", "system_event", "INFO", done),
    ]:
        fields = {"severity": severity, "protoPayload": common | payload}
        export.add(who, clock(time), f"cloudaudit.googleapis.com/{log}", **fields)


def traffic(export: Export) -> None:
    """Add requests, health checks and what services say in passing: a quiet morning."""
    for service, count in {FRONTEND: 420, BACKEND: 370, AUTH: 240, ANALYTICS: 160}.items():
        for at in export.moments(count):
            status = export.random.choices([200, 204, 304, 404, 401], [88, 5, 4, 2, 1])[0]
            path = export.random.choice(PATHS[service])
            export.request(export.serving(service, at), at, path, status)
        for minute in range(1, 120, 2):
            at = FIRST + minute * 60 * SECOND + export.random.randrange(SECOND)
            export.request(export.serving(service, at), at, "/health", 200, agent="GoogleHC/1.0")
        for at in export.moments(count // 4):
            who = export.serving(service, at)
            severity, text = export.random.choice(CHATTER[service])
            text = text.format(n=export.random.randrange(12, 2400))
            more = {"error": PLACEHOLDER} if export.random.randrange(3) == 0 else {}
            export.line(who, at, severity, text, more=more)


def pool_runs_dry(export: Export) -> None:
    """Let a report hold the analytics service's connections for twelve minutes; requests fail."""
    first, last = clock("00:57:41.300"), clock("01:10:02.800")
    who = export.serving(ANALYTICS, first)
    export.line(who, first, "INFO", "Report of the quarter begins, asked for by user@example.com")
    at, texts = clock("00:58:11.480"), [*POOL_TEXTS, *[POOL_TEXTS[0], POOL_TEXTS[2]] * 20]
    while at < last:
        who, trace = export.serving(ANALYTICS, at), export.trace()
        export.line(who, at, "ERROR", texts.pop(0), trace=trace)
        export.request(who, at + 2_000_000, "/v1/events", 503, trace=trace, latency="30.004218733s")
        at += export.random.randrange(12, 60) * SECOND
    export.line(who, last, "INFO", "Report of the quarter written in 741 s")


# --- the file -------------------------------------------------------------------------------------


def payload_texts(entry: Entry) -> list[str]:
    """Return the message of the entry's jsonPayload, if it has one."""
    return [entry["jsonPayload"]["message"]] if "jsonPayload" in entry else []


def untidy(entries: list[Entry], rng: random.Random) -> list[Entry]:
    """Disturb the order in parts, and repeat some entries, as exports of several queries do."""
    result = list(entries)
    for begin in range(150, len(result) - 100, 400):
        part = result[begin : begin + 60]
        rng.shuffle(part)
        result[begin : begin + 60] = part
    result[1200:1400] = reversed(result[1200:1400])  # newest first, as the console downloads them
    for entry in rng.sample(entries, 19):
        result.insert(rng.randrange(len(result)), entry)
    missing = next(i for i, entry in enumerate(result) if MISSING in payload_texts(entry))
    poorer = {key: value for key, value in result[missing].items() if key != "jsonPayload"}
    result.insert(missing - 5, poorer)  # the same entry without its payload, and first
    return result


def export_lines() -> list[str]:
    """Return the lines of the export, without line ends."""
    export = Export()
    start_ups(export)
    deployment(export)
    traffic(export)
    pool_runs_dry(export)
    entries = [entry for _, entry in sorted(export.entries, key=lambda item: item[0])]
    return [
        json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
        for entry in untidy(entries, export.random)
    ]


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # the same bytes everywhere
    print("\n".join(export_lines()))
