"""Settings for all tests."""

from hypothesis import settings

# A deadline measures the machine, which is shared and noisy, not the code.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
