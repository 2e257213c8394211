# Every variable is checked here, so that a mistake is named before anything is made.

variable "project_id" {
  description = "The project in which fivewhys runs."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "A project's id has 6 to 30 small letters, digits and hyphens (not its name, nor its number)."
  }
}

variable "region" {
  description = "Where it runs and keeps its state, as `europe-west1`."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region is written like europe-west1, without the letter of a zone."
  }
}

variable "image" {
  description = "The container image, with its digest: `REGION-docker.pkg.dev/PROJECT/REPOSITORY/fivewhys@sha256:…`. A tag may stand before the digest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+/[a-zA-Z0-9._/-]+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest (…@sha256:…), so that what runs is what was tried: `gcloud artifacts docker images describe` prints it."
  }
}

variable "name" {
  description = "What everything is called; another name makes a second installation in the same project."
  type        = string
  default     = "fivewhys"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,18}[a-z0-9]$", var.name))
    error_message = "The name has 6 to 20 small letters, digits and hyphens: service accounts are called after it."
  }
}

variable "labels" {
  description = "Labels of everything that can have some, beside `app`."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for key, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "Labels have small letters, digits, _ and -, 63 at most; keys begin with a letter."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the database, the runner and the secrets. Set it to false, apply, and only then destroy."
  type        = bool
  default     = true
}

# --- what is read ---------------------------------------------------------------------------------

variable "log_filter" {
  description = "Which entries the sink delivers, in the Logging query language. Signs of health are needed as well, and requests that go well: rules tell shares of failures by them."
  type        = string
  default     = <<-EOT
    (resource.type=("cloud_run_revision" OR "cloud_run_job" OR "cloud_run_worker_pool" OR "k8s_container" OR "http_load_balancer" OR "cloudsql_database") OR severity>=WARNING)
    NOT logName:"cloudaudit.googleapis.com%2Fdata_access"
  EOT

  validation {
    condition     = length(trimspace(var.log_filter)) > 0 && length(var.log_filter) <= 20000
    error_message = "A sink's filter has 1 to 20,000 characters; an empty one would deliver every entry that there is."
  }
}

variable "log_exclusions" {
  description = "Entries that the sink leaves out, beside fivewhys' own: a filter by name (`{ health-checks = \"httpRequest.requestUrl:\\\"/healthz\\\"\" }`)."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(var.log_exclusions) <= 45 && alltrue([for key, text in var.log_exclusions : can(regex("^[A-Za-z][A-Za-z0-9_-]{0,99}$", key)) && length(trimspace(text)) > 0 && length(text) <= 20000])
    error_message = "A sink has 50 exclusions at most, of which some are ours; a name has letters, digits, _ and -, a filter 1 to 20,000 characters."
  }

  validation {
    condition     = length(setintersection(keys(var.log_exclusions), ["own-entries", "own-audit"])) == 0
    error_message = "own-entries and own-audit are the names of the module's own exclusions."
  }
}

variable "log_projects" {
  description = "The projects whose logs are read; by default the one in which fivewhys runs. Whoever applies needs `roles/logging.configWriter` in each."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.log_projects : can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", id))])
    error_message = "Name projects by their ids, as my-project-123."
  }
}

variable "gap_filling" {
  description = "Whether each start reads by the Logging API what was logged since the last entry that came, of 7 days at most; it takes `roles/logging.viewer` on the project whose logs are read, and can be done for one project only."
  type        = bool
  default     = true

  validation {
    condition     = !var.gap_filling || length(var.log_projects) <= 1
    error_message = "Gaps can be filled for one project only: set gap_filling to false where log_projects has several."
  }
}

