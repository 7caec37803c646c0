"""The commands: ``pytest-duel --help``."""
