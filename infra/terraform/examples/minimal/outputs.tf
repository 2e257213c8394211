output "fivewhys" {
  description = "All that the module tells."
  value       = module.fivewhys
}

output "next_steps" {
  description = "The commands that come next, in their order."
  value       = module.fivewhys.next_steps
}
