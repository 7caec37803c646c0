"""The worker: pytest in a process of its own, whose `benchmark` fixture serves the engine.

Started as a module, with ``-p pytest_duel.paired.pytest_worker.plugin``. Nothing in here imports
NumPy or SciPy: a project may well measure those.
"""

WORKER = "pytest-duel-worker"
"""The name of its plugin."""
POSITIONAL = "*"
"""What the marker `duel` is said to have where it has arguments without a name."""
SHOWN_AS = "shown as"
"""The key of what the worker tells in place of an argument of that marker which is no plain value:
its text, for the message that refuses it."""
FIXTURE = "its fixture"
"""How the reason begins where a fixture of a benchmark fails."""
