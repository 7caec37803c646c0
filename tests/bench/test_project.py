"""The sweep and the wheel of this very project, with what may go wrong in a user's hands."""

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHORT = ("--bench-tier=smoke", "--bench-sizes=5", "--bench-scenarios=uniform")
QUICK = '[profile.release]\nopt-level = 0\nlto = "off"\ncodegen-units = 16\n'
"""Cargo's settings for builds of which no test asks how fast their code is."""
FALLBACK = """
try:
    from rust_market import market_clearing_rust as market_clearing
except ImportError:
    from easy_marl.examples.bidding.market import market_clearing
import numpy as np
bids, quantities = np.array([25.0, 30.0, 35.0, 40.0, 45.0]), np.full(5, 20.0)
price, cleared = market_clearing(bids, quantities, 70.0)
assert (price, cleared.tolist()) == (40.0, [20.0, 20.0, 20.0, 10.0, 0.0]), (price, cleared)
print(market_clearing.__name__)
"""


def run(
    *command: object, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment | dict(env or {}), timeout=timeout,
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def sweep(*arguments: str, root: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    # Hypothesis's plugin imports all of it when a run ends, which takes longer than the sweep.
    without = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    command = (sys.executable, "-m", "pytest", *without, "--benchmark-only")
    suite = "bench/test_clear_batch.py"  # whose parity check is the shortest
    return run(*command, suite, *SHORT, *arguments, cwd=root, env=more, timeout=900)


def test_missing_cargo_fails_the_rust_cases_and_says_how_to_get_it(tmp_path: Path) -> None:
    done = sweep("--bench-backends=numpy,rust", PATH=str(tmp_path))
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed" in done.stdout
    assert "rust cannot be timed: Rust's cargo was not found" in done.stdout
    assert "rustup" in done.stdout
    assert "--bench-no-rust" in done.stdout
    assert re.search(r"^ +5 numpy ", done.stdout, re.MULTILINE)


def test_rust_can_be_left_out(tmp_path: Path) -> None:
    done = sweep("--bench-backends=numpy,rust", "--bench-no-rust", PATH=str(tmp_path))
    assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert "1 passed" in done.stdout
    assert "rust_wheel was left out: --bench-no-rust" in done.stdout


def test_a_prebuilt_wheel_that_is_none_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "rust_market.whl"
    bad.write_text("no archive")
    done = sweep("--bench-backends=rust", f"--bench-wheel={bad}")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"{bad} cannot be unpacked" in done.stdout


def test_a_wheel_and_no_rust_exclude_each_other() -> None:
    done = sweep("--bench-no-rust", "--bench-wheel=x.whl")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--bench-wheel and --bench-no-rust exclude each other" in done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with empty caches, so that no test builds in the original."""
    root = tmp_path_factory.mktemp("project")
    unwanted = shutil.ignore_patterns("target", "__pycache__", ".*", "runs")
    for name in "bench", "easy_marl", "pytest_duel", "rust_market":
        shutil.copytree(ROOT / name, root / name, ignore=unwanted)
    for name in "conftest.py", "pyproject.toml":
        shutil.copy(ROOT / name, root)
    (root / ".cargo").mkdir()
    (root / ".cargo" / "config.toml").write_text(QUICK, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def built(copy: Path) -> Path:
    """Return the copy after two runs at once, which both wanted the wheel."""
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: sweep("--bench-backends=rust", root=copy), range(2)))
    for done in both:
        assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert any("building the rust_market wheel" in done.stdout for done in both)
    return copy


@pytest.mark.slow
def test_two_runs_at_once_do_not_collide(built: Path) -> None:
    assert len(list(built.glob(".cache/wheels/*/*.whl"))) == 1
    assert not list(built.glob(".cache/wheels/building-*"))


@pytest.mark.slow
def test_a_second_run_does_not_build_again(built: Path) -> None:
    # Nowhere to build: a second build could not succeed.
    second = sweep("--bench-backends=rust", root=built, CARGO_TARGET_DIR=os.devnull)
    assert second.returncode == pytest.ExitCode.OK, second.stdout
    assert "building the rust_market wheel" not in second.stdout


@pytest.mark.slow
def test_study_flow_builds_installs_and_imports(built: Path, tmp_path: Path) -> None:
    crate = built / "rust_market"
    # With the same interpreter, and before a source changes: so nothing is compiled once more.
    command = (sys.executable, "-m", "maturin", "build", "--release", "--interpreter")
    done = run(*command, sys.executable, cwd=crate, timeout=900)
    assert done.returncode == 0, done.stderr
    (wheel,) = crate.glob("target/wheels/rust_market-*.whl")

    home = tmp_path / "venv"
    venv.create(home, with_pip=False)  # to give it a pip takes longer than the test
    (python,) = [*home.glob("bin/python"), *home.glob("Scripts/python.exe")]
    (site,) = [*home.glob("lib/python*/site-packages"), *home.glob("Lib/site-packages")]
    install = (sys.executable, "-m", "pip", "--python", python, "install", "--no-index")
    installed = run(*install, "--no-deps", wheel, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    # NumPy comes from this environment, so that the test needs no network.
    (site / "numpy.pth").write_text(str(Path(np.__file__).parent.parent), encoding="utf-8")
    done = run(python, "-c", FALLBACK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "market_clearing_rust"


@pytest.mark.slow
def test_a_broken_source_shows_the_compilers_message(built: Path) -> None:
    source = built / "rust_market" / "src" / "lib.rs"
    whole, wheels = source.read_text(encoding="utf-8"), sorted(built.glob(".cache/**/*.whl"))
    source.write_text(f"{whole}\nfn broken() -> u32 {{ no_such_function() }}\n", encoding="utf-8")
    try:
        done = sweep("--bench-backends=numpy,rust", root=built)
    finally:
        source.write_text(whole, encoding="utf-8")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed" in done.stdout
    assert "rust cannot be timed: rust_market did not build:" in done.stdout
    assert "error[E0425]: cannot find function `no_such_function`" in done.stdout
    assert re.search(r"src/lib\.rs:\d+:\d+", done.stdout)
    # A failed build leaves nothing that a second run would take for a wheel.
    assert sorted(built.glob(".cache/**/*.whl")) == wheels


def test_study_flow_falls_back_where_rust_is_not_installed(tmp_path: Path) -> None:
    # The folder rust_market imports as an empty namespace package, which has no function.
    hidden = tmp_path / "rust_market"
    hidden.mkdir()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = run(sys.executable, "-c", FALLBACK, cwd=tmp_path, env={"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != "market_clearing_rust"
