"""Where an entry comes from: service, revision, instance, project; tables of labels, in order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.entry.decoding import clean_text

if TYPE_CHECKING:
    from collections.abc import Mapping

# Labels of monitored resources; one resource has at most one of them.
SERVICE = (
    "service_name",  # cloud_run_revision, also of second-generation functions
    "worker_pool_name",  # cloud_run_worker_pool
    "job_name",  # cloud_run_job
    "function_name",  # cloud_function
    "module_id",  # gae_app
    "container_name",  # k8s_container
)
REVISION = ("revision_name", "version_id")
COMMIT = "commit-sha"
"""The label that Cloud Build's triggers give to what they deploy."""

_INSTANCE = ("instance_id", "pod_name")
_INSTANCE_LABELS = (
    "instanceId",
    "appengine.googleapis.com/instance_name",
    "appengine.googleapis.com/clone_id",
)
# Where a logger names its service, for entries that lost their resource on the way.
_CONTEXTS = ("serviceContext", "context")

# Events of Kubernetes: what they are about stands in the payload (k8s.io/api, core/v1 and events).
_CONTAINER = re.compile(r"spec\.(?:containers|initContainers|ephemeralContainers)\{([^{}]+)\}")
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")
# A pod is called after its workload; then what makes it one of its own, in the letters of
# k8s.io/apimachinery/pkg/util/rand: deployment-hash-xxxxx, cronjob-minutes-xxxxx, daemonset-xxxxx,
# statefulset-0.
_LETTERS = "[bcdfghjklmnpqrstvwxz2456789]"
_POD = re.compile(
    rf"(.{{1,253}}?)-(?:(?:(?:{_LETTERS}{{6,10}}|\d{{8,10}})-)?{_LETTERS}{{5}}|\d{{1,4}})"
)


def service_of(document: Mapping[str, Any]) -> str:
    """Return the name of the service, job, function, container or workload; "" if unknown."""
    return _first(_resource_labels(document), SERVICE) or _service_of_payload(document)


def revision_of(document: Mapping[str, Any]) -> str:
    """Return the revision or version; "" if unknown."""
    return _first(_resource_labels(document), REVISION)


def running_of(document: Mapping[str, Any]) -> tuple[str, str]:
    """Return service and revision as the monitored resource alone tells them; "" if it does not."""
    return _first(_resource_labels(document), SERVICE), revision_of(document)


def commit_of(document: Mapping[str, Any]) -> str:
    """Return the commit that what logged was built from; "" if unknown."""
    return _first(_mapping(document.get("labels")), (COMMIT,))


def instance_of(document: Mapping[str, Any]) -> str:
    """Return the instance, virtual machine or pod; "" if unknown."""
    own = _first(_mapping(document.get("labels")), _INSTANCE_LABELS)
    return own or _first(_resource_labels(document), _INSTANCE)


def project_of(document: Mapping[str, Any]) -> str:
    """Return the project id: the resource's, else the one in the log name or the trace."""
    named = _first(_resource_labels(document), ("project_id",))
    names = (document.get("logName"), document.get("trace"))
    return named or next((found for found in map(_project_in, names) if found), "")


def is_standard_error(document: Mapping[str, Any]) -> bool:
    """Return whether it is what a container in Kubernetes Engine wrote to standard error."""
    kind, log = _mapping(document.get("resource")).get("type"), document.get("logName")
    return kind == "k8s_container" and isinstance(log, str) and log.endswith("/logs/stderr")


def _service_of_payload(document: Mapping[str, Any]) -> str:
    payload = _mapping(document.get("jsonPayload"))
    contexts = (_mapping(payload.get(name)) for name in _CONTEXTS)
    found = (_first(context, ("service",)) for context in contexts)
    told = next((service for service in found if service), "")
    return told or _service_of_event(_mapping(payload.get("involvedObject")))


def _service_of_event(about: Mapping[str, Any]) -> str:
    """Return the container that an event of Kubernetes is about, else the workload."""
    kind, name = _first(about, ("kind",)), _first(about, ("name",))
    if kind in _WORKLOADS:
        return name
    if kind != "Pod":
        return ""
    container = _CONTAINER.fullmatch(_first(about, ("fieldPath",)))
    pod = _POD.fullmatch(name[:253])
    return container[1] if container else pod[1] if pod else name


def _project_in(name: Any) -> str:
    parts = name.split("/") if isinstance(name, str) else []
    return clean_text(parts[1]) if len(parts) > 1 and parts[0] == "projects" else ""


def _resource_labels(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(document.get("resource")).get("labels"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = values.get(name)
        if isinstance(value, str) and value:
            return clean_text(value)
    return ""
