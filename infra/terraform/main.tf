# What everything else is worked out from.

locals {
  labels   = merge(var.labels, { app = var.name })
  projects = length(var.log_projects) > 0 ? var.log_projects : toset([var.project_id])

  # The next execution starts while the last one still runs, which is harmless: all state is in the
  # database, and one process at a time correlates. `--max-runtime` ends an execution before the
  # job's time-out does: what a time-out kills counts as failed, and would be started again.
  runtime_minutes = var.job.period + var.job.overlap
  timeout_minutes = local.runtime_minutes + 8

  job         = var.name
  worker_pool = var.name
  replay      = "${var.name}-replay"

  # The files that fivewhys reads, as they lie in the bucket.
  files = merge(
    { for name, text in { "catalog.yml" = var.catalog, "suppressions.yml" = var.suppressions } : name => text if text != "" },
    { for name, text in var.rules : "rules/${name}" => text },
  )
  mounted = "/config"

  # What is mounted, and where.
  volumes = merge(
    local.instance == "" ? {} : { cloudsql = "/cloudsql" },
    length(local.files) == 0 ? {} : { config = local.mounted },
  )

  # Where a worker pool is asked whether it goes on.
  port = 8080

  # What `fivewhys run` and what a replay are told alike. Nothing of it is secret: where a secret is
  # needed its name stands here, with its version, and fivewhys reads it by itself.
  common = merge(
    { for key, text in var.settings : "FIVEWHYS_${upper(key)}" => text },
    {
      FIVEWHYS_SINKS                  = "github"
      FIVEWHYS_DRY_RUN                = tostring(var.dry_run)
      FIVEWHYS_GITHUB_REPOSITORY      = var.github.repository
      FIVEWHYS_GITHUB_APP_ID          = var.github.app_id
      FIVEWHYS_GITHUB_INSTALLATION_ID = var.github.installation_id
      FIVEWHYS_GITHUB_APP_KEY_FILE    = "sm://projects/${var.project_id}/secrets/${google_secret_manager_secret.all["github-app-key"].secret_id}/versions/${var.secret_versions.github_app_key}"
      FIVEWHYS_MARKER_KEY_FILE        = "sm://projects/${var.project_id}/secrets/${google_secret_manager_secret.all["marker-key"].secret_id}/versions/${var.secret_versions.marker_key}"
    },
    var.new_issues == 0 ? {} : { FIVEWHYS_GITHUB_NEW_ISSUES = tostring(var.new_issues) },
    var.github.url == "" ? {} : { FIVEWHYS_GITHUB_URL = var.github.url },
    var.secret_versions.marker_key_former == "" ? {} : {
      FIVEWHYS_MARKER_KEY_FORMER_FILE = "sm://projects/${var.project_id}/secrets/${google_secret_manager_secret.all["marker-key-former"].secret_id}/versions/${var.secret_versions.marker_key_former}"
    },
    var.catalog == "" ? {} : { FIVEWHYS_CATALOG = "${local.mounted}/catalog.yml" },
    var.suppressions == "" ? {} : { FIVEWHYS_SUPPRESSIONS = "${local.mounted}/suppressions.yml" },
    length(var.rules) == 0 ? {} : { FIVEWHYS_RULES = "${local.mounted}/rules" },
  )

  environment = merge(
    local.common,
    {
      FIVEWHYS_SUBSCRIPTION = google_pubsub_subscription.entries.id
      FIVEWHYS_STORE        = local.store
    },
    !var.gap_filling ? {} : {
      FIVEWHYS_LOGGING_FILTER  = local.delivered
      FIVEWHYS_LOGGING_PROJECT = one(local.projects)
    },
  )
}
