# Secrets are made here; what they hold never passes through Terraform. Their versions are added with
# `gcloud secrets versions add` (output next_steps), and named by number in secret_versions.

resource "google_secret_manager_secret" "all" {
  for_each = toset(concat(
    ["github-app-key", "marker-key"],
    var.secret_versions.marker_key_former == "" ? [] : ["marker-key-former"],
    var.existing_database == null ? ["database-password"] : [],
  ))

  project             = var.project_id
  secret_id           = "${var.name}-${each.key}"
  labels              = local.labels
  deletion_protection = var.deletion_protection

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}
