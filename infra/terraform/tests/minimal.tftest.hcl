# What comes of the least that one has to say. It is planned, and nothing is made.

mock_provider "google" {
  override_during = plan

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }

  mock_resource "google_logging_project_sink" {
    defaults = { writer_identity = "serviceAccount:writer@gcp-sa-logging.iam.gserviceaccount.com" }
  }

  mock_resource "google_secret_manager_secret_version" {
    defaults = { version = "7" }
  }
}

override_resource {
  target          = google_service_account.all["run"]
  override_during = plan
  values          = { email = "fivewhys@my-project.iam.gserviceaccount.com" }
}

override_resource {
  target          = google_service_account.all["replay"]
  override_during = plan
  values          = { email = "fivewhys-replay@my-project.iam.gserviceaccount.com" }
}

override_resource {
  target          = google_service_account.all["starter"]
  override_during = plan
  values          = { email = "fivewhys-starter@my-project.iam.gserviceaccount.com" }
}

override_resource {
  target          = google_pubsub_topic.entries
  override_during = plan
  values          = { id = "projects/my-project/topics/fivewhys" }
}

override_resource {
  target          = google_pubsub_topic.dead
  override_during = plan
  values          = { id = "projects/my-project/topics/fivewhys-dead" }
}

override_resource {
  target          = google_pubsub_subscription.entries
  override_during = plan
  values          = { id = "projects/my-project/subscriptions/fivewhys" }
}

override_resource {
  target          = google_cloud_run_v2_job.all["run"]
  override_during = plan
  values          = { id = "projects/my-project/locations/europe-west1/jobs/fivewhys" }
}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "europe-west1-docker.pkg.dev/my-project/images/fivewhys@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  github     = { repository = "example/platform", app_id = "1234", installation_id = "5678" }
}

