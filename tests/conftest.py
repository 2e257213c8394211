"""What every test runs under."""

from hypothesis import settings

# No deadline: a slow machine is not a broken law. In CI Hypothesis draws the same examples each
# time of its own accord, so that a check of the same commit gives the same answer.
settings.register_profile("fivewhys", deadline=None)
settings.load_profile("fivewhys")
