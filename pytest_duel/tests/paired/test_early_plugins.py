"""Plugins that act on options before any other does, as pytest-cov begins to trace."""

from pathlib import Path

import pytest

from pytest_duel.paired.pytest_client import Suite
from strangers import arm, copied, listed

EARLY = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--flake-runs", nargs="?", const="1")

@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config, args):
    if early_config.known_args_namespace.flake_runs or "--flake-runs" in args:
        raise pytest.UsageError("the plugin has begun")
"""


@pytest.mark.parametrize("addopts", ["--flake-runs 2", "@options.txt"])
def test_a_plugin_that_acts_early_does_not_see_what_would_disturb(
    addopts: str, tmp_path: Path
) -> None:
    about = tmp_path / "installed/early-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: early\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pytest11]\nearly = early\n")
    (about.parent / "early.py").write_text(EARLY)
    project = copied("flat", tmp_path / "head")
    (project / "pytest.ini").write_text(f"[pytest]\naddopts = {addopts}\n")
    (project / "options.txt").write_text("--flake-runs\n2\n")
    tests = Suite(project, tmp_path, path=(str(about.parent),))
    assert listed(arm("head", project), tests)
