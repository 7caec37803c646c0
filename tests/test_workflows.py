"""What the workflows and the action run, with stand-ins for what they call."""

import os
import re
import subprocess
import textwrap
from collections.abc import Callable, Iterator, Mapping
from configparser import ConfigParser
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_duel.support.exit_codes import Exit
from repositories import git

ROOT = Path(__file__).resolve().parent.parent
ACTION = ROOT / ".github" / "actions" / "duel"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RUN = [*WORKFLOWS, ACTION / "action.yml"]
"""Whose steps a runner runs."""


def run(*command: object, cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=os.environ | env, timeout=120, capture_output=True,
        text=True, encoding="utf-8", check=False,
    )  # fmt: skip


FAKE_PYTHON = """#!/usr/bin/env bash
if [ "$3" = pip ]; then
    printf '%s\\n' "$@" > "$RUNNER_TEMP/installed"
    exit "$PIP"
fi
printf '%s\\n' "$@" > "$RUNNER_TEMP/arguments"
if [ -n "$REPORTS" ]; then
    echo "the verdict" > "$RUNNER_TEMP/duel/gate.md"
    echo "the table" > "$RUNNER_TEMP/duel/gate.txt"
    echo "{}" > "$RUNNER_TEMP/duel/gate.json"
fi
exit "$CODE"
"""


