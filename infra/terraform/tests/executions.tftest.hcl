# Executions as long as they may be.

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

run "long_executions" {
  command = plan

  variables {
    job = { period = 1440, overlap = 10, paused = true }
  }

  assert {
    condition     = google_cloud_scheduler_job.start[0].schedule == "0 0 * * *" && google_cloud_scheduler_job.start[0].paused
    error_message = "Once a day, if at all."
  }

  assert {
    condition     = tonumber(trimsuffix(google_cloud_run_v2_job.all["run"].template[0].template[0].containers[0].args[2], "m")) * 60 + 300 <= tonumber(trimsuffix(google_cloud_run_v2_job.all["run"].template[0].template[0].timeout, "s"))
    error_message = "An execution has to end by itself five minutes before its time-out at least."
  }
}
