# Where entries wait until they are kept in the store, and what nobody could keep.

resource "google_pubsub_topic" "entries" {
  #checkov:skip=CKV_GCP_83: encrypted by Google's keys; entries lie here as long as in Cloud Logging itself, and a key of one's own adds an outage (a disabled key stops the sink)
  project = var.project_id
  name    = var.name
  labels  = local.labels
}

resource "google_pubsub_topic" "dead" {
  #checkov:skip=CKV_GCP_83: the same as of the topic above: no key of our own
  project = var.project_id
  name    = "${var.name}-dead"
  labels  = local.labels
}

resource "google_pubsub_subscription" "entries" {
  project                    = var.project_id
  name                       = var.name
  topic                      = google_pubsub_topic.entries.id
  labels                     = local.labels
  ack_deadline_seconds       = var.subscription.ack_deadline
  message_retention_duration = var.subscription.retention

  # Never: by default a subscription that nobody pulls from for 31 days is deleted, with what waits.
  expiration_policy {
    ttl = ""
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead.id
    max_delivery_attempts = var.subscription.attempts
  }

  retry_policy {
    minimum_backoff = "${var.subscription.shortest_pause}s"
    maximum_backoff = "${var.subscription.longest_pause}s"
  }
}

# Without a subscription what goes to the topic would be lost.
resource "google_pubsub_subscription" "dead" {
  project                    = var.project_id
  name                       = "${var.name}-dead"
  topic                      = google_pubsub_topic.dead.id
  labels                     = local.labels
  ack_deadline_seconds       = var.subscription.ack_deadline
  message_retention_duration = var.subscription.dead_letter_retention

  expiration_policy {
    ttl = ""
  }
}

data "google_project" "this" {
  project_id = var.project_id
}

locals {
  # Pub/Sub itself moves dead letters, by this account of the project.
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# It publishes the message to the dead letters' topic …
resource "google_pubsub_topic_iam_member" "dead_letters" {
  project = var.project_id
  topic   = google_pubsub_topic.dead.name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

# … and acknowledges it where it came from. Without either no message ever becomes a dead letter.
resource "google_pubsub_subscription_iam_member" "dead_letters" {
  project      = var.project_id
  subscription = google_pubsub_subscription.entries.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
