"""Which roles the module grants: each on one resource only, where Google lets it be so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.infra.hcl import blocks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GRANTED: Final[Mapping[str, str]] = {
    "google_cloud_run_v2_job_iam_member.starter": "roles/run.invoker",
    "google_project_iam_member.database": "roles/cloudsql.client",
    "google_project_iam_member.run_logs": "roles/logging.viewer",
    "google_pubsub_subscription_iam_member.dead_letters": "roles/pubsub.subscriber",
    "google_pubsub_subscription_iam_member.run": "roles/pubsub.subscriber",
    "google_pubsub_subscription_iam_member.run_looks": "roles/pubsub.viewer",
    "google_pubsub_topic_iam_member.dead_letters": "roles/pubsub.publisher",
    "google_pubsub_topic_iam_member.run_looks": "roles/pubsub.viewer",
    "google_pubsub_topic_iam_member.sink": "roles/pubsub.publisher",
    "google_secret_manager_secret_iam_member.existing_password": (
        "roles/secretmanager.secretAccessor"
    ),
    "google_secret_manager_secret_iam_member.readers": "roles/secretmanager.secretAccessor",
    "google_storage_bucket_iam_member.config": "roles/storage.objectViewer",
    "google_storage_bucket_iam_member.exports": "roles/storage.objectViewer",
}

ON_PROJECTS: Final = frozenset({"roles/cloudsql.client", "roles/logging.viewer"})
"""Nothing narrower can be granted; the first has a condition."""


def granted(folder: Path) -> dict[str, str]:
    """Return what each resource that grants a role says, by its address."""
    return {
        block.address: block.arguments["role"].strip('"')
        for block in blocks(folder, "resource")
        if "role" in block.arguments
    }
