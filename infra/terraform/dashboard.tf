# One page: what comes, what waits, what is found, what reaches GitHub.

locals {
  pubsub = "resource.type=\"pubsub_subscription\" resource.label.\"subscription_id\""

  charts = [
    { title = "Entries that come, a second", filter = "metric.type=\"pubsub.googleapis.com/topic/send_message_operation_count\" resource.type=\"pubsub_topic\" resource.label.\"topic_id\"=\"${google_pubsub_topic.entries.name}\"", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM" },
    { title = "Messages that wait", filter = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" ${local.pubsub}=\"${google_pubsub_subscription.entries.name}\"", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX" },
    { title = "Age of the oldest message (s)", filter = "metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" ${local.pubsub}=\"${google_pubsub_subscription.entries.name}\"", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX" },
    { title = "Dead letters", filter = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" ${local.pubsub}=\"${google_pubsub_subscription.dead.name}\"", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX" },
    { title = "Age of entries when they are taken (s)", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.measured["lag"].name}\" resource.type=\"${local.resource}\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX" },
    { title = "Age of the oldest batch to be correlated (s)", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.measured["inbox-age"].name}\" resource.type=\"${local.resource}\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX" },
    { title = "Incidents that are not over", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.measured["incidents"].name}\" resource.type=\"${local.resource}\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX" },
    { title = "Requests that wait for GitHub", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.measured["outbox"].name}\" resource.type=\"${local.resource}\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX" },
    { title = "Age of the oldest of them (s)", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.measured["outbox-age"].name}\" resource.type=\"${local.resource}\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX" },
    { title = "Messages in quarantine", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.measured["quarantine"].name}\" resource.type=\"${local.resource}\"", aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX" },
    { title = "Starts", filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.counted["started"].name}\" resource.type=\"${local.resource}\"", aligner = "ALIGN_SUM", reducer = "REDUCE_SUM" },
  ]
}

resource "google_monitoring_dashboard" "this" {
  project = var.project_id

  dashboard_json = jsonencode({
    displayName = var.name
    labels      = { for key, value in local.labels : key => value }
    mosaicLayout = {
      columns = 12
      tiles = concat(
        [for index, chart in local.charts : {
          xPos   = index % 3 * 4
          yPos   = floor(index / 3) * 4
          width  = 4
          height = 4
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType   = "LINE"
                targetAxis = "Y1"
                timeSeriesQuery = {
                  timeSeriesFilter = {
                    filter = chart.filter
                    aggregation = {
                      alignmentPeriod    = "60s"
                      perSeriesAligner   = chart.aligner
                      crossSeriesReducer = chart.reducer
                    }
                  }
                }
              }]
            }
          }
        }],
        [{
          xPos   = 8
          yPos   = 12
          width  = 4
          height = 4
          widget = {
            title = "Warnings and worse of fivewhys"
            logsPanel = {
              filter        = "${local.ours} AND severity>=WARNING"
              resourceNames = ["projects/${var.project_id}"]
            }
          }
        }],
      )
    }
  })
}
