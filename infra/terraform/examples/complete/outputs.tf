output "fivewhys" {
  description = "All that the module tells."
  value       = module.fivewhys
}

output "address" {
  description = "The address that GitHub sees."
  value       = google_compute_address.outside.address
}