variable "subscription" {
  description = <<-EOT
    How messages are kept and delivered again.
    `retention`: for how long they wait when nobody pulls; `ack_deadline`: seconds after which they come again from a process that was killed (as long as one works on them it says so); lines of one traceback wait for one another for 30 seconds, so that this and `shortest_pause` should have fewer together;
    `attempts`: deliveries after which a message goes to the dead letters (5 to 100; 100 of them, at the longest pause, are 16 hours of a database that is away);
    `dead_letter_retention`: for how long they wait there; `shortest_pause` and `longest_pause`: seconds between two deliveries of one message.
  EOT
  type = object({
    retention             = optional(string, "604800s")
    ack_deadline          = optional(number, 15)
    attempts              = optional(number, 100)
    dead_letter_retention = optional(string, "2678400s")
    shortest_pause        = optional(number, 10)
    longest_pause         = optional(number, 600)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for span in [var.subscription.retention, var.subscription.dead_letter_retention] : can(regex("^[0-9]+s$", span)) && try(tonumber(trimsuffix(span, "s")) >= 86400 && tonumber(trimsuffix(span, "s")) <= 2678400, false)])
    error_message = "Retention is written in seconds, from a day (86400s; a shorter outage than that is no outage) to 31 days (2678400s)."
  }

  validation {
    condition     = var.subscription.ack_deadline >= 10 && var.subscription.ack_deadline <= 600
    error_message = "ack_deadline has 10 to 600 seconds: these are Pub/Sub's limits."
  }

  validation {
    condition     = var.subscription.attempts >= 5 && var.subscription.attempts <= 100
    error_message = "attempts has 5 to 100: these are Pub/Sub's limits."
  }

  validation {
    condition     = var.subscription.shortest_pause >= 0 && var.subscription.shortest_pause <= var.subscription.longest_pause && var.subscription.longest_pause <= 600
    error_message = "Pauses have 0 to 600 seconds, the shortest no more than the longest."
  }
}

# --- what runs ------------------------------------------------------------------------------------

variable "runner" {
  description = "What keeps it running: `job` (Cloud Scheduler starts the next execution of a Cloud Run job shortly before the last one ends), `worker_pool` (a Cloud Run worker pool), or `none`. The job is there in any case, to be started by hand."
  type        = string
  default     = "job"

  validation {
    condition     = contains(["job", "worker_pool", "none"], var.runner)
    error_message = "runner is job, worker_pool or none."
  }
}

variable "job" {
  description = <<-EOT
    The job, with the runner `job`. `period`: minutes from one start to the next (it has to divide an hour or a day);
    `overlap`: for how many minutes an execution goes on while the next one starts, which is harmless and leaves no gap;
    `retries`: how often an execution that fails is started again; `paused`: whether Cloud Scheduler starts none.
  EOT
  type = object({
    period  = optional(number, 60)
    overlap = optional(number, 2)
    retries = optional(number, 3)
    paused  = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440], var.job.period)
    error_message = "period is 15, 20, 30, 60, 120, 180, 240, 360, 480, 720 or 1440 minutes."
  }

  validation {
    condition     = var.job.overlap >= 1 && var.job.overlap <= 10 && floor(var.job.overlap) == var.job.overlap
    error_message = "overlap has 1 to 10 minutes: less leaves a gap, more is only paid for."
  }

  validation {
    condition     = var.job.retries >= 0 && var.job.retries <= 10 && floor(var.job.retries) == var.job.retries
    error_message = "retries has 0 to 10."
  }
}

variable "worker_pool" {
  description = "The worker pool, with the runner `worker_pool`. `instances`: how many receive; one at a time correlates, whichever has the lease."
  type        = object({ instances = optional(number, 1) })
  default     = {}
  nullable    = false

  validation {
    condition     = var.worker_pool.instances >= 0 && var.worker_pool.instances <= 20 && floor(var.worker_pool.instances) == var.worker_pool.instances
    error_message = "instances has 0 (none runs) to 20."
  }
}

variable "resources" {
  description = "What each execution or instance is given: `cpu` (1, 2 or 4) and `memory` (`1Gi`)."
  type = object({
    cpu    = optional(string, "1")
    memory = optional(string, "1Gi")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["1", "2", "4"], var.resources.cpu) && can(regex("^([1-9]|1[0-6])Gi$", var.resources.memory))
    error_message = "cpu is 1, 2 or 4, memory 1Gi to 16Gi."
  }

  validation {
    condition     = try(tonumber(trimsuffix(var.resources.memory, "Gi")) <= 4 * tonumber(var.resources.cpu), false)
    error_message = "Cloud Run gives 4Gi of memory a processor at most."
  }
}

