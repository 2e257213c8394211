# What runs: a job whose executions follow each other without a gap, or a worker pool; and a second
# job, which is started by hand.

locals {
  # It has to divide an hour or a day, so that the last period of these is as long as the others.
  schedule = (
    var.job.period < 60 ? "*/${var.job.period} * * * *" :
    var.job.period == 60 ? "0 * * * *" :
    var.job.period < 1440 ? "0 */${var.job.period / 60} * * *" : "0 0 * * *"
  )

  # In what the two jobs differ. Both are there with a worker pool, too: for `doctor`, and for a look
  # at the store.
  jobs = {
    run = {
      name        = local.job
      args        = ["run", "--max-runtime", "${local.runtime_minutes}m"]
      environment = local.environment
      folder      = null
      timeout     = "${local.timeout_minutes * 60}s"
      retries     = var.job.retries
    }

    # For replays of exports, with arguments: `gcloud run jobs execute … --args` takes
    # run.jobs.runWithOverrides, which roles/run.developer has. Without any it does nothing. What
    # fails is looked at by whoever started it.
    replay = {
      name        = local.replay
      args        = ["replay", "--help"]
      environment = local.common
      folder      = "/tmp"
      timeout     = "21600s"
      retries     = 0
    }
  }
}

resource "google_cloud_run_v2_job" "all" {
  for_each = local.jobs

  project             = var.project_id
  location            = var.region
  name                = each.value.name
  labels              = local.labels
  deletion_protection = var.deletion_protection

  template {
    labels      = local.labels
    task_count  = 1
    parallelism = 1

    template {
      service_account       = google_service_account.all[each.key].email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = each.value.timeout
      max_retries           = each.value.retries

      containers {
        image       = var.image
        args        = each.value.args
        working_dir = each.value.folder

        resources {
          limits = { cpu = var.resources.cpu, memory = var.resources.memory }
        }

        dynamic "env" {
          for_each = each.value.environment

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

  # What it reads at its start.
  depends_on = [
    google_project_iam_member.database,
    google_pubsub_subscription_iam_member.run,
    google_secret_manager_secret_iam_member.existing_password,
    google_secret_manager_secret_iam_member.readers,
    google_sql_database.store,
    google_sql_user.store,
    google_storage_bucket_iam_member.config,
    google_storage_bucket_iam_member.exports,
    google_storage_bucket_object.config,
  ]
}

resource "google_cloud_scheduler_job" "start" {
  count = var.runner == "job" ? 1 : 0

  project          = var.project_id
  region           = var.region
  name             = var.name
  description      = "Starts the next execution of the job ${local.job}"
  schedule         = local.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"
  paused           = var.job.paused

  retry_config {
    retry_count          = 5
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.all["run"].id}:run"

    # The address is one of Google's APIs, which take an access token, no identity token.
    oauth_token {
      service_account_email = google_service_account.all["starter"].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }
}

resource "google_cloud_run_v2_worker_pool" "run" {
  count = var.runner == "worker_pool" ? 1 : 0

  project             = var.project_id
  location            = var.region
  name                = local.worker_pool
  description         = "fivewhys, as long as it is there"
  labels              = local.labels
  deletion_protection = var.deletion_protection

  scaling {
    scaling_mode          = "MANUAL"
    manual_instance_count = var.worker_pool.instances
  }

  template {
    labels          = local.labels
    service_account = google_service_account.all["run"].email

    containers {
      image = var.image
      args  = ["run"]

      resources {
        limits = { cpu = var.resources.cpu, memory = var.resources.memory }
      }

      dynamic "env" {
        for_each = merge(local.environment, { FIVEWHYS_HTTP_PORT = tostring(local.port) })

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

      # It has to begin within four minutes, and to go on: a thread that succeeds in nothing ends it.
      startup_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 24

        http_get {
          path = "/livez"
          port = local.port
        }
      }

      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 5
        failure_threshold = 3

        http_get {
          path = "/livez"
          port = local.port
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

  depends_on = [
    google_project_iam_member.database,
    google_pubsub_subscription_iam_member.run,
    google_secret_manager_secret_iam_member.existing_password,
    google_secret_manager_secret_iam_member.readers,
    google_sql_database.store,
    google_sql_user.store,
    google_storage_bucket_iam_member.config,
    google_storage_bucket_object.config,
  ]
}
