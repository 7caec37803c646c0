"""Settings of all tests."""

from hypothesis import settings

# No test asserts a time; the machine may be busy with others.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