variable "network" {
  description = <<-EOT
    A VPC network through which what runs goes out (Direct VPC egress), and in which the database has its address. By default there is none: Google's services, GitHub and
    the database's connector are reached without it.
    `network` and `subnetwork`: their ids; `egress`: `PRIVATE_RANGES_ONLY`, or `ALL_TRAFFIC`, which needs Cloud NAT for GitHub and Private Google Access on the subnetwork;
    `tags`: network tags for firewall rules; `private_database`: whether the database has an address in the network and none outside, which needs private services access there.
  EOT
  type = object({
    network          = string
    subnetwork       = string
    egress           = optional(string, "PRIVATE_RANGES_ONLY")
    tags             = optional(list(string), [])
    private_database = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.network == null || contains(["PRIVATE_RANGES_ONLY", "ALL_TRAFFIC"], try(var.network.egress, ""))
    error_message = "egress is PRIVATE_RANGES_ONLY or ALL_TRAFFIC."
  }

  validation {
    condition     = var.network == null || try(var.network.egress != "ALL_TRAFFIC" || var.network.private_database, false)
    error_message = "With ALL_TRAFFIC the database is reached by its address in the network only: leave private_database on."
  }
}

variable "replay_buckets" {
  description = "Buckets with exports that the job for replays may read."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for bucket in var.replay_buckets : can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", bucket))])
    error_message = "Name buckets without gs:// and without a path."
  }
}

# --- what it does ---------------------------------------------------------------------------------

variable "github" {
  description = "Where issues go: `repository` (`owner/name`), and the App that writes them: `app_id` (or its client id) and `installation_id`; `url` for a GitHub Enterprise Server (`https://HOST/api/v3`)."
  type = object({
    repository      = string
    app_id          = string
    installation_id = string
    url             = optional(string, "")
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,38}/[A-Za-z0-9._-]{1,100}$", var.github.repository))
    error_message = "repository is owner/name, without address or .git."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9.]{1,40}$", var.github.app_id)) && can(regex("^[0-9]+$", var.github.installation_id))
    error_message = "app_id is the App's id or client id, installation_id the number at the end of the installation's address."
  }

  validation {
    condition     = var.github.url == "" || can(regex("^https://[^/]+/api/v3$", var.github.url))
    error_message = "url is https://HOST/api/v3; leave it out for github.com."
  }
}

variable "secret_versions" {
  description = <<-EOT
    Which version of each secret is read: a number, never `latest`, so that a key is changed when it is decided here. The secrets are made without any version: what is secret
    goes there by `gcloud secrets versions add`, and never into Terraform. `marker_key_former`: keys that signed before, one a line; empty: there are none.
  EOT
  type = object({
    github_app_key    = optional(string, "1")
    marker_key        = optional(string, "1")
    marker_key_former = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for version in [var.secret_versions.github_app_key, var.secret_versions.marker_key] : can(regex("^[1-9][0-9]*$", version))])
    error_message = "github_app_key and marker_key each need the number of a version, as \"1\"; latest is none."
  }

  validation {
    condition     = can(regex("^([1-9][0-9]*)?$", var.secret_versions.marker_key_former))
    error_message = "marker_key_former is the number of a version, or empty."
  }
}

variable "dry_run" {
  description = "Whether it only says in its log what it would do in GitHub. So an installation begins: look at its plan, then set this to false, with a bound for new issues."
  type        = bool
  default     = true
}

variable "new_issues" {
  description = "How many issues are opened within 24 hours in a repository at most, the most urgent first; 0: no bound."
  type        = number
  default     = 5

  validation {
    condition     = var.new_issues >= 0 && var.new_issues <= 1000 && floor(var.new_issues) == var.new_issues
    error_message = "new_issues has 0 (no bound) to 1000."
  }
}

