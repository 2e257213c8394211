# What one may not say: each mistake is named before anything is planned.

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

run "refused_names" {
  command = plan

  variables {
    project_id     = "My Project"
    region         = "europe-west1-b"
    name           = "x"
    image          = "europe-west1-docker.pkg.dev/my-project/images/fivewhys:latest"
    labels         = { Team = "platform" }
    log_projects   = ["123"]
    replay_buckets = ["gs://bucket"]
    github         = { repository = "https://github.com/example/platform", app_id = "1234", installation_id = "abc", url = "https://example.com" }
  }

  expect_failures = [
    var.project_id, var.region, var.name, var.image, var.labels, var.log_projects, var.replay_buckets, var.github,
  ]
}

run "refused_latest" {
  command = plan

  variables {
    secret_versions = { github_app_key = "latest" }
  }

  expect_failures = [var.secret_versions]
}

run "refused_versions" {
  command = plan

  variables {
    secret_versions   = { github_app_key = "latest", marker_key = "", marker_key_former = "latest" }
    existing_database = { connection_name = "a:b:c", host = "db", database = "1", user = "x", password_secret = "password", password_version = "latest" }
    database          = { version = "POSTGRES_9_6", tier = "huge", disk = 1, backups = 0, log_days = 30, maintenance_day = 0, password_version = 0 }
  }

  expect_failures = [var.secret_versions, var.existing_database, var.database]
}

run "refused_numbers" {
  command = plan

  variables {
    job          = { period = 50, overlap = 0, retries = 100 }
    worker_pool  = { instances = 1.5 }
    resources    = { cpu = "8", memory = "512Mi" }
    subscription = { retention = "1h", ack_deadline = 5, attempts = 3, shortest_pause = 700 }
    alerts       = { channels = ["somebody@example.com"], oldest_message = 1, restarts = 0 }
    new_issues   = -1
    runner       = "service"
  }

  expect_failures = [
    var.job, var.worker_pool, var.resources, var.subscription, var.alerts, var.new_issues, var.runner,
  ]
}

run "refused_texts" {
  command = plan

  variables {
    log_filter     = " "
    log_exclusions = { own-entries = "severity<ERROR", "" = "" }
    log_projects   = ["project-one", "project-two"]
    settings       = { FIVEWHYS_STORE = "x", github_token = "x", store = "sqlite:///x" }
    catalog        = "services: ["
    suppressions   = "a: b: c"
    rules          = { "../x.yml" = "a: 1" }
    runbook_url    = "infra/README.md#alerts"
    network        = { network = "n", subnetwork = "s", egress = "EVERYTHING" }
  }

  expect_failures = [
    var.log_filter, var.log_exclusions, var.gap_filling, var.settings, var.catalog, var.suppressions, var.rules, var.runbook_url, var.network,
  ]
}

run "refused_way_out" {
  command = plan

  variables {
    network = { network = "n", subnetwork = "s", egress = "ALL_TRAFFIC", private_database = false }
  }

  expect_failures = [var.network]
}
