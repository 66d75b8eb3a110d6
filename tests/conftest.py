"""Settings for all tests."""

import os

from hypothesis import settings

# A deadline measures the machine, which is shared and noisy, not the code. Each run draws cases of its own, and finds
# what none found before; only what a submission is judged by is the same each time, as in Hypothesis' own profile.
settings.register_profile("shared machine", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shared machine")
