# How what runs goes out; nothing here is made, the network is the team's.

locals {
  private = try(var.network.private_database, false)

  # For `dynamic` blocks: one, or none.
  egress = var.network == null ? [] : [var.network]
}
