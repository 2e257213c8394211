"""Where entries come from: one file or folder for each kind of source, each a `ports.Source`."""
