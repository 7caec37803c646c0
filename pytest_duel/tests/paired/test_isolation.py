"""What the virtual environment of an arm has: of its project, and of the harness."""

from importlib.metadata import distributions
from pathlib import Path

import pytest

from pytest_duel.paired.arms import isolation
from pytest_duel.paired.arms.isolation import carried_harness, environment
from pytest_duel.paired.arms.recipe import NONE, Recipe


def test_pytest_finds_the_plugin_there(tmp_path: Path) -> None:
    """The fixture `benchmark_import` is in it, and what tells a benchmark's group."""
    (found,) = distributions(path=[carried_harness(tmp_path / "harness")])
    assert found.metadata["Name"] == "pytest-duel"
    (point,) = found.entry_points
    assert (point.group, point.name, point.value) == (
        "pytest11", "duel", "pytest_duel.plugin.entry",
    )  # fmt: skip


@pytest.mark.parametrize("install", [NONE, "pip", "make {target}"])
def test_only_what_is_built_is_asked_for_its_dependencies(
    install: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a folder with nothing to build, pip would say only that it is no project."""
    for name in ("plain", "built"):
        (tmp_path / name).mkdir()
    (tmp_path / "plain/pyproject.toml").write_text("[tool.pytest-duel]\n")
    (tmp_path / "built/pyproject.toml").write_text("[project]\n")
    ran: list[list[str]] = []
    monkeypatch.setattr(isolation, "run_build", lambda command, *_: ran.append([*command]))
    recipe = Recipe(packages=("plain", "built"), install=install)
    environment(tmp_path / "env", tmp_path, recipe, ["numpy"])
    assert str(tmp_path / "built") in ran[-1]
    assert str(tmp_path / "plain") not in ran[-1]
    assert ran[-1][-1] == "numpy"