@pytest.fixture
def branch(tmp_path: Path) -> Path:
    """Return a repository with a branch that has left main, beside a stand-in for Python."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    commit = ("commit", "--quiet", "--allow-empty", "--message")
    git(root, *commit, "both")
    git(root, "tag", "left")
    git(root, *commit, "main")
    git(root, "checkout", "--quiet", "-b", "work", "left")
    git(root, *commit, "work")
    fake = tmp_path / "bin" / "python"
    fake.parent.mkdir()
    fake.write_text(FAKE_PYTHON, encoding="utf-8")
    fake.chmod(0o755)
    return root


def gate_script(root: Path, **more: str) -> subprocess.CompletedProcess[str]:
    home = root.parent
    env = {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "BASE": "main",
        "RUNNER_TEMP": str(home),
        "GITHUB_STEP_SUMMARY": str(home / "summary.md"),
        "GITHUB_OUTPUT": str(home / "output"),
        "GITHUB_BASE_REF": "",
        "REPORTS": "written",
        "CODE": "0",
        "PIP": "0",
    }
    return run("bash", ACTION / "gate.sh", cwd=root, env=env | more)


def arguments_of(branch: Path) -> list[str]:
    """Return what the gate was given, without its reports."""
    words = (branch.parent / "arguments").read_text(encoding="utf-8").splitlines()
    assert words[:4] == ["-P", "-m", "pytest_duel", "gate"]
    return words[4 : words.index("--format")]


posix = pytest.mark.skipif(os.name != "posix", reason="the stand-ins are scripts of bash")


@posix
@pytest.mark.parametrize("inconclusive", ["pass", "fail"])
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_action_ends_as_the_gate_does(branch: Path, code: int, inconclusive: str) -> None:
    done = gate_script(branch, CODE=str(code), INCONCLUSIVE=inconclusive)
    passes = code == Exit.INCONCLUSIVE and inconclusive == "pass"
    assert done.returncode == (0 if passes else code), done.stderr
    assert ("::warning " in done.stdout) == passes
    assert done.stdout.startswith("the table\n")
    assert (branch.parent / "summary.md").read_text(encoding="utf-8") == "the verdict\n"
    assert (branch.parent / "output").read_text(encoding="utf-8") == f"exit-code={code}\n"


@posix
@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_action_takes_a_gate_without_a_report_for_an_error(branch: Path, code: int) -> None:
    done = gate_script(branch, CODE=str(code), REPORTS="", INCONCLUSIVE="pass")
    assert done.returncode == Exit.ERROR
    assert done.stdout.startswith("::error ")
    for report in ("summary.md", "duel/gate.md"):
        text = (branch.parent / report).read_text(encoding="utf-8")
        assert text.startswith("**gate: error**")


@posix
def test_the_action_holds_a_branch_against_where_it_left_its_base(branch: Path) -> None:
    assert gate_script(branch).returncode == 0
    left = git(branch, "rev-parse", "left")
    assert left != git(branch, "rev-parse", "main")
    assert arguments_of(branch) == ["--base", left]


@posix
def test_without_a_base_it_is_that_of_the_pull_request_or_the_commit_before(branch: Path) -> None:
    git(branch, "commit", "--quiet", "--allow-empty", "--message", "more work")
    assert gate_script(branch, BASE="").returncode == 0
    assert arguments_of(branch) == ["--base", git(branch, "rev-parse", "HEAD~1")]
    git(branch, "update-ref", "refs/remotes/origin/main", "main")
    assert gate_script(branch, BASE="", GITHUB_BASE_REF="main").returncode == 0
    assert arguments_of(branch) == ["--base", git(branch, "rev-parse", "left")]


@posix
def test_the_action_installs_the_harness_that_it_comes_with(branch: Path) -> None:
    assert gate_script(branch).returncode == 0
    installed = (branch.parent / "installed").read_text(encoding="utf-8").splitlines()
    # -P: a change may bring a pip.py.
    assert installed[:4] == ["-P", "-m", "pip", "install"]
    assert installed[-1] == str(ROOT / "pytest_duel")


@posix
def test_the_action_hands_on_what_it_is_given(branch: Path) -> None:
    given = {"BUDGET": "60", "THRESHOLD": "3%", "ARGUMENTS": "-k\nparse or write\n"}
    assert gate_script(branch, **given).returncode == 0
    left = git(branch, "rev-parse", "left")
    expected = ["--base", left, "--budget", "60", "--threshold", "3%", "-k", "parse or write"]
    assert arguments_of(branch) == expected


def orphan(branch: Path) -> dict[str, str]:
    git(branch, "checkout", "--quiet", "--orphan", "unrelated")
    git(branch, "commit", "--quiet", "--allow-empty", "--message", "a history of its own")
    return {}


def occupied(branch: Path) -> dict[str, str]:
    (branch.parent / "duel").write_text("no folder", encoding="utf-8")
    return {}


def shallow(branch: Path) -> dict[str, str]:
    (branch / ".git" / "shallow").write_text(git(branch, "rev-parse", "left") + "\n")
    return {}


NO_GATE: dict[str, Callable[[Path], dict[str, str]]] = {
    "unknown base": lambda _: {"BASE": "no-such-branch"},
    "an option for a base": lambda _: {"BASE": "--all"},
    "unrelated histories": orphan,
    "a shallow clone": shallow,
    "no folder for reports": occupied,
    "no harness": lambda _: {"PIP": "1"},
    "no Python": lambda _: {"PYTHON": "no-such-python"},
}


@posix
@pytest.mark.parametrize("kind", NO_GATE)
def test_what_keeps_the_gate_from_running_is_an_error(branch: Path, kind: str) -> None:
    old = branch.parent / "duel"
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
@pytest.mark.parametrize("change", ["unset RUNNER_TEMP", f"PATH={os.devnull}"])
def test_the_action_takes_a_variable_that_is_missing_for_an_error(
    branch: Path, change: str
) -> None:
    env = {"RUNNER_TEMP": str(branch.parent), "SCRIPT": str(ACTION / "gate.sh")}
    env |= {"GITHUB_STEP_SUMMARY": str(branch.parent / "summary.md")}
    done = run("bash", "-c", f'{change}; . "$SCRIPT"', cwd=branch, env=env)
    assert done.returncode == Exit.ERROR
    assert done.stdout.startswith("::error title=gate::it did not come to its end")


@posix
@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_action_ends_alike_where_the_summary_cannot_be_written(
    branch: Path, code: int
) -> None:
    done = gate_script(branch, CODE=str(code), GITHUB_STEP_SUMMARY=str(branch))
    assert done.returncode == code


def test_the_action_hands_every_input_to_its_script() -> None:
    action = read(ACTION / "action.yml")
    used = set(re.findall(r"inputs\.([\w-]+)", (ACTION / "action.yml").read_text("utf-8")))
    assert used == set(action["inputs"])
    script = (ACTION / "gate.sh").read_text(encoding="utf-8")
    for name in action["runs"]["steps"][0]["env"]:
        assert f"${{{name}:-" in script


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_gives_the_action_what_it_knows(path: Path) -> None:
    steps = [step for job in read(path)["jobs"].values() for step in job.get("steps", [])]
    for step in steps:
        if step.get("uses", "").startswith("./"):
            known = read(ROOT / step["uses"] / "action.yml")["inputs"]
            assert set(step.get("with", {})) <= set(known)


def test_no_job_that_may_write_runs_what_a_pull_request_brings() -> None:
    """Neither a checkout nor an action of the repository."""
    jobs = read(ROOT / ".github" / "workflows" / "bench.yml")["jobs"]
    writing = {name for name, job in jobs.items() if "write" in str(job.get("permissions"))}
    assert writing == {"comment"}
    used = [step.get("uses", "") for step in jobs["comment"]["steps"]]
    assert not [one for one in used if one.startswith("./") or "checkout" in one]


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


def test_every_environment_with_tests_of_its_own_is_run() -> None:
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    own = {
        name.removeprefix("testenv:")
        for name in tox.sections()
        if name.startswith("testenv:")
        and re.search(r"tests/\S+\.py", tox[name].get("commands", ""))
    }
    assert {"train", "supersuit", "ray", "rllib"} <= own
    texts = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    assert own <= {name for run in re.findall(r"tox -e (\S+)", texts) for name in run.split(",")}


def test_workflows_pin_every_action_to_one_commit() -> None:
    pins: dict[str, set[str]] = {}
    for path in RUN:
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"\buses: (\S+)@([0-9a-f]{40} # v\S+)$", text, re.MULTILINE)
        assert len(used) == len(re.findall(r"\buses: (?!\./)", text)), path
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


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_workflows_put_no_text_from_outside_into_a_shell(path: Path) -> None:
    found = list(scripts(path.read_text(encoding="utf-8")))
    assert found
    assert not [script for script in found if "${{" in script]


def test_scripts_of_a_workflow_are_found() -> None:
    said = "- run: a\n  env:\n    B: c\n- name: d\n  run: |\n    e\n\n    f\n  if: g\n"
    assert list(scripts(said)) == [" a", " |\n    e\n\n    f"]
