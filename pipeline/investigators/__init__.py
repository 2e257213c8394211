"""What establishes facts about an incident: source code, probes, nearby logs, a command."""
