"""Whether anything is lost or told twice when everything that can break does: `make chaos`."""
