"""The checks of the module find what is broken: each of these is broken once, and seen."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.infra.roles import GRANTED, granted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.infra.terraform import Terraform

EXECUTIONS, MINIMAL, REFUSED = "executions", "minimal", "refused"


@dataclass(frozen=True, slots=True)
class Mutation:
    """What is broken: a text of a file, the first time it stands there, and what says so.

    `seen` is in what `terraform validate` says, or the test file that is named in `by`.
    """

    name: str
    file: str
    old: str
    new: str
    seen: str
    by: str = ""


FEEDBACK = "must not come back"
FIVE_MINUTES = "before its time-out"

PLANNED = (
    # the sink's exclusion
    Mutation(
        "exclusions are left out",
        "sink.tf",
        "for_each = local.exclusions",
        "for_each = var.log_exclusions",
        FEEDBACK,
        MINIMAL,
    ),
    Mutation("own label", "sink.tf", '"labels.\\"fivewhys.own\\":*",', "", FEEDBACK, MINIMAL),
    Mutation("own database", "sink.tf", "database_id=", "database=", FEEDBACK, MINIMAL),
    Mutation("own deeds", "sink.tf", "own-audit = ", "their-audit = ", FEEDBACK, MINIMAL),
    Mutation(
        "gaps bring it back",
        "sink.tf",
        '[for name in sort(keys(local.exclusions)) : "NOT (${local.exclusions[name]})"]',
        "[]",
        "what the sink excludes",
        MINIMAL,
    ),
    # the dead letters' rights
    Mutation(
        "dead letters: topic",
        "pubsub.tf",
        "topic   = google_pubsub_topic.dead.name",
        "topic   = google_pubsub_topic.entries.name",
        "let publish dead letters",
        MINIMAL,
    ),
    Mutation(
        "dead letters: role",
        "pubsub.tf",
        "roles/pubsub.subscriber",
        "roles/pubsub.viewer",
        "let take dead letters",
        MINIMAL,
    ),
    Mutation(
        "dead letters: account",
        "pubsub.tf",
        "@gcp-sa-pubsub.",
        "@gcp-sa-logging.",
        "let publish dead letters",
        MINIMAL,
    ),
    # the subscription's expiry
    Mutation("expiry", "pubsub.tf", 'ttl = ""', 'ttl = "2678400s"', "ever expire", MINIMAL),
    # a required secret's version
    Mutation(
        "latest key",
        "main.tf",
        "/versions/${var.secret_versions.github_app_key}",
        "/versions/latest",
        "The settings of the run are others",
        MINIMAL,
    ),
    Mutation(
        "latest password",
        "runner.tf",
        "version = local.password.version",
        'version = "latest"',
        "by number",
        MINIMAL,
    ),
    Mutation(
        "latest is let through",
        "variables.tf",
        'can(regex("^[1-9][0-9]*$", version))',
        "true",
        "var.secret_versions",
        REFUSED,
    ),
    Mutation(
        "no version at all",
        "variables.tf",
        'marker_key        = optional(string, "1")',
        'marker_key        = optional(string, "")',
        "each need the number of a version",
        MINIMAL,
    ),
    Mutation(
        "a password that is kept",
        "database.tf",
        "password_wo_version = var.database.password_version",
        'password_wo_version = var.database.password_version\n  password = "secret"',
        "never kept",
        MINIMAL,
    ),
    # the job's time-out against --max-runtime
    Mutation(
        "time-out too early",
        "main.tf",
        "local.runtime_minutes + 8",
        "local.runtime_minutes + 1",
        FIVE_MINUTES,
        MINIMAL,
    ),
    Mutation(
        "time-out of long executions",
        "main.tf",
        "local.runtime_minutes + 8",
        "min(local.runtime_minutes + 8, 1440)",
        FIVE_MINUTES,
        EXECUTIONS,
    ),
    Mutation("no end", "runner.tf", '"--max-runtime", ', "", "end by itself", MINIMAL),
    Mutation(
        "a gap between executions",
        "main.tf",
        "var.job.period + var.job.overlap",
        "var.job.period - var.job.overlap",
        "until the next one has begun",
        MINIMAL,
    ),
    # what else is missed when it is gone
    Mutation(
        "a replay that does not know whether it may write",
        "runner.tf",
        "environment = local.common",
        'environment = { for k, v in local.common : k => v if k != "FIVEWHYS_DRY_RUN" }',
        "A replay is told what the run is told about GitHub",
        MINIMAL,
    ),
    Mutation(
        "an open database",
        "database.tf",
        'connector_enforcement = "REQUIRED"',
        'connector_enforcement = "NOT_REQUIRED"',
        "through the connector",
        MINIMAL,
    ),
    Mutation(
        "another age",
        "alerts.tf",
        "subscription/oldest_unacked_message_age",
        "subscription/oldest_retained_acked_message_age",
        "watches something else",
        MINIMAL,
    ),
    Mutation(
        "dead letters of nobody",
        "alerts.tf",
        'subscription_id=\\"${google_pubsub_subscription.dead.name}',
        'subscription_id=\\"${google_pubsub_subscription.entries.name}',
        "The first dead letter is told of",
        MINIMAL,
    ),
    Mutation("a chart on another", "dashboard.tf", "yPos   = 12", "yPos   = 8", "lies on", MINIMAL),
    Mutation(
        "silence is well",
        "alerts.tf",
        'conditions.value.missing ? "EVALUATION_MISSING_DATA_ACTIVE" : null',
        "null",
        "somebody has to be told",
        MINIMAL,
    ),
)

WRITTEN = (
    Mutation(
        "an argument's name",
        "pubsub.tf",
        "message_retention_duration",
        "message_retention_period",
        'An argument named "message_retention_period" is not expected here',
    ),
    Mutation("a block's name", "pubsub.tf", "retry_policy {", "retry {", "Blocks of type"),
    Mutation(
        "a needed argument",
        "runner.tf",
        "  location            = var.region\n",
        "",
        'The argument "location" is required',
    ),
    Mutation(
        "a type",
        "pubsub.tf",
        "= var.subscription.ack_deadline",
        "= [var.subscription.ack_deadline]",
        "number required",
    ),
    Mutation(
        "a value",
        "runner.tf",
        "EXECUTION_ENVIRONMENT_GEN2",
        "EXECUTION_ENVIRONMENT_GEN9",
        "'EXECUTION_ENVIRONMENT_GEN9' is none of",
    ),
    Mutation(
        "an output of a resource",
        "accounts.tf",
        'all["run"].email',
        'all["run"].mail',
        "has no argument, nested block, or exported attribute",
    ),
    Mutation(
        "a block too many",
        "pubsub.tf",
        "  retry_policy {",
        '  expiration_policy {\n    ttl = ""\n  }\n\n  retry_policy {',
        'No more than 1 "expiration_policy" blocks are allowed',
    ),
    Mutation(
        "a password in the state",
        "database.tf",
        "password_wo         = ephemeral",
        "password            = ephemeral",
        "Ephemeral values are not valid",
    ),
)

WIDER = (
    ("accounts.tf", "roles/pubsub.subscriber", "roles/pubsub.editor"),
    ("accounts.tf", "roles/logging.viewer", "roles/logging.admin"),
    ("accounts.tf", "roles/secretmanager.secretAccessor", "roles/secretmanager.admin"),
    ("accounts.tf", "roles/run.invoker", "roles/run.developer"),
    ("sink.tf", "roles/pubsub.publisher", "roles/editor"),
    ("accounts.tf", 'resource "google_storage_bucket_iam_member" "exports"', "resource_"),
)


@pytest.fixture
def mutated(module: Path, tmp_path: Path) -> Callable[[Mutation], Path]:
    """Lend what breaks a copy of the module."""

    def make(mutation: Mutation) -> Path:
        copied = tmp_path / "terraform"
        shutil.copytree(module, copied, symlinks=True)
        path = copied / mutation.file
        text = path.read_text(encoding="utf-8")
        assert mutation.old in text, f"{mutation.file} has changed"
        path.write_text(text.replace(mutation.old, mutation.new, 1), encoding="utf-8")
        return copied

    return make


@pytest.mark.parametrize("mutation", PLANNED, ids=lambda one: one.name)
def test_another_plan_is_found(
    tf: Terraform, mutated: Callable[[Mutation], Path], mutation: Mutation
) -> None:
    """A run of `terraform test` fails, for the reason that is meant."""
    outcome = tf(mutated(mutation), "test", f"-filter=tests/{mutation.by}.tftest.hcl")
    assert outcome.status == 1
    assert mutation.seen in " ".join(outcome.text.split())


@pytest.mark.parametrize("mutation", WRITTEN, ids=lambda one: one.name)
def test_what_no_provider_knows_is_found(
    tf: Terraform, mutated: Callable[[Mutation], Path], mutation: Mutation
) -> None:
    """`terraform validate` names it."""
    outcome = tf(mutated(mutation), "validate")
    assert outcome.status == 1
    assert mutation.seen in " ".join(outcome.text.split())


@pytest.mark.parametrize(("file", "old", "new"), WIDER)
def test_a_wider_role_is_found(
    mutated: Callable[[Mutation], Path], file: str, old: str, new: str
) -> None:
    """What is granted is not what it should be."""
    assert granted(mutated(Mutation("role", file, old, new, ""))) != GRANTED
