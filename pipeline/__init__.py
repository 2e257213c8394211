"""fivewhys: from Cloud Logging entries to one explained GitHub issue per incident."""

__version__ = "0.1.0"
