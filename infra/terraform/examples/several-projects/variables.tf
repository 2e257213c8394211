variable "project_id" {
  description = "The project in which fivewhys runs."
  type        = string
}

variable "region" {
  description = "Where it runs."
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

variable "log_projects" {
  description = "The projects whose logs are read."
  type        = set(string)
}

variable "connection_name" {
  description = "The Cloud SQL instance in which the database is: project:region:instance."
  type        = string
}

variable "password_secret" {
  description = "The secret with the password of the database's user: projects/P/secrets/NAME."
  type        = string
}
