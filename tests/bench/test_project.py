"""The sweep and the wheel of this very project, with what may go wrong in a user's hands."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import venv
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest

from pytest_duel.support.exit_codes import Exit
from repositories import git

ROOT = Path(__file__).resolve().parent.parent.parent
SHORT = ("--bench-tier=smoke", "--bench-sizes=5", "--bench-scenarios=uniform")
QUICK = '[profile.release]\nopt-level = 1\nlto = "off"\ncodegen-units = 16\n'
"""Cargo's settings for builds of which no test asks how fast their code is."""


def run(
    *command: object, cwd: Path, env: Mapping[str, str] | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment | dict(env or {}), timeout=timeout,
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def sweep(*arguments: str, root: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--benchmark-only")
    suite = "bench/test_clear.py"
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


FAKE_TOX = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$RUNNER_TEMP/arguments"
if [ -n "$REPORTS" ]; then
    echo "the verdict" > "$RUNNER_TEMP/gate/gate.md"
    echo "{}" > "$RUNNER_TEMP/gate/gate.json"
fi
exit "$CODE"
"""


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """Return a repository with a branch that has left main, and a fake tox before the real one."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    commit = ("commit", "--quiet", "--allow-empty", "--message")
    git(root, *commit, "both")
    git(root, "tag", "left")
    git(root, *commit, "main")
    git(root, "checkout", "--quiet", "-b", "work", "left")
    git(root, *commit, "work")
    fake = tmp_path / "bin" / "tox"
    fake.parent.mkdir()
    fake.write_text(FAKE_TOX, encoding="utf-8")
    fake.chmod(0o755)
    return root


def gate_script(root: Path, **more: str) -> subprocess.CompletedProcess[str]:
    home = root.parent
    env = {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "BASE": "main",
        "RUNNER_TEMP": str(home),
        "GITHUB_STEP_SUMMARY": str(home / "summary.md"),
        "REPORTS": "written",
        "CODE": "0",
    }
    return run("bash", ROOT / ".github" / "gate.sh", cwd=root, env=env | more)


posix = pytest.mark.skipif(os.name != "posix", reason="continuous integration runs it on Linux")


@posix
@pytest.mark.parametrize(
    ("code", "ends", "said"), [(0, 0, ""), (1, 1, ""), (2, 2, ""), (3, 0, "::warning ")]
)
def test_ci_ends_as_the_gate_does_and_warns_where_it_cannot_tell(
    branch: Path, code: int, ends: int, said: str
) -> None:
    done = gate_script(branch, CODE=str(code))
    assert done.returncode == ends, done.stderr
    assert done.stdout.startswith(said)
    assert bool(done.stdout) == bool(said)
    assert (branch.parent / "summary.md").read_text(encoding="utf-8") == "the verdict\n"


@posix
@pytest.mark.parametrize("code", [0, 1, 3])
def test_ci_takes_a_gate_without_a_report_for_an_error(branch: Path, code: int) -> None:
    done = gate_script(branch, CODE=str(code), REPORTS="")
    assert done.returncode == Exit.ERROR
    assert done.stdout.startswith("::error ")
    for report in ("summary.md", "gate/gate.md"):
        text = (branch.parent / report).read_text(encoding="utf-8")
        assert text.startswith("**gate: error**")


@posix
def test_ci_holds_a_branch_against_where_it_left_its_base(branch: Path) -> None:
    assert gate_script(branch).returncode == 0
    arguments = (branch.parent / "arguments").read_text(encoding="utf-8").splitlines()
    left = git(branch, "rev-parse", "left")
    assert left != git(branch, "rev-parse", "main")
    assert arguments[:6] == ["run", "-e", "gate", "--", "--base", left]


def orphan(branch: Path) -> dict[str, str]:
    git(branch, "checkout", "--quiet", "--orphan", "unrelated")
    git(branch, "commit", "--quiet", "--allow-empty", "--message", "a history of its own")
    return {}


def occupied(branch: Path) -> dict[str, str]:
    (branch.parent / "gate").write_text("no folder", encoding="utf-8")
    return {}


NO_GATE: dict[str, Callable[[Path], dict[str, str]]] = {
    "unknown base": lambda _: {"BASE": "no-such-branch"},
    "empty base": lambda _: {"BASE": ""},
    "an option for a base": lambda _: {"BASE": "--all"},
    "unrelated histories": orphan,
    "no folder for reports": occupied,
}


@posix
@pytest.mark.parametrize("kind", NO_GATE)
def test_ci_takes_what_keeps_the_gate_from_running_for_an_error(branch: Path, kind: str) -> None:
    old = branch.parent / "gate"
    if kind != "no folder for reports":
        old.mkdir()
        (old / "gate.json").write_text("{}", encoding="utf-8")
    done = gate_script(branch, **NO_GATE[kind](branch))
    assert done.returncode == Exit.ERROR, done.stderr
    assert done.stdout.startswith("::error title=gate::it did not come to its end")
    assert not (branch.parent / "arguments").exists()
    assert not (old / "gate.json").exists()
    if old.is_dir():
        assert (old / "gate.md").read_text(encoding="utf-8").startswith("**gate: error**")
        summary = (branch.parent / "summary.md").read_text(encoding="utf-8")
        assert summary.startswith("**gate: error**")


@posix
@pytest.mark.parametrize("name", ["BASE", "RUNNER_TEMP", "PATH"])
def test_ci_takes_a_variable_that_is_missing_for_an_error(branch: Path, name: str) -> None:
    # Not "no tox" alone: with such a path there is neither git nor mkdir.
    value = {"PATH": os.devnull}.get(name)
    script = f"unset {name}; " if value is None else f"PATH={value}; "
    command = f"{script}. {shlex.quote(str(ROOT / '.github' / 'gate.sh'))}"
    env = {"BASE": "main", "RUNNER_TEMP": str(branch.parent)}
    env |= {"GITHUB_STEP_SUMMARY": str(branch.parent / "summary.md")}
    done = run("bash", "-c", command, cwd=branch, env=env)
    assert done.returncode == Exit.ERROR
    assert done.stdout.startswith("::error title=gate::it did not come to its end")


@posix
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_ci_ends_alike_where_the_summary_cannot_be_written(branch: Path, code: int) -> None:
    done = gate_script(branch, CODE=str(code), GITHUB_STEP_SUMMARY=str(branch))
    assert done.returncode == (0 if code == Exit.INCONCLUSIVE else code)


FAKE_GH = """#!/usr/bin/env bash
printf '%s\\n' "$@" > arguments
cp gate.md posted
"""


@posix
@pytest.mark.parametrize("left", [None, "", "**gate: no change**"])
def test_ci_posts_what_the_gate_left_and_else_that_it_did_not_end(
    tmp_path: Path, left: str | None
) -> None:
    workflow = (ROOT / ".github" / "workflows" / "bench.yml").read_text(encoding="utf-8")
    (script,) = [one for one in scripts(workflow) if "gh pr comment" in one]
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text(FAKE_GH, encoding="utf-8")
    gh.chmod(0o755)
    if left is not None:
        (tmp_path / "gate.md").write_text(left, encoding="utf-8")
    env = {"PATH": f"{gh.parent}{os.pathsep}{os.environ['PATH']}", "NUMBER": "7"}
    lines = textwrap.dedent(script.partition("|\n")[2])
    done = run("bash", "-e", "-o", "pipefail", "-c", lines, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    arguments = (tmp_path / "arguments").read_text(encoding="utf-8").split()
    assert arguments[:3] == ["pr", "comment", "7"]
    assert "--edit-last" in arguments
    posted = (tmp_path / "posted").read_text(encoding="utf-8")
    assert posted == left if left else posted.startswith("**gate: error**")


def test_the_comment_is_posted_where_the_gate_left_no_report() -> None:
    workflow = (ROOT / ".github" / "workflows" / "bench.yml").read_text(encoding="utf-8")
    _, _, comment = workflow.partition("\n  comment:\n")
    download, _, rest = comment.partition("uses: actions/download-artifact")[2].partition("- run:")
    assert "continue-on-error: true" in download
    assert rest
    assert "!cancelled()" in comment.partition("steps:")[0]


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_workflows_pin_every_action_to_one_commit() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"\buses: (\S+)@([0-9a-f]{40} # v\S+)$", text, re.MULTILINE)
        assert len(used) == len(re.findall(r"\buses:", text)), path
        for action, pin in used:
            pins.setdefault(action, set()).add(pin)
    assert {action: len(found) for action, found in pins.items()} == dict.fromkeys(pins, 1)


def scripts(workflow: str) -> Iterator[str]:
    """Yield what the steps run: the value of each key ``run``, and the lines that it holds."""
    lines = workflow.splitlines()
    for number, line in enumerate(lines, 1):
        if match := re.match("( *(?:- )?)run:(.*)", line):
            held = takewhile(lambda one: not one[: len(match[1]) + 1].strip(), lines[number:])
            yield "\n".join([match[2], *held])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_put_no_text_from_outside_into_a_shell(path: Path) -> None:
    found = list(scripts(path.read_text(encoding="utf-8")))
    assert found
    assert not [script for script in found if "${{" in script]


def test_scripts_of_a_workflow_are_found() -> None:
    said = "- run: a\n  env:\n    B: c\n- name: d\n  run: |\n    e\n\n    f\n  if: g\n"
    assert list(scripts(said)) == [" a", " |\n    e\n\n    f"]


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


@pytest.mark.slow
def test_a_second_run_does_not_build_again(copy: Path) -> None:
    first = sweep("--bench-backends=rust", root=copy)
    assert first.returncode == pytest.ExitCode.OK, first.stdout
    assert "building the rust_market wheel" in first.stdout
    # Nowhere to build: a second build could not succeed.
    second = sweep("--bench-backends=rust", root=copy, CARGO_TARGET_DIR=os.devnull)
    assert second.returncode == pytest.ExitCode.OK, second.stdout
    assert "building the rust_market wheel" not in second.stdout


@pytest.mark.slow
def test_a_truncated_wheel_is_built_again(copy: Path) -> None:
    assert sweep("--bench-backends=rust", root=copy).returncode == pytest.ExitCode.OK
    (wheel,) = copy.glob(".cache/wheels/*/*.whl")
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[: len(whole) // 2])
    again = sweep("--bench-backends=rust", root=copy)
    assert again.returncode == pytest.ExitCode.OK, again.stdout
    assert "building the rust_market wheel" in again.stdout
    (wheel,) = copy.glob(".cache/wheels/*/*.whl")
    assert len(wheel.read_bytes()) > len(whole) // 2


@pytest.mark.slow
def test_two_runs_at_once_do_not_collide(copy: Path) -> None:
    shutil.rmtree(copy / ".cache", ignore_errors=True)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: sweep("--bench-backends=rust", root=copy), range(2)))
    for done in both:
        assert done.returncode == pytest.ExitCode.OK, done.stdout
    assert len(list(copy.glob(".cache/wheels/*/*.whl"))) == 1
    assert not list(copy.glob(".cache/wheels/building-*"))


@pytest.mark.slow
def test_a_broken_source_shows_the_compilers_message(copy: Path) -> None:
    source = copy / "rust_market" / "src" / "lib.rs"
    whole, wheels = source.read_text(encoding="utf-8"), sorted(copy.glob(".cache/**/*.whl"))
    source.write_text(f"{whole}\nfn broken() -> u32 {{ no_such_function() }}\n", encoding="utf-8")
    try:
        done = sweep("--bench-backends=numpy,rust", root=copy)
    finally:
        source.write_text(whole, encoding="utf-8")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed" in done.stdout
    assert "rust cannot be timed: rust_market did not build:" in done.stdout
    assert "error[E0425]: cannot find function `no_such_function`" in done.stdout
    assert re.search(r"src/lib\.rs:\d+:\d+", done.stdout)
    # A failed build leaves nothing that a second run would take for a wheel.
    assert sorted(copy.glob(".cache/**/*.whl")) == wheels


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


def test_study_flow_falls_back_where_rust_is_not_installed(tmp_path: Path) -> None:
    # The folder rust_market imports as an empty namespace package, which has no function.
    hidden = tmp_path / "rust_market"
    hidden.mkdir()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = run(sys.executable, "-c", FALLBACK, cwd=tmp_path, env={"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != "market_clearing_rust"


@pytest.mark.slow
def test_study_flow_builds_installs_and_imports(copy: Path, tmp_path: Path) -> None:
    crate = copy / "rust_market"
    built = run(sys.executable, "-m", "maturin", "build", "--release", cwd=crate, timeout=900)
    assert built.returncode == 0, built.stderr
    (wheel,) = crate.glob("target/wheels/rust_market-*.whl")

    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    (python,) = [*home.glob("bin/python"), *home.glob("Scripts/python.exe")]
    (site,) = [*home.glob("lib/python*/site-packages"), *home.glob("Lib/site-packages")]
    installed = run(python, "-m", "pip", "install", "--no-index", "--no-deps", wheel, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    # NumPy comes from this environment, so that the test needs no network.
    (site / "numpy.pth").write_text(str(Path(np.__file__).parent.parent), encoding="utf-8")
    done = run(python, "-c", FALLBACK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "market_clearing_rust"