variable "settings" {
  description = "Other settings of `fivewhys run` by the names they have in its settings file: `{ min_priority = \"P2\", report_every = \"5m\" }`."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.settings) : can(regex("^[a-z][a-z_]*[a-z]$", key))])
    error_message = "Settings are named as in the settings file: small letters and _, without FIVEWHYS_."
  }

  validation {
    condition = length(setintersection(keys(var.settings), [
      "catalog", "dry_run", "github_app_id", "github_app_key_file", "github_installation_id", "github_new_issues",
      "github_repository", "github_url", "http_port", "logging_filter", "logging_project", "marker_key_file",
      "marker_key_former_file", "max_runtime", "rules", "settings", "sinks", "store", "subscription",
      "suppressions", "until_idle",
    ])) == 0
    error_message = "What has a variable of its own, or is worked out, is set there: github, dry_run, new_issues, secret_versions, catalog, suppressions, rules, job, database."
  }

  validation {
    condition     = length(setintersection(keys(var.settings), ["github_token", "github_token_file", "marker_key", "marker_key_former"])) == 0
    error_message = "A secret has no place in Terraform's state; the GitHub App and the marker key have secrets of their own."
  }
}

variable "catalog" {
  description = "The service catalog: its text, as `file(\"catalog.yml\")`; empty: none."
  type        = string
  default     = ""

  validation {
    condition     = var.catalog == "" || can(yamldecode(var.catalog))
    error_message = "The catalog is no YAML; `fivewhys doctor` tells what is wrong, with the line."
  }
}

variable "suppressions" {
  description = "What is not to be reported: the text of the file of suppressions; empty: none."
  type        = string
  default     = ""

  validation {
    condition     = var.suppressions == "" || can(yamldecode(var.suppressions))
    error_message = "The suppressions are no YAML; `fivewhys suppressions lint` tells what is wrong, with the line."
  }
}

variable "rules" {
  description = "Rules of your own instead of those that come along: texts by file name, as `{ for name in fileset(\"rules\", \"**/*.yml\") : name => file(\"rules/$${name}\") }`."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, text in var.rules : can(regex("^[A-Za-z0-9._/-]+\\.yml$", name)) && !strcontains(name, "..") && !startswith(name, "/") && can(yamldecode(text))])
    error_message = "Rules are files of YAML, with names below one folder that end with .yml; `fivewhys rules lint` tells what is wrong, with the line."
  }
}

# --- where state is kept --------------------------------------------------------------------------

variable "database" {
  description = <<-EOT
    The Cloud SQL instance. `tier`: its size; `version`: `POSTGRES_17` or `POSTGRES_18`; `disk`: GB at the start, it grows by itself up to `disk_limit`; `regional`: whether a second zone stands by;
    `backups`: how many daily backups are kept; `log_days`: of how many days any moment can be restored (1 to 7); `maintenance_day` (1 is Monday) and `maintenance_hour` (UTC);
    `password_version`: raise it by one to have another password.
  EOT
  type = object({
    tier             = optional(string, "db-g1-small")
    version          = optional(string, "POSTGRES_17")
    disk             = optional(number, 10)
    disk_limit       = optional(number, 100)
    regional         = optional(bool, false)
    backups          = optional(number, 14)
    log_days         = optional(number, 7)
    maintenance_day  = optional(number, 2)
    maintenance_hour = optional(number, 3)
    password_version = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["POSTGRES_17", "POSTGRES_18"], var.database.version)
    error_message = "version is POSTGRES_17 or POSTGRES_18."
  }

  validation {
    condition     = can(regex("^db-(f1-micro|g1-small|custom-[0-9]+-[0-9]+)$", var.database.tier))
    error_message = "tier is db-f1-micro, db-g1-small or db-custom-CPUS-MEGABYTES: those of the edition Enterprise."
  }

  validation {
    condition     = var.database.disk >= 10 && var.database.disk_limit >= var.database.disk
    error_message = "disk has 10 GB at least, and disk_limit no less."
  }

  validation {
    condition     = var.database.backups >= 7 && var.database.backups <= 365 && var.database.log_days >= 1 && var.database.log_days <= 7
    error_message = "backups has 7 to 365, log_days 1 to 7."
  }

  validation {
    condition     = var.database.maintenance_day >= 1 && var.database.maintenance_day <= 7 && var.database.maintenance_hour >= 0 && var.database.maintenance_hour <= 23
    error_message = "maintenance_day has 1 (Monday) to 7, maintenance_hour 0 to 23."
  }

  validation {
    condition     = var.database.password_version >= 1 && floor(var.database.password_version) == var.database.password_version
    error_message = "password_version counts from 1."
  }
}

