# From each project whose logs are read: its entries, without our own, to the topic.

locals {
  # What fivewhys, its database and its accounts log must never come back to it: each entry that is
  # read would cause others. Its own entries bear a label; what Cloud Run, Cloud SQL and Cloud
  # Scheduler say about it is known by the resource, audit logs by who acted.
  exclusions = merge(var.log_exclusions, {
    own-entries = join(" OR ", [
      "labels.\"fivewhys.own\":*",
      "(resource.type=\"cloud_run_job\" AND resource.labels.project_id=\"${var.project_id}\" AND resource.labels.job_name=(\"${local.job}\" OR \"${local.replay}\"))",
      "(resource.type=\"cloud_run_worker_pool\" AND resource.labels.project_id=\"${var.project_id}\" AND resource.labels.worker_pool_name=\"${local.worker_pool}\")",
      "(resource.type=\"cloudsql_database\" AND resource.labels.database_id=\"${local.database_id}\")",
      "(resource.type=\"cloud_scheduler_job\" AND resource.labels.project_id=\"${var.project_id}\" AND resource.labels.job_id=\"${var.name}\")",
    ])
    own-audit = "protoPayload.authenticationInfo.principalEmail=(${join(" OR ", [for account in google_service_account.all : "\"${account.email}\""])})"
  })

  # The same as one filter: what is read by the Logging API to fill a gap.
  delivered = join("\n", concat(
    ["(", trimspace(var.log_filter), ")"],
    [for name in sort(keys(local.exclusions)) : "NOT (${local.exclusions[name]})"],
  ))
}

resource "google_logging_project_sink" "entries" {
  for_each = local.projects

  project                = each.value
  name                   = var.name
  description            = "Entries that fivewhys reads"
  destination            = "pubsub.googleapis.com/${google_pubsub_topic.entries.id}"
  filter                 = var.log_filter
  unique_writer_identity = true

  dynamic "exclusions" {
    for_each = local.exclusions

    content {
      name   = exclusions.key
      filter = exclusions.value
    }
  }
}

# Publishing to this topic is all that a sink's writer does.
resource "google_pubsub_topic_iam_member" "sink" {
  for_each = google_logging_project_sink.entries

  project = var.project_id
  topic   = google_pubsub_topic.entries.name
  role    = "roles/pubsub.publisher"
  member  = each.value.writer_identity
}
