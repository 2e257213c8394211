# When people are told. Jobs and worker pools are not scraped: what Pub/Sub does not know itself is
# told by fivewhys' log, which has a line `vitals` with numbers each minute.

locals {
  resource = var.runner == "worker_pool" ? "cloud_run_worker_pool" : "cloud_run_job"

  # Our own entries.
  ours = join(" AND ", [
    "resource.type=\"${local.resource}\"",
    "resource.labels.${var.runner == "worker_pool" ? "worker_pool_name" : "job_name"}=\"${var.runner == "worker_pool" ? local.worker_pool : local.job}\"",
    "resource.labels.location=\"${var.region}\"",
    "labels.\"fivewhys.own\":*",
  ])

  # Entries that are counted: `started` is said once by each process.
  counted = {
    alive         = "jsonPayload.vitals.stalled>=0"
    stalled       = "jsonPayload.vitals.stalled>0"
    outbox-late   = "jsonPayload.vitals.outbox_oldest_seconds>${var.alerts.outbox_age * 60}"
    nothing-comes = "jsonPayload.vitals.nothing_comes=1"
    started       = "(jsonPayload.message=\"started\" OR textPayload=\"started\")"
  }

  # Numbers that the dashboard draws.
  measured = {
    lag        = { field = "lag_seconds", unit = "s" }
    outbox-age = { field = "outbox_oldest_seconds", unit = "s" }
    inbox-age  = { field = "inbox_oldest_seconds", unit = "s" }
    outbox     = { field = "outbox_waiting", unit = "1" }
    incidents  = { field = "incidents_open", unit = "1" }
    quarantine = { field = "quarantine_messages", unit = "1" }
  }

  # Starts that the schedule makes within an hour, and one more at its edge.
  scheduled = var.runner == "job" ? ceil(60 / var.job.period) + 1 : 0

  alerts = {
    "oldest message" = {
      severity = "ERROR"
      text     = "Entries wait for more than ${var.alerts.oldest_message} minutes to be taken from the subscription ${google_pubsub_subscription.entries.name}."
      conditions = {
        "the oldest unacknowledged message" = {
          filter  = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${google_pubsub_subscription.entries.name}\""
          aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", period = 60, duration = 300
          over    = var.alerts.oldest_message * 60, missing = false
        }
      }
    }
    "dead letters" = {
      severity = "WARNING"
      text     = "Messages could not be kept in ${var.subscription.attempts} deliveries, and wait in the subscription ${google_pubsub_subscription.dead.name}."
      conditions = {
        "messages in ${google_pubsub_subscription.dead.name}" = {
          filter  = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${google_pubsub_subscription.dead.name}\""
          aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", period = 60, duration = 0
          over    = 0, missing = false
        }
      }
    }
    "no progress" = {
      severity = "CRITICAL"
      text     = "Nothing runs, or a thread that pulls or correlates has succeeded in nothing for long."
      conditions = {
        "no sign of life for ${var.alerts.no_progress} minutes" = {
          filter  = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["alive"].name}\" AND resource.type=\"${local.resource}\""
          aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", period = 60, duration = var.alerts.no_progress * 60
          over    = 1, missing = true
        }
        "a thread that stands still" = {
          filter  = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["stalled"].name}\" AND resource.type=\"${local.resource}\""
          aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", period = 300, duration = 0
          over    = 0, missing = false
        }
      }
    }
    "outbox age" = {
      severity = "ERROR"
      text     = "Something waits for more than ${var.alerts.outbox_age} minutes to reach GitHub."
      conditions = {
        "the oldest request that waits" = {
          filter  = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["outbox-late"].name}\" AND resource.type=\"${local.resource}\""
          aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", period = 300, duration = 0
          over    = 0, missing = false
        }
      }
    }
    "restarts" = {
      severity = "ERROR"
      text     = "It was started ${local.scheduled + var.alerts.restarts} times or more within an hour: it ends again and again."
      conditions = {
        "starts within an hour" = {
          filter  = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["started"].name}\" AND resource.type=\"${local.resource}\""
          aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", period = 3600, duration = 0
          over    = local.scheduled + var.alerts.restarts - 1, missing = false
        }
      }
    }
    "nothing comes" = {
      severity = "WARNING"
      text     = "The subscription can be pulled from, and nothing came of any service for long; or the sink could not deliver."
      conditions = {
        "entries of no service" = {
          filter  = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["nothing-comes"].name}\" AND resource.type=\"${local.resource}\""
          aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", period = 300, duration = 0
          over    = 0, missing = false
        }
        # Of other projects' sinks it is known only where these belong to the metrics scope.
        "entries that the sink could not deliver" = {
          filter  = "metric.type=\"logging.googleapis.com/exports/error_count\" AND resource.type=\"logging_sink\" AND resource.labels.name=\"${var.name}\""
          aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", period = 300, duration = 0
          over    = 0, missing = false
        }
      }
    }
  }
}

resource "google_logging_metric" "counted" {
  for_each = local.counted

  project     = var.project_id
  name        = "${var.name}/${each.key}"
  description = "Entries of fivewhys: ${each.value}"
  filter      = "${local.ours} AND ${each.value}"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

resource "google_logging_metric" "measured" {
  for_each = local.measured

  project         = var.project_id
  name            = "${var.name}/${each.key}"
  description     = "fivewhys' vital ${each.value.field}"
  filter          = "${local.ours} AND jsonPayload.vitals.${each.value.field}>=0"
  value_extractor = "EXTRACT(jsonPayload.vitals.${each.value.field})"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit
  }

  # 1, 1.5, 2.25 … up to 11 million: a percentile is told within half of itself.
  bucket_options {
    exponential_buckets {
      num_finite_buckets = 40
      growth_factor      = 1.5
      scale              = 1
    }
  }
}

resource "google_monitoring_alert_policy" "all" {
  for_each = local.alerts

  project               = var.project_id
  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  enabled               = var.runner != "none"
  notification_channels = var.alerts.channels
  user_labels           = local.labels

  documentation {
    mime_type = "text/markdown"
    content   = "${each.value.text}\n\nWhat to do: ${var.runbook_url}#${replace(each.key, " ", "-")}"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  dynamic "conditions" {
    for_each = each.value.conditions

    content {
      display_name = conditions.key

      condition_threshold {
        filter                  = conditions.value.filter
        comparison              = conditions.value.missing ? "COMPARISON_LT" : "COMPARISON_GT"
        threshold_value         = conditions.value.over
        duration                = "${conditions.value.duration}s"
        evaluation_missing_data = conditions.value.missing ? "EVALUATION_MISSING_DATA_ACTIVE" : null

        aggregations {
          alignment_period     = "${conditions.value.period}s"
          per_series_aligner   = conditions.value.aligner
          cross_series_reducer = conditions.value.reducer
        }

        trigger {
          count = 1
        }
      }
    }
  }
}
