# What else one may say.

mock_provider "google" {
  override_during = plan

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project_id = "my-project"
  region     = "europe-west1"
  image      = "europe-west1-docker.pkg.dev/my-project/images/fivewhys@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  github     = { repository = "example/platform", app_id = "1234", installation_id = "5678" }
}

run "minimal" {
  command = plan

  module {
    source = "./examples/minimal"
  }

  assert {
    condition     = jsonencode(keys(output.next_steps)) == jsonencode(["doctor", "github_app_key", "log", "marker_key", "start"])
    error_message = "It tells what comes next."
  }
}

run "complete" {
  command = plan

  module {
    source = "./examples/complete"
  }

  variables {
    channels       = ["projects/my-project/notificationChannels/1"]
    replay_buckets = ["my-exports"]
  }
}

run "several_projects" {
  command = plan

  module {
    source = "./examples/several-projects"
  }

  variables {
    log_projects    = ["project-one", "project-two"]
    connection_name = "my-project:europe-west1:shared"
    password_secret = "projects/my-project/secrets/shared-password"
  }

  assert {
    condition     = jsonencode(keys(output.fivewhys.sink_writers)) == jsonencode(["project-one", "project-two"])
    error_message = "Each project has a sink."
  }

  assert {
    condition     = output.fivewhys.store == "postgresql://fivewhys@/fivewhys?host=/cloudsql/my-project:europe-west1:shared"
    error_message = "The database is the one that there is."
  }

  assert {
    condition     = jsonencode(keys(output.fivewhys.secrets)) == jsonencode(["github-app-key", "marker-key"])
    error_message = "The password has its secret already."
  }
}

run "worker_pool" {
  command = plan

  variables {
    runner              = "worker_pool"
    dry_run             = false
    new_issues          = 0
    gap_filling         = false
    deletion_protection = false
    secret_versions     = { marker_key = "3", marker_key_former = "2" }
    catalog             = "services: {}"
    rules               = { "a/one.yml" = "title: one" }
    settings            = { min_priority = "P2" }
    network             = { network = "projects/my-project/global/networks/n", subnetwork = "projects/my-project/regions/europe-west1/subnetworks/s" }
  }

  assert {
    condition     = length(google_cloud_scheduler_job.start) == 0 && length(google_cloud_run_v2_job_iam_member.starter) == 0 && google_cloud_run_v2_worker_pool.run[0].scaling[0].manual_instance_count == 1
    error_message = "One instance runs, and nobody starts others."
  }

  assert {
    condition     = jsonencode(google_cloud_run_v2_worker_pool.run[0].template[0].containers[0].args) == jsonencode(["run"])
    error_message = "A worker pool goes on for ever."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.run[0].template[0].containers[0].liveness_probe[0].http_get[0].path == "/livez" && google_cloud_run_v2_worker_pool.run[0].template[0].containers[0].liveness_probe[0].http_get[0].port == 8080
    error_message = "It is asked whether it goes on."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.run[0].template[0].containers[0].startup_probe[0].failure_threshold * google_cloud_run_v2_worker_pool.run[0].template[0].containers[0].startup_probe[0].period_seconds <= 240
    error_message = "Cloud Run waits for four minutes at most."
  }

  assert {
    condition = jsonencode({
      for one in google_cloud_run_v2_worker_pool.run[0].template[0].containers[0].env : one.name => one.value
      if contains(["FIVEWHYS_DRY_RUN", "FIVEWHYS_GITHUB_NEW_ISSUES", "FIVEWHYS_HTTP_PORT", "FIVEWHYS_LOGGING_FILTER", "FIVEWHYS_MARKER_KEY_FILE", "FIVEWHYS_MARKER_KEY_FORMER_FILE", "FIVEWHYS_CATALOG", "FIVEWHYS_RULES", "FIVEWHYS_SUPPRESSIONS", "FIVEWHYS_MIN_PRIORITY"], one.name)
      }) == jsonencode({
      FIVEWHYS_CATALOG                = "/config/catalog.yml"
      FIVEWHYS_DRY_RUN                = "false"
      FIVEWHYS_HTTP_PORT              = "8080"
      FIVEWHYS_MARKER_KEY_FILE        = "sm://projects/my-project/secrets/fivewhys-marker-key/versions/3"
      FIVEWHYS_MARKER_KEY_FORMER_FILE = "sm://projects/my-project/secrets/fivewhys-marker-key-former/versions/2"
      FIVEWHYS_MIN_PRIORITY           = "P2"
      FIVEWHYS_RULES                  = "/config/rules"
    })
    error_message = "The settings of the worker pool are others."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.run[0].template[0].vpc_access[0].egress == "PRIVATE_RANGES_ONLY" && google_cloud_run_v2_worker_pool.run[0].template[0].vpc_access[0].network_interfaces[0].network == "projects/my-project/global/networks/n"
    error_message = "It goes out through the network."
  }

  assert {
    condition     = !google_sql_database_instance.store[0].settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.store[0].settings[0].ip_configuration[0].private_network == "projects/my-project/global/networks/n"
    error_message = "The database has no address outside."
  }

  assert {
    condition     = length(google_project_iam_member.run_logs) == 0
    error_message = "Who fills no gaps reads no logs."
  }

  assert {
    condition     = jsonencode(sort([for one in google_storage_bucket_object.config : one.name])) == jsonencode(["catalog.yml", "rules/a/one.yml"]) && jsonencode(sort([for one in google_cloud_run_v2_worker_pool.run[0].template[0].volumes : one.name])) == jsonencode(["cloudsql", "config"])
    error_message = "The files lie in the bucket that is mounted."
  }

  assert {
    condition     = !google_cloud_run_v2_worker_pool.run[0].deletion_protection && !google_sql_database_instance.store[0].deletion_protection && !google_sql_database_instance.store[0].settings[0].deletion_protection_enabled && alltrue([for one in google_secret_manager_secret.all : !one.deletion_protection]) && google_sql_database.store[0].deletion_policy == "DELETE"
    error_message = "All of it can be destroyed once that is said."
  }

  assert {
    condition     = strcontains(google_logging_metric.counted["started"].filter, "resource.type=\"cloud_run_worker_pool\" AND resource.labels.worker_pool_name=\"fivewhys\"") && one([for one in google_monitoring_alert_policy.all["restarts"].conditions : one.condition_threshold[0].threshold_value]) == 2
    error_message = "What is counted is the worker pool's, of which three starts an hour are too many."
  }
}

run "none" {
  command = plan

  variables {
    runner = "none"
  }

  assert {
    condition     = length(google_cloud_scheduler_job.start) == 0 && length(google_cloud_run_v2_worker_pool.run) == 0 && alltrue([for policy in google_monitoring_alert_policy.all : !policy.enabled])
    error_message = "Nothing runs, and nobody is told of it."
  }
}