run "plan" {
  command = plan

  # --- sink

  assert {
    condition     = jsonencode(keys(google_logging_project_sink.entries)) == jsonencode(["my-project"])
    error_message = "The logs of the project itself are to be read, and of no other."
  }

  assert {
    condition     = google_logging_project_sink.entries["my-project"].destination == "pubsub.googleapis.com/projects/my-project/topics/fivewhys"
    error_message = "The sink has to deliver to the topic."
  }

  assert {
    condition     = google_logging_project_sink.entries["my-project"].filter == var.log_filter && google_logging_project_sink.entries["my-project"].unique_writer_identity
    error_message = "The sink has to deliver what the filter lets through, with an identity of its own."
  }

  assert {
    condition = length([
      for one in google_logging_project_sink.entries["my-project"].exclusions : one if one.name == "own-entries" && !coalesce(one.disabled, false)
      && strcontains(one.filter, "labels.\"fivewhys.own\":*")
      && strcontains(one.filter, "resource.labels.job_name=(\"fivewhys\" OR \"fivewhys-replay\")")
      && strcontains(one.filter, "resource.labels.worker_pool_name=\"fivewhys\"")
      && strcontains(one.filter, "resource.labels.database_id=\"my-project:fivewhys\"")
    ]) == 1
    error_message = "What fivewhys and its database log must not come back to it."
  }

  assert {
    condition = length([
      for one in google_logging_project_sink.entries["my-project"].exclusions : one if one.name == "own-audit" && !coalesce(one.disabled, false)
      && alltrue([for account in google_service_account.all : strcontains(one.filter, "\"${account.email}\"")])
    ]) == 1
    error_message = "What is logged of the deeds of fivewhys' accounts must not come back to it."
  }

  assert {
    condition = (
      google_pubsub_topic_iam_member.sink["my-project"].role == "roles/pubsub.publisher" &&
      google_pubsub_topic_iam_member.sink["my-project"].topic == "fivewhys" &&
      google_pubsub_topic_iam_member.sink["my-project"].member == google_logging_project_sink.entries["my-project"].writer_identity
    )
    error_message = "The sink's writer has to be let publish to the topic."
  }

  # --- subscription

  assert {
    condition     = google_pubsub_subscription.entries.expiration_policy[0].ttl == "" && google_pubsub_subscription.dead.expiration_policy[0].ttl == ""
    error_message = "Neither subscription may ever expire."
  }

  assert {
    condition     = google_pubsub_subscription.entries.topic == "projects/my-project/topics/fivewhys" && google_pubsub_subscription.dead.topic == "projects/my-project/topics/fivewhys-dead"
    error_message = "Each topic has its subscription."
  }

  assert {
    condition     = google_pubsub_subscription.entries.message_retention_duration == "604800s" && google_pubsub_subscription.dead.message_retention_duration == "2678400s"
    error_message = "Messages wait for a week, dead letters for 31 days."
  }

  assert {
    condition     = google_pubsub_subscription.entries.ack_deadline_seconds == 15 && length(google_pubsub_subscription.entries.push_config) == 0
    error_message = "It is pulled from, and what a killed process had comes again after 15 seconds."
  }

  assert {
    condition     = google_pubsub_subscription.entries.retry_policy[0].minimum_backoff == "10s" && google_pubsub_subscription.entries.retry_policy[0].maximum_backoff == "600s"
    error_message = "What was not acknowledged comes again after 10 seconds at first, 10 minutes at last."
  }

  assert {
    condition     = google_pubsub_subscription.entries.dead_letter_policy[0].dead_letter_topic == "projects/my-project/topics/fivewhys-dead" && google_pubsub_subscription.entries.dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "What 100 deliveries did not bring home goes to the dead letters."
  }

  # --- dead letter rights

  assert {
    condition = (
      google_pubsub_topic_iam_member.dead_letters.role == "roles/pubsub.publisher" &&
      google_pubsub_topic_iam_member.dead_letters.topic == "fivewhys-dead" &&
      google_pubsub_topic_iam_member.dead_letters.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    )
    error_message = "Pub/Sub's own account has to be let publish dead letters."
  }

  assert {
    condition = (
      google_pubsub_subscription_iam_member.dead_letters.role == "roles/pubsub.subscriber" &&
      google_pubsub_subscription_iam_member.dead_letters.subscription == "fivewhys" &&
      google_pubsub_subscription_iam_member.dead_letters.member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    )
    error_message = "Pub/Sub's own account has to be let take dead letters from the subscription."
  }

  # --- job

  assert {
    condition     = google_cloud_run_v2_job.all["run"].template[0].template[0].containers[0].args == tolist(["run", "--max-runtime", "62m"])
    error_message = "An execution has to end by itself, after the next one has begun."
  }

  assert {
    condition     = tonumber(trimsuffix(google_cloud_run_v2_job.all["run"].template[0].template[0].containers[0].args[2], "m")) * 60 + 300 <= tonumber(trimsuffix(google_cloud_run_v2_job.all["run"].template[0].template[0].timeout, "s"))
    error_message = "An execution has to end by itself five minutes before its time-out at least."
  }

  assert {
    condition     = tonumber(trimsuffix(google_cloud_run_v2_job.all["run"].template[0].template[0].containers[0].args[2], "m")) > var.job.period
    error_message = "An execution has to last until the next one has begun."
  }

  assert {
    condition     = google_cloud_run_v2_job.all["run"].template[0].task_count == 1 && google_cloud_run_v2_job.all["run"].template[0].template[0].max_retries == 3
    error_message = "One task, which is started again when it fails."
  }

  assert {
    condition     = google_cloud_run_v2_job.all["run"].template[0].template[0].service_account == "fivewhys@my-project.iam.gserviceaccount.com" && google_cloud_run_v2_job.all["run"].template[0].template[0].containers[0].image == var.image
    error_message = "The job has an account of its own, and the image that was named."
  }

  assert {
    condition     = google_cloud_run_v2_job.all["run"].deletion_protection && google_cloud_run_v2_job.all["replay"].deletion_protection && google_sql_database_instance.store[0].deletion_protection
    error_message = "What is deleted by mistake is missed."
  }

  assert {
    condition     = google_cloud_scheduler_job.start[0].schedule == "0 * * * *" && google_cloud_scheduler_job.start[0].http_target[0].uri == "https://run.googleapis.com/v2/projects/my-project/locations/europe-west1/jobs/fivewhys:run" && google_cloud_scheduler_job.start[0].http_target[0].http_method == "POST"
    error_message = "The next execution is started each hour."
  }

  assert {
    condition     = google_cloud_scheduler_job.start[0].http_target[0].oauth_token[0].service_account_email == "fivewhys-starter@my-project.iam.gserviceaccount.com" && google_cloud_run_v2_job_iam_member.starter[0].role == "roles/run.invoker" && google_cloud_run_v2_job_iam_member.starter[0].member == "serviceAccount:fivewhys-starter@my-project.iam.gserviceaccount.com" && google_cloud_run_v2_job_iam_member.starter[0].name == "fivewhys"
    error_message = "It is started by an account that may do that, and nothing else."
  }

  assert {
    condition     = length(google_cloud_run_v2_worker_pool.run) == 0 && length(google_storage_bucket.config) == 0
    error_message = "There is a job, so no worker pool; nor a bucket without files."
  }

  # --- settings

  assert {
    condition = jsonencode({ for one in google_cloud_run_v2_job.all["run"].template[0].template[0].containers[0].env : one.name => one.value if length(one.value_source) == 0 }) == jsonencode({
      FIVEWHYS_DRY_RUN                = "true"
      FIVEWHYS_GITHUB_APP_ID          = "1234"
      FIVEWHYS_GITHUB_APP_KEY_FILE    = "sm://projects/my-project/secrets/fivewhys-github-app-key/versions/1"
      FIVEWHYS_GITHUB_INSTALLATION_ID = "5678"
      FIVEWHYS_GITHUB_NEW_ISSUES      = "5"
      FIVEWHYS_GITHUB_REPOSITORY      = "example/platform"
      FIVEWHYS_LOGGING_FILTER         = output.log_filter
      FIVEWHYS_LOGGING_PROJECT        = "my-project"
      FIVEWHYS_MARKER_KEY_FILE        = "sm://projects/my-project/secrets/fivewhys-marker-key/versions/1"
      FIVEWHYS_SINKS                  = "github"
      FIVEWHYS_STORE                  = "postgresql://fivewhys@/fivewhys?host=/cloudsql/my-project:europe-west1:fivewhys"
      FIVEWHYS_SUBSCRIPTION           = "projects/my-project/subscriptions/fivewhys"
    })
    error_message = "The settings of the run are others."
  }

  assert {
    condition = jsonencode({ for one in google_cloud_run_v2_job.all["replay"].template[0].template[0].containers[0].env : one.name => one.value if length(one.value_source) == 0 }) == jsonencode({
      FIVEWHYS_DRY_RUN                = "true"
      FIVEWHYS_GITHUB_APP_ID          = "1234"
      FIVEWHYS_GITHUB_APP_KEY_FILE    = "sm://projects/my-project/secrets/fivewhys-github-app-key/versions/1"
      FIVEWHYS_GITHUB_INSTALLATION_ID = "5678"
      FIVEWHYS_GITHUB_NEW_ISSUES      = "5"
      FIVEWHYS_GITHUB_REPOSITORY      = "example/platform"
      FIVEWHYS_MARKER_KEY_FILE        = "sm://projects/my-project/secrets/fivewhys-marker-key/versions/1"
      FIVEWHYS_SINKS                  = "github"
    })
    error_message = "A replay is told what the run is told about GitHub, above all whether anything is written there."
  }

  assert {
    condition = alltrue([
      for containers in [google_cloud_run_v2_job.all["run"].template[0].template[0].containers, google_cloud_run_v2_job.all["replay"].template[0].template[0].containers] :
      jsonencode([for one in containers[0].env : one.value_source[0].secret_key_ref[0] if length(one.value_source) > 0]) == jsonencode([{ secret = "fivewhys-database-password", version = "7" }])
    ])
    error_message = "The database's password is the version that was made, by number."
  }

  assert {
    condition     = google_cloud_run_v2_job.all["run"].template[0].template[0].volumes[0].cloud_sql_instance[0].instances == tolist(["my-project:europe-west1:fivewhys"]) && google_cloud_run_v2_job.all["run"].template[0].template[0].containers[0].volume_mounts[0].mount_path == "/cloudsql"
    error_message = "The database is reached by the connector's socket."
  }

  assert {
    condition     = startswith(output.log_filter, "(\n") && alltrue([for one in google_logging_project_sink.entries["my-project"].exclusions : strcontains(output.log_filter, "NOT (${one.filter})")])
    error_message = "A gap is filled by the sink's filter, without what the sink excludes."
  }

  # --- database

  assert {
    condition     = google_sql_database_instance.store[0].settings[0].backup_configuration[0].enabled && google_sql_database_instance.store[0].settings[0].backup_configuration[0].point_in_time_recovery_enabled && google_sql_database_instance.store[0].settings[0].backup_configuration[0].transaction_log_retention_days == 7 && google_sql_database_instance.store[0].settings[0].deletion_protection_enabled
    error_message = "There are backups, and any moment of a week can be restored."
  }

  assert {
    condition     = google_sql_database_instance.store[0].settings[0].connector_enforcement == "REQUIRED" && google_sql_database_instance.store[0].settings[0].ip_configuration[0].ssl_mode == "TRUSTED_CLIENT_CERTIFICATE_REQUIRED" && google_sql_database_instance.store[0].settings[0].ip_configuration[0].server_ca_mode == "GOOGLE_MANAGED_INTERNAL_CA" && length(google_sql_database_instance.store[0].settings[0].ip_configuration[0].authorized_networks) == 0
    error_message = "Nobody reaches the database but through the connector."
  }

  assert {
    condition     = google_sql_user.store[0].password == null && google_sql_user.store[0].password_wo_version == 1 && google_secret_manager_secret_version.database_password[0].secret_data == null && google_secret_manager_secret_version.database_password[0].secret_data_wo_version == "1"
    error_message = "The password is written, and never kept."
  }

  assert {
    condition     = jsonencode(keys(google_secret_manager_secret.all)) == jsonencode(["database-password", "github-app-key", "marker-key"]) && alltrue([for secret in google_secret_manager_secret.all : secret.deletion_protection])
    error_message = "There are three secrets, protected from being deleted."
  }

  # --- alerts

  assert {
    condition     = jsonencode(keys(google_monitoring_alert_policy.all)) == jsonencode(["dead letters", "no progress", "nothing comes", "oldest message", "outbox age", "restarts"])
    error_message = "There are six alerts."
  }

  assert {
    condition = jsonencode({
      for key, policy in google_monitoring_alert_policy.all : key => sort([
        for one in policy.conditions : regex("^metric.type=\"([^\"]+)\"", one.condition_threshold[0].filter)[0]
      ])
      }) == jsonencode({
      "dead letters"   = ["pubsub.googleapis.com/subscription/num_undelivered_messages"]
      "no progress"    = ["logging.googleapis.com/user/fivewhys/alive", "logging.googleapis.com/user/fivewhys/stalled"]
      "nothing comes"  = ["logging.googleapis.com/exports/error_count", "logging.googleapis.com/user/fivewhys/nothing-comes"]
      "oldest message" = ["pubsub.googleapis.com/subscription/oldest_unacked_message_age"]
      "outbox age"     = ["logging.googleapis.com/user/fivewhys/outbox-late"]
      "restarts"       = ["logging.googleapis.com/user/fivewhys/started"]
    })
    error_message = "An alert watches something else."
  }

  assert {
    condition = jsonencode({
      for key in ["dead letters", "oldest message"] : key => [
        for one in google_monitoring_alert_policy.all[key].conditions : [
          regex("subscription_id=\"([^\"]+)\"$", one.condition_threshold[0].filter)[0], one.condition_threshold[0].comparison, one.condition_threshold[0].threshold_value
        ]
      ]
    }) == jsonencode({ "dead letters" = [["fivewhys-dead", "COMPARISON_GT", 0]], "oldest message" = [["fivewhys", "COMPARISON_GT", var.alerts.oldest_message * 60]] })
    error_message = "The first dead letter is told of, and a message that waits for too long."
  }

  assert {
    condition     = alltrue([for key, policy in google_monitoring_alert_policy.all : policy.enabled && policy.display_name == "fivewhys: ${key}" && endswith(policy.documentation[0].content, "infra/README.md#${replace(key, " ", "-")}")])
    error_message = "Each alert is on, and names its section of the runbook."
  }

  assert {
    condition     = one([for one in google_monitoring_alert_policy.all["restarts"].conditions : one.condition_threshold[0].threshold_value]) == 4
    error_message = "An hour has two starts of the schedule at most; three more are too many."
  }

  assert {
    condition     = [for one in google_monitoring_alert_policy.all["no progress"].conditions : one.condition_threshold[0].evaluation_missing_data if one.condition_threshold[0].comparison == "COMPARISON_LT"] == ["EVALUATION_MISSING_DATA_ACTIVE"]
    error_message = "Where nothing is said any more somebody has to be told."
  }

  assert {
    condition     = google_logging_metric.counted["outbox-late"].filter == "resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"fivewhys\" AND resource.labels.location=\"europe-west1\" AND labels.\"fivewhys.own\":* AND jsonPayload.vitals.outbox_oldest_seconds>7200"
    error_message = "The outbox is late after two hours, as fivewhys' own log tells."
  }

  # --- dashboard

  assert {
    condition = alltrue([
      for metric in [
        "pubsub.googleapis.com/topic/send_message_operation_count",
        "pubsub.googleapis.com/subscription/num_undelivered_messages",
        "pubsub.googleapis.com/subscription/oldest_unacked_message_age",
        "logging.googleapis.com/user/fivewhys/lag",
        "logging.googleapis.com/user/fivewhys/outbox-age",
        "logging.googleapis.com/user/fivewhys/started",
        ] : anytrue([
          for tile in jsondecode(google_monitoring_dashboard.this.dashboard_json).mosaicLayout.tiles :
          strcontains(try(tile.widget.xyChart.dataSets[0].timeSeriesQuery.timeSeriesFilter.filter, ""), "metric.type=\"${metric}\"")
      ])
    ])
    error_message = "What comes, waits, is late and is restarted has a chart each."
  }

  assert {
    condition = length(distinct([
      for tile in jsondecode(google_monitoring_dashboard.this.dashboard_json).mosaicLayout.tiles : "${tile.xPos} ${tile.yPos}" if tile.xPos + tile.width <= 12
    ])) == length(jsondecode(google_monitoring_dashboard.this.dashboard_json).mosaicLayout.tiles)
    error_message = "No chart lies on another, or beside the page."
  }
}
