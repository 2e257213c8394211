# The bucket with catalog, suppressions and rules, if there are any; it is mounted read-only.

resource "google_storage_bucket" "config" {
  #checkov:skip=CKV_GCP_62: who reads these three kinds of file is told by the audit log; an access log would need a bucket more
  count = length(local.files) > 0 ? 1 : 0

  project                     = var.project_id
  name                        = "${var.project_id}-${var.name}-config"
  location                    = var.region
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true # all that lies here is made by Terraform

  versioning {
    enabled = true
  }
}

resource "google_storage_bucket_object" "config" {
  for_each = local.files

  bucket  = google_storage_bucket.config[0].name
  name    = each.key
  content = each.value
}
