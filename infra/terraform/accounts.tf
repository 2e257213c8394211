# Who acts, and what each may do. No role is given on the project where one on a resource will do.

resource "google_service_account" "all" {
  for_each = {
    run     = { id = var.name, text = "Runs fivewhys" }
    replay  = { id = "${var.name}-replay", text = "Replays exports with fivewhys" }
    starter = { id = "${var.name}-starter", text = "Starts executions of the job ${local.job}" }
  }

  project      = var.project_id
  account_id   = each.value.id
  display_name = each.value.text
}

locals {
  run     = "serviceAccount:${google_service_account.all["run"].email}"
  replays = "serviceAccount:${google_service_account.all["replay"].email}"
  starter = "serviceAccount:${google_service_account.all["starter"].email}"
}

# It pulls, acknowledges and extends deadlines, from this subscription only.
resource "google_pubsub_subscription_iam_member" "run" {
  project      = var.project_id
  subscription = google_pubsub_subscription.entries.name
  role         = "roles/pubsub.subscriber"
  member       = local.run
}

# `fivewhys doctor` looks how the subscription is set up: expiration, deadline, dead letters.
resource "google_pubsub_subscription_iam_member" "run_looks" {
  project      = var.project_id
  subscription = google_pubsub_subscription.entries.name
  role         = "roles/pubsub.viewer"
  member       = local.run
}

# `fivewhys doctor` looks whether anybody listens for dead letters.
resource "google_pubsub_topic_iam_member" "run_looks" {
  project = var.project_id
  topic   = google_pubsub_topic.dead.name
  role    = "roles/pubsub.viewer"
  member  = local.run
}

# It reads what was logged while nobody received. No narrower role lets `entries.list` read the logs
# of a project by the project's name; data-access audit logs stay closed to it.
resource "google_project_iam_member" "run_logs" {
  for_each = var.gap_filling ? local.projects : toset([])

  project = each.value
  role    = "roles/logging.viewer"
  member  = local.run
}

# Connecting to a Cloud SQL instance can be granted on the project only; the condition narrows it to
# this one.
resource "google_project_iam_member" "database" {
  for_each = local.instance == "" ? {} : { run = local.run, replay = local.replays }

  project = split(":", local.instance)[0]
  role    = "roles/cloudsql.client"
  member  = each.value

  condition {
    title       = "${var.name}-database-only"
    description = "Only the instance ${local.instance}"
    expression  = "resource.name == \"projects/${split(":", local.instance)[0]}/instances/${split(":", local.instance)[2]}\" && resource.type == \"sqladmin.googleapis.com/Instance\""
  }
}

# Each secret is read by those who need it, and by nobody else of ours.
resource "google_secret_manager_secret_iam_member" "readers" {
  for_each = {
    for pair in setproduct(keys(google_secret_manager_secret.all), ["run", "replay"]) : join("-", pair) => {
      secret = google_secret_manager_secret.all[pair[0]].id
      member = pair[1] == "run" ? local.run : local.replays
    }
  }

  project   = var.project_id
  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value.member
}

# The same for the password of a database that there was before.
resource "google_secret_manager_secret_iam_member" "existing_password" {
  for_each = var.existing_database == null ? {} : { run = local.run, replay = local.replays }

  secret_id = var.existing_database.password_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value
}

# Catalog, suppressions and rules are read from the bucket that is mounted.
resource "google_storage_bucket_iam_member" "config" {
  for_each = length(local.files) > 0 ? { run = local.run, replay = local.replays } : {}

  bucket = google_storage_bucket.config[0].name
  role   = "roles/storage.objectViewer"
  member = each.value
}

# A replay lists and reads the exports in the buckets that are named, and writes nothing there.
resource "google_storage_bucket_iam_member" "exports" {
  for_each = var.replay_buckets

  bucket = each.value
  role   = "roles/storage.objectViewer"
  member = local.replays
}

# Cloud Scheduler starts this job as it is; it may not change its arguments (run.jobs.runWithOverrides).
resource "google_cloud_run_v2_job_iam_member" "starter" {
  count = var.runner == "job" ? 1 : 0

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_job.all["run"].name
  role     = "roles/run.invoker"
  member   = local.starter
}
