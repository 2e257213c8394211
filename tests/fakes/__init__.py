"""Doubles that implement a port and pass the same contract tests as the real thing."""
