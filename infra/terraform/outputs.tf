output "next_steps" {
  description = "The commands that come next, in their order."
  value = {
    github_app_key = "gcloud secrets versions add ${google_secret_manager_secret.all["github-app-key"].secret_id} --project=${var.project_id} --data-file=PRIVATE-KEY.pem"
    marker_key     = "openssl rand -hex 32 | gcloud secrets versions add ${google_secret_manager_secret.all["marker-key"].secret_id} --project=${var.project_id} --data-file=-"
    doctor         = "gcloud run jobs execute ${google_cloud_run_v2_job.all["run"].name} --project=${var.project_id} --region=${var.region} --args=doctor --wait"
    start          = "gcloud run jobs execute ${google_cloud_run_v2_job.all["run"].name} --project=${var.project_id} --region=${var.region}"
    log            = "gcloud logging read 'resource.type=\"${local.resource}\" AND labels.\"fivewhys.own\":*' --project=${var.project_id} --freshness=1h --order=asc --format='value(timestamp,severity,jsonPayload.message,textPayload)'"
  }
}

output "replay_command" {
  description = "How an export is replayed; it says what would be done, and writes no issue and no store."
  value       = "gcloud run jobs execute ${google_cloud_run_v2_job.all["replay"].name} --project=${var.project_id} --region=${var.region} --args=replay,gs://BUCKET/PREFIX,--dry-run --wait"
}

output "service_account" {
  description = "The account that fivewhys runs as."
  value       = google_service_account.all["run"].email
}

output "replay_service_account" {
  description = "The account that replays run as: it needs `roles/storage.objectViewer` on buckets with exports."
  value       = google_service_account.all["replay"].email
}

output "subscription" {
  description = "The subscription that is pulled from."
  value       = google_pubsub_subscription.entries.id
}

output "dead_letter_subscription" {
  description = "The subscription in which dead letters wait."
  value       = google_pubsub_subscription.dead.id
}

output "topic" {
  description = "The topic that sinks publish to."
  value       = google_pubsub_topic.entries.id
}

output "sink_writers" {
  description = "The identity of each project's sink, by project."
  value       = { for project, sink in google_logging_project_sink.entries : project => sink.writer_identity }
}

output "log_filter" {
  description = "What is delivered, as one filter: the sink's, without what it excludes."
  value       = local.delivered
}

output "secrets" {
  description = "The ids of the secrets, by what they hold."
  value       = { for key, secret in google_secret_manager_secret.all : key => secret.secret_id }
}

output "store" {
  description = "The address of the store, without its password."
  value       = local.store
}

output "database_connection_name" {
  description = "The Cloud SQL instance, as connectors call it; empty where there is none."
  value       = local.instance
}

output "runner" {
  description = "What runs: `job`, `worker_pool` or `none`, and its name."
  value       = { kind = var.runner, name = var.runner == "worker_pool" ? local.worker_pool : local.job, region = var.region }
}

output "dashboard" {
  description = "Where the dashboard is."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${element(split("/", google_monitoring_dashboard.this.id), length(split("/", google_monitoring_dashboard.this.id)) - 1)}?project=${var.project_id}"
}

output "alert_policies" {
  description = "The names of the alert policies, by what they tell of."
  value       = { for key, policy in google_monitoring_alert_policy.all : key => policy.name }
}
