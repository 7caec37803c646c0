"""The gate of this project: `pytest-duel gate` with the settings of pyproject.toml."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import wheel
from bench.catalogue import catalogue
from pytest_duel.catalogue.model import DEFAULT
from pytest_duel.gate import settings as gate_settings
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.harness import search_path

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = gate_settings.read(ROOT)
BACKEND = "easy_marl/market/rust_backend.py"
WRONG = "bench/test_clear.py::test_clear[rust-uniform-5]"
SLOW = "bench/test_clear_batch.py::test_clear_batch[rust-uniform-5]"
SABOTAGE = """

_clear, _clear_batch = clear, clear_batch


def clear(*arguments, **options):
    price, cleared = _clear(*arguments, **options)
    return price + 1.0, cleared


def clear_batch(*arguments, **options):
    for _ in range(9):
        _clear_batch(*arguments, **options)
    return _clear_batch(*arguments, **options)
"""
INSTALL = """
import shutil, sys, zipfile
from pathlib import Path
if Path("Cargo.toml").exists():
    zipfile.ZipFile({wheel!r}).extractall(sys.argv[1])
else:
    shutil.copytree("easy_marl", Path(sys.argv[1], "easy_marl"))
"""
"""Installs without a build: the wheel has been built for other tests."""


def test_the_settings_name_cases_that_there_are() -> None:
    own = catalogue()
    known = {
        f"bench/test_{name}.py::test_{case.id}"
        for name, kernel in own.kernels.items()
        for case in own.cases(name, DEFAULT)
        if not kernel.self_timed
    }
    assert set(SETTINGS.benchmarks) <= known
    assert len(SETTINGS.benchmarks) == len(set(SETTINGS.benchmarks)) > 20
    assert all((ROOT / file).is_file() for file in SETTINGS.files)
    assert SETTINGS.packages == (".", "rust_market")


def git(project: Path, *arguments: str) -> str:
    known = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org"]
    command = ["git", "-C", str(project), *known, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the gate says of a head with a wrong kernel and a slow one."""
    home = tmp_path_factory.mktemp("gate")
    project, report, script = home / "project", home / "gate.json", home / "install.py"
    for name in filter(None, git(ROOT, "ls-files", "-z").split("\0")):
        if (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, project / name)
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--no-verify", "--message", "as it is")
    with (project / BACKEND).open("a", encoding="utf-8") as file:
        file.write(SABOTAGE)
    script.write_text(INSTALL.format(wheel=str(wheel.build())), encoding="utf-8")
    install = f"{shlex.join([sys.executable, str(script)])} {{target}}"
    command = [sys.executable, "-m", "pytest_duel", "gate", "--base", "HEAD", "--budget", "5"]
    command += ["--install", install, "--output", str(report), "--only", WRONG, "--only", SLOW]
    cache = {"PYTEST_DUEL_CACHE": str(home / "cache")}
    done = subprocess.run(
        command, cwd=project, env=os.environ | {"PYTHONPATH": search_path()} | cache,
        capture_output=True, text=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    assert report.exists(), done.stderr
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    assert done.returncode == found["exit_code"], done.stderr
    assert git(project, "status", "--short").split() == ["M", BACKEND]
    return found | {"rows": {row["name"]: row for row in found["cases"]}}


@pytest.mark.slow
def test_a_wrong_kernel_is_not_timed(gated: dict[str, Any]) -> None:
    row = gated["rows"][WRONG]
    assert row["verdict"] == "error"
    assert "clear: rust disagrees with numpy on " in row["note"]
    assert not row.get("blocks")
    assert gated["exit_code"] in (Exit.REGRESSION, Exit.ERROR)


@pytest.mark.slow
def test_a_slow_kernel_is_timed_from_where_the_arm_is_installed(gated: dict[str, Any]) -> None:
    row = gated["rows"][SLOW]
    assert row["blocks"]
    # Ten times the work: whatever the machine does meanwhile, it is no pass.
    assert row["verdict"] in ("regression", "inconclusive")
    assert row["ratio"] > 1.2
