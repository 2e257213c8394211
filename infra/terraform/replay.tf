# A job that is started by hand, with arguments: replays of exports, and looks at the store.
# `gcloud run jobs execute … --args` takes run.jobs.runWithOverrides, which roles/run.developer has.

resource "google_cloud_run_v2_job" "replay" {
  project             = var.project_id
  location            = var.region
  name                = local.replay
  labels              = local.labels
  deletion_protection = var.deletion_protection

  template {
    labels      = local.labels
    task_count  = 1
    parallelism = 1

    template {
      service_account       = google_service_account.all["replay"].email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "21600s"
      # What fails is looked at by whoever started it.
      max_retries = 0

      containers {
        image = var.image
        # Without other arguments it does nothing.
        args        = ["replay", "--help"]
        working_dir = "/tmp"

        resources {
          limits = { cpu = var.resources.cpu, memory = var.resources.memory }
        }

        dynamic "env" {
          for_each = local.common

          content {
            name  = env.key
            value = env.value
          }
        }

        env {
          name = "PGPASSWORD"

          value_source {
            secret_key_ref {
              secret  = local.password.secret
              version = local.password.version
            }
          }
        }

        dynamic "volume_mounts" {
          for_each = local.volumes

          content {
            name       = volume_mounts.key
            mount_path = volume_mounts.value
          }
        }
      }

      dynamic "volumes" {
        for_each = local.volumes

        content {
          name = volumes.key

          dynamic "cloud_sql_instance" {
            for_each = volumes.key == "cloudsql" ? [local.instance] : []

            content {
              instances = [cloud_sql_instance.value]
            }
          }

          dynamic "gcs" {
            for_each = volumes.key == "config" ? [google_storage_bucket.config[0].name] : []

            content {
              bucket    = gcs.value
              read_only = true
            }
          }
        }
      }

      dynamic "vpc_access" {
        for_each = local.egress

        content {
          egress = vpc_access.value.egress

          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
            tags       = vpc_access.value.tags
          }
        }
      }
    }
  }

  depends_on = [
    google_project_iam_member.database,
    google_secret_manager_secret_iam_member.existing_password,
    google_secret_manager_secret_iam_member.readers,
    google_storage_bucket_iam_member.config,
    google_storage_bucket_iam_member.exports,
    google_storage_bucket_object.config,
  ]
}
