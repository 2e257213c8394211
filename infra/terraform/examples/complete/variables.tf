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

variable "channels" {
  description = "Ids of the notification channels of those who are told."
  type        = list(string)
  default     = []
}

variable "replay_buckets" {
  description = "Buckets with exports that may be replayed."
  type        = set(string)
  default     = []
}
