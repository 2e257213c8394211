# Where state is kept: a Cloud SQL instance of our own, or a database that there is already.

locals {
  own      = var.existing_database == null
  instance = local.own ? "${var.project_id}:${var.region}:${var.name}" : var.existing_database.connection_name

  # As Cloud Logging calls it: PROJECT:INSTANCE; of any other database nothing is logged here.
  database_id = local.own ? "${var.project_id}:${var.name}" : try("${split(":", var.existing_database.connection_name)[0]}:${split(":", var.existing_database.connection_name)[2]}", "")

  user     = local.own ? var.name : var.existing_database.user
  database = local.own ? var.name : var.existing_database.database

  # Without the password, which the client library reads from PGPASSWORD.
  host   = local.instance == "" ? var.existing_database.host : ""
  socket = local.instance == "" ? "" : "?host=/cloudsql/${local.instance}"
  store  = "postgresql://${local.user}@${local.host}/${local.database}${local.socket}"
  password = {
    secret  = local.own ? google_secret_manager_secret.all["database-password"].secret_id : var.existing_database.password_secret
    version = local.own ? google_secret_manager_secret_version.database_password[0].version : var.existing_database.password_version
  }
}

resource "google_sql_database_instance" "store" {
  #checkov:skip=CKV_GCP_6: ssl_mode is set; the check looks for require_ssl, which the provider has no more
  #checkov:skip=CKV_GCP_60: without a network it has an address outside, to which nobody is let but through the connector, which asks for IAM and its own certificate (connector_enforcement, no authorized networks)
  #checkov:skip=CKV_GCP_79: the versions that are allowed are checked by the variable
  #checkov:skip=CKV2_GCP_13: the duration of each statement would be a line of log each, of which nobody reads any; query insights has them
  count = local.own ? 1 : 0

  project             = var.project_id
  name                = var.name
  region              = var.region
  database_version    = var.database.version
  deletion_protection = var.deletion_protection

  settings {
    tier                        = var.database.tier
    edition                     = "ENTERPRISE"
    availability_type           = var.database.regional ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.database.disk
    disk_autoresize             = true
    disk_autoresize_limit       = var.database.disk_limit
    deletion_protection_enabled = var.deletion_protection
    user_labels                 = local.labels
    # Nobody connects but through the connector, which Cloud Run has built in.
    connector_enforcement = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = !local.private
      private_network = local.private ? var.network.network : null
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
      # The only one that Cloud Run's connector takes.
      server_ca_mode = "GOOGLE_MANAGED_INTERNAL_CA"
    }

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = var.database.log_days
      start_time                     = "02:00"

      backup_retention_settings {
        retained_backups = var.database.backups
        retention_unit   = "COUNT"
      }
    }

    maintenance_window {
      day          = var.database.maintenance_day
      hour         = var.database.maintenance_hour
      update_track = "stable"
    }

    insights_config {
      query_insights_enabled = true
    }
  }

  lifecycle {
    # It grows by itself.
    ignore_changes = [settings[0].disk_size]
  }
}

resource "google_sql_database" "store" {
  count = local.own ? 1 : 0

  project         = var.project_id
  instance        = google_sql_database_instance.store[0].name
  name            = var.name
  deletion_policy = var.deletion_protection ? "ABANDON" : "DELETE"
}

# Another value each time Terraform runs, and kept nowhere: it is written to both places below when
# password_version is raised, and at no other time.
ephemeral "random_password" "database" {
  count = local.own ? 1 : 0

  length  = 40
  special = false
}

resource "google_secret_manager_secret_version" "database_password" {
  count = local.own ? 1 : 0

  secret                 = google_secret_manager_secret.all["database-password"].id
  secret_data_wo         = ephemeral.random_password.database[0].result
  secret_data_wo_version = tostring(var.database.password_version)
  # The one before stays, disabled, in case somebody has to go back.
  deletion_policy = "DISABLE"

  lifecycle {
    # What runs is told of the new one before the old one is disabled.
    create_before_destroy = true
  }
}

resource "google_sql_user" "store" {
  count = local.own ? 1 : 0

  project             = var.project_id
  instance            = google_sql_database_instance.store[0].name
  name                = var.name
  password_wo         = ephemeral.random_password.database[0].result
  password_wo_version = var.database.password_version
  # A user who owns tables cannot be deleted: it goes with the instance.
  deletion_policy = "ABANDON"
}
