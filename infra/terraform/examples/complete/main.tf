# All that there is: a worker pool in a network of its own, a database without an address outside,
# one address that GitHub sees, a catalog, rules and suppressions of one's own, and people to tell.
# The network takes two APIs more: compute.googleapis.com and servicenetworking.googleapis.com.

terraform {
  required_version = "~> 1.11"

  backend "gcs" {
    prefix = "fivewhys"
  }

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.0"
    }
  }
}

provider "google" {
  project = var.project_id
  region  = var.region
}

module "fivewhys" {
  source = "../.."

  project_id = var.project_id
  region     = var.region
  name       = "fivewhys-staging"
  labels     = { team = "platform", environment = "staging" }
  image      = var.image

  # Pings of a load balancer tell nothing.
  log_exclusions = { pings = "httpRequest.userAgent:\"GoogleHC/\"" }
  subscription   = { retention = "1209600s" }

  runner      = "worker_pool"
  worker_pool = { instances = 2 }
  resources   = { cpu = "2", memory = "2Gi" }

  network = {
    network    = google_compute_network.fivewhys.id
    subnetwork = google_compute_subnetwork.fivewhys.id
    egress     = "ALL_TRAFFIC"
  }

  database = {
    tier     = "db-custom-1-3840"
    version  = "POSTGRES_18"
    regional = true
  }

  github          = var.github
  secret_versions = { github_app_key = "1", marker_key = "2", marker_key_former = "1" }
  dry_run         = false
  new_issues      = 20

  catalog      = file("${path.module}/catalog.yml")
  suppressions = file("${path.module}/suppressions.yml")
  rules        = { for name in fileset("${path.module}/rules", "**/*.yml") : name => file("${path.module}/rules/${name}") }
  settings = {
    min_priority  = "P2"
    receivers     = "2"
    github_close  = "true"
    github_labels = "{{ priority }}, {{ signature }}"
    silent_after  = "30m"
  }

  replay_buckets = var.replay_buckets
  alerts         = { channels = var.channels, oldest_message = 10, outbox_age = 60 }
  runbook_url    = "https://github.com/example/platform/blob/main/infra/README.md"

  # The database gets its address from the range that is given to Google here.
  depends_on = [google_service_networking_connection.fivewhys]
}
