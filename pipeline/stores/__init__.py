"""What lasts, and what is remembered while a run goes on: one file or folder for each."""