variable "existing_database" {
  description = <<-EOT
    A PostgreSQL that there is already, in place of an instance of our own: `connection_name` (`project:region:instance`) of one in Cloud SQL, or `host` of any other, which is reached through `network`;
    the `database` and its `user`; and the secret with the password: `password_secret` (`projects/P/secrets/NAME`) and `password_version`, a number.
  EOT
  type = object({
    connection_name  = optional(string, "")
    host             = optional(string, "")
    database         = string
    user             = string
    password_secret  = string
    password_version = string
  })
  default = null

  validation {
    condition     = var.existing_database == null || try((var.existing_database.connection_name == "") != (var.existing_database.host == ""), false)
    error_message = "Say either connection_name or host."
  }

  validation {
    condition     = var.existing_database == null || try(var.existing_database.connection_name == "" || can(regex("^[a-z0-9.:-]+:[a-z0-9-]+:[a-z0-9-]+$", var.existing_database.connection_name)), false)
    error_message = "connection_name is project:region:instance."
  }

  validation {
    condition     = var.existing_database == null || try(var.existing_database.host == "" || (can(regex("^[A-Za-z0-9.-]+$", var.existing_database.host)) && var.network != null), false)
    error_message = "host is a name or an address, and needs network to be reached through."
  }

  validation {
    condition     = var.existing_database == null || try(can(regex("^[A-Za-z_][A-Za-z0-9_-]*$", var.existing_database.database)) && can(regex("^[A-Za-z_][A-Za-z0-9_.-]*$", var.existing_database.user)), false)
    error_message = "database and user have letters, digits, _ and -."
  }

  validation {
    condition     = var.existing_database == null || try(can(regex("^projects/[^/]+/secrets/[A-Za-z0-9_-]+$", var.existing_database.password_secret)) && can(regex("^[1-9][0-9]*$", var.existing_database.password_version)), false)
    error_message = "password_secret is projects/P/secrets/NAME, password_version the number of a version; latest is none."
  }
}

# --- who is told ----------------------------------------------------------------------------------

variable "alerts" {
  description = <<-EOT
    When people are told. `channels`: ids of notification channels (`gcloud beta monitoring channels list`); without any, alerts are only seen in the console.
    `oldest_message`, `no_progress`, `outbox_age`: minutes after which it is too long; `restarts`: starts within an hour, beside those of the schedule, that are too many.
  EOT
  type = object({
    channels       = optional(list(string), [])
    oldest_message = optional(number, 15)
    no_progress    = optional(number, 15)
    outbox_age     = optional(number, 120)
    restarts       = optional(number, 3)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for channel in var.alerts.channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "A channel is projects/P/notificationChannels/NUMBER."
  }

  validation {
    condition     = alltrue([for minutes in [var.alerts.oldest_message, var.alerts.no_progress, var.alerts.outbox_age] : minutes >= 5 && minutes <= 1380 && floor(minutes) == minutes])
    error_message = "oldest_message, no_progress and outbox_age have 5 to 1380 minutes."
  }

  validation {
    condition     = var.alerts.restarts >= 1 && var.alerts.restarts <= 100
    error_message = "restarts has 1 to 100."
  }
}

variable "runbook_url" {
  description = "The address of infra/README.md where the people who are told can read it; each alert names its section there."
  type        = string
  default     = "infra/README.md"

  validation {
    condition     = !strcontains(var.runbook_url, "#") && length(trimspace(var.runbook_url)) > 0
    error_message = "runbook_url is an address without a #."
  }
}
