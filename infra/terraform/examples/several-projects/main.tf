# One fivewhys for the logs of several projects, with a database that there is already.

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
  image      = var.image
  github     = var.github

  # Each of these gets a sink; whoever applies needs roles/logging.configWriter there.
  log_projects = var.log_projects
  log_filter   = "resource.type=\"cloud_run_revision\" OR severity>=ERROR"

  # The Logging API is asked about one project only.
  gap_filling = false

  # Executions of a quarter of an hour, one after the other.
  job = { period = 15, overlap = 1 }

  existing_database = {
    connection_name  = var.connection_name
    database         = "fivewhys"
    user             = "fivewhys"
    password_secret  = var.password_secret
    password_version = "1"
  }
}
