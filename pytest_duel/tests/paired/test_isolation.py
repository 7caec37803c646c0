"""What the virtual environment of an arm has of the harness."""

from importlib.metadata import distributions
from pathlib import Path

from pytest_duel.paired.arms.isolation import carried_harness


def test_pytest_finds_the_plugin_there(tmp_path: Path) -> None:
    """The fixture `benchmark_import` is in it, and what tells a benchmark's group."""
    (found,) = distributions(path=[carried_harness(tmp_path / "harness")])
    assert found.metadata["Name"] == "pytest-duel"
    (point,) = found.entry_points
    assert (point.group, point.name, point.value) == (
        "pytest11", "duel", "pytest_duel.plugin.entry",
    )  # fmt: skip
