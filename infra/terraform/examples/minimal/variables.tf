# What each is for is told in ../../README.md; the module checks them.

variable "project_id" {
  description = "The project in which fivewhys runs."
  type        = string
}

variable "region" {
  description = "Where it runs and keeps its state."
  type        = string
}

variable "image" {
  description = "The container image, with its digest."
  type        = string
}

variable "github" {
  description = "Where issues go, and the App that writes them."
  type = object({
    repository      = string
    app_id          = string
    installation_id = string
    url             = optional(string, "")
  })
}

variable "dry_run" {
  description = "Whether it only says in its log what it would do in GitHub."
  type        = bool
  default     = true
}

variable "new_issues" {
  description = "How many issues are opened within 24 hours at most; 0: no bound."
  type        = number
  default     = 5
}

variable "secret_versions" {
  description = "Which version of each secret is read."
  type = object({
    github_app_key    = optional(string, "1")
    marker_key        = optional(string, "1")
    marker_key_former = optional(string, "")
  })
  default = {}
}

variable "database" {
  description = "What the database differs in from the module's own choice."
  type = object({
    tier             = optional(string)
    password_version = optional(number)
  })
  default = {}
}

variable "alerts" {
  description = "Who is told."
  type        = object({ channels = optional(list(string)) })
  default     = {}
}

variable "runbook_url" {
  description = "The address of infra/README.md for those who are told."
  type        = string
  default     = "infra/README.md"
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete what would be missed."
  type        = bool
  default     = true
}
