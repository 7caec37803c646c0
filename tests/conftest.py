"""Settings of all tests."""

from importlib.util import find_spec

if find_spec("hypothesis"):  # a sweep, which runs no test, comes by here without it
    from hypothesis import settings

    # No test asserts a time; the machine may be busy with others.
    settings.register_profile("untimed", deadline=None)
    # Where all examples were drawn elsewhere: on another Python, or by another copy of a backend.
    settings.register_profile("few", deadline=None, max_examples=25)
    settings.load_profile("untimed")
