# The least that one has to say. `infra/README.md` goes through it step by step.

terraform {
  required_version = "~> 1.11"

  # Where Terraform keeps what it knows: `terraform init -backend-config=bucket=BUCKET`.
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

  project_id          = var.project_id
  region              = var.region
  image               = var.image
  github              = var.github
  dry_run             = var.dry_run
  new_issues          = var.new_issues
  secret_versions     = var.secret_versions
  database            = var.database
  alerts              = var.alerts
  runbook_url         = var.runbook_url
  deletion_protection = var.deletion_protection
}
