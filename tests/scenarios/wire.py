"""Log entries in the shapes that Cloud Run gives them, without id and time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from tests.scenarios.truth import SECOND
from tests.scenarios.world import LOCATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.scenarios.truth import Entry
    from tests.scenarios.world import Instance, Revision, Service

AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
    "python-httpx/0.27.2",
)
_PORT: Final = "8080"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its log tells it; `seconds` is its latency, `text` what the platform adds."""

    method: str
    path: str
    status: int
    seconds: float
    trace: str
    text: str = ""
    agent: str = AGENTS[0]
    size: int = 512


@dataclass(frozen=True, slots=True)
class Line:
    """What a structured line says; `more` stands beside the message in its payload."""

    severity: str
    message: str
    trace: str = ""
    more: Mapping[str, object] = field(default_factory=dict)


def wire_time(at: int) -> str:
    """Write nanoseconds UTC as RFC 3339 with microseconds."""
    seconds, rest = divmod(at, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def log_time(at: int) -> str:
    """Write nanoseconds UTC as gunicorn does."""
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d %H:%M:%S} +0000"


def text(
    project: str,
    instance: Instance,
    message: str,
    *,
    severity: str = "",
    stream: str = "stderr",
) -> Entry:
    """Make a line of standard error or output; plain lines have no severity."""
    return {
        **_from(project, instance, stream),
        **({"severity": severity} if severity else {}),
        "textPayload": message,
    }


def structured(project: str, instance: Instance, line: Line) -> Entry:
    """Make a JSON line; Cloud Run lifts its trace and severity out of the payload."""
    payload = {"message": line.message, "logger": instance.service.package, **line.more}
    entry = {
        **_from(project, instance, "stdout"),
        "severity": line.severity,
        "jsonPayload": payload,
    }
    if line.trace:
        entry["trace"] = f"projects/{project}/traces/{line.trace}"
    return entry


def system(project: str, instance: Instance, severity: str, message: str) -> Entry:
    """Make a line of the platform about an instance."""
    return {
        **_from(project, instance, "varlog%2Fsystem"),
        "severity": severity,
        "textPayload": message,
    }


def request(project: str, instance: Instance, told: Request) -> Entry:
    """Make a request's log; its severity follows from the status."""
    severity = "ERROR" if told.status >= 500 else "WARNING" if told.status >= 400 else "INFO"
    return {
        **_from(project, instance, "requests"),
        "severity": severity,
        "trace": f"projects/{project}/traces/{told.trace}",
        "spanId": told.trace[:16],
        "traceSampled": told.trace[0] in "01",
        **({"textPayload": told.text} if told.text else {}),
        "httpRequest": {
            "requestMethod": told.method,
            "requestUrl": f"https://{instance.service.host}{told.path}",
            "requestSize": str(told.size),
            "status": told.status,
            "responseSize": str(told.size * 3),
            "userAgent": told.agent,
            "remoteIp": f"198.51.100.{told.size % 250 + 1}",
            "latency": f"{told.seconds:.9f}s",
            "protocol": "HTTP/1.1",
        },
    }


def replaced(project: str, revision: Revision) -> Entry:
    """Make the audit entry of a deployment that somebody began."""
    name = revision.service.name
    return {
        **_audit(project, revision, "activity"),
        "severity": "NOTICE",
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "run.googleapis.com",
            "methodName": "google.cloud.run.v1.Services.ReplaceService",
            "resourceName": f"namespaces/{project}/services/{name}",
            "authenticationInfo": {"principalEmail": f"deployer@{project}.iam.gserviceaccount.com"},
        },
    }


def not_ready(project: str, revision: Revision, reason: str) -> Entry:
    """Make the audit entry of a revision that never became ready."""
    message = (
        f"Ready condition status changed to False for Revision {revision.name} with message: "
        f"{reason}"
    )
    return {
        **_audit(project, revision, "system_event"),
        "severity": "ERROR",
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": "run.googleapis.com",
            "methodName": "/Services.ReplaceService",
            "resourceName": f"namespaces/{project}/revisions/{revision.name}",
            "status": {"code": 3, "message": message},
        },
    }


def job(project: str, service: Service, execution: str, message: str, severity: str) -> Entry:
    """Make a line of the job that migrates a service's database."""
    name = f"{service.name}-migrate"
    return {
        "logName": f"projects/{project}/logs/run.googleapis.com%2Fstderr",
        "resource": {
            "type": "cloud_run_job",
            "labels": {"job_name": name, "location": LOCATION, "project_id": project},
        },
        "labels": {
            "run.googleapis.com/execution_name": execution,
            "run.googleapis.com/task_index": "0",
            "run.googleapis.com/task_attempt": "0",
        },
        **({"severity": severity} if severity else {}),
        "textPayload": message,
    }


def failed_to_listen() -> str:
    """Return why a revision is not ready whose container did not come up."""
    return (
        "The user-provided container failed to start and listen on the port defined provided by "
        f"the PORT={_PORT} environment variable within the allocated timeout. This can happen when "
        "the container port is misconfigured or if the timeout is too short. The health check "
        "timeout can be extended. Logs for this revision might contain more information."
    )


def _from(project: str, instance: Instance, log: str) -> Entry:
    return {
        "logName": f"projects/{project}/logs/run.googleapis.com%2F{log}",
        "resource": _resource(project, instance.revision),
        "labels": {"instanceId": instance.name, "commit-sha": instance.revision.commit},
    }


def _audit(project: str, revision: Revision, log: str) -> Entry:
    return {
        "logName": f"projects/{project}/logs/cloudaudit.googleapis.com%2F{log}",
        "resource": _resource(project, revision),
    }


def _resource(project: str, revision: Revision) -> Entry:
    return {
        "type": "cloud_run_revision",
        "labels": {
            "configuration_name": revision.service.name,
            "location": LOCATION,
            "project_id": project,
            "revision_name": revision.name,
            "service_name": revision.service.name,
        },
    }
