"""Property tests: how long an example takes by the clock says nothing on a busy machine, so only the test's own timeout counts."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
