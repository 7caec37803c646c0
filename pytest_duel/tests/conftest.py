"""Settings of all tests."""

from importlib.util import find_spec

if find_spec("hypothesis"):  # a sweep, which runs no test, comes by here without it
    from hypothesis import settings

    # No test asserts a time; the machine may be busy with others.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
