"""Where things of the tests lie."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
DATA = TESTS / "data"
TOY = TESTS / "projects" / "sweep"
"""A project with a catalogue of its own, whose module is `toy_catalogue`."""


def settle(folder: Path, project: str) -> None:
    """Write settings that name a project."""
    text = f'[tool.pytest-duel]\nproject = "{project}:project"\nbenchmarks = ["clear[*"]\n'
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
