"""The only place that reads our own files, the environment and the clock; it builds the runs."""
