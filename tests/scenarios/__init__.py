"""Generated mornings of known cause, and how well they are told apart: `make evaluate`."""
