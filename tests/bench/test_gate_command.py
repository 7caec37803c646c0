"""The gate's command: its options, its ends, and whole gates in a repository of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import wheel
from bench.catalogue import catalogue
from pytest_duel.catalogue import collect
from pytest_duel.catalogue.model import FULL
from pytest_duel.catalogue.project import TABLE
from pytest_duel.cli import gate as command
from pytest_duel.cli.main import SIGNALS, main
from pytest_duel.gate import gate
from pytest_duel.paired.engine import Arm
from pytest_duel.paired.install import Checkout
from pytest_duel.selftest import selftest
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.harness import search_path

ROOT = Path(__file__).resolve().parent.parent.parent
REAL = catalogue()


@pytest.mark.parametrize(("arguments", "message"), [
    ("", "--base"),
    ("--base HEAD --threshold 2", "'2' is no share"),
    ("--base HEAD --threshold -1%", "expected one argument"),
    ("--base HEAD --threshold=-1%", "'-1%' is no share"),
    ("--base HEAD --threshold nan", "'nan' is no share"),
    ("--base HEAD --threshold much", "'much' is no share"),
    ("--base HEAD --budget 0", "'0' is no number of seconds above 0"),
    ("--base HEAD --budget nan", "'nan' is no number of seconds"),
    ("--base HEAD --budget inf", "'inf' is no number of seconds"),
    ("--base HEAD --output gate.doc", "'gate.doc' ends in none of .txt, .md, .json, .xml"),
    ("--base HEAD --output no/such/gate.md", "is in no folder that exists"),
])  # fmt: skip
def test_a_wrong_option_is_a_usage_error(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["gate", *arguments.split()])
    assert caught.value.code == Exit.ERROR
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("revision", ["no-such-revision", "", "HEAD:bench", "--all"])
def test_an_unknown_revision_is_a_usage_error(
    revision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", f"--base={revision}"]) == Exit.ERROR
    assert f"there is no revision {revision!r}" in capsys.readouterr().err


def test_an_interrupt_ends_it_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "commit_of", interrupted)
    assert main(["gate", "--base", "HEAD"]) == Exit.ERROR
    assert capsys.readouterr().err == "pytest-duel gate: interrupted\n"


def test_a_fault_of_the_gate_is_no_regression(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "commit_of", lambda *_: 1 / 0)
    assert main(["gate", "--base", "HEAD"]) == Exit.ERROR
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.fixture
def ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Let the command find two trees of the same code, and return the ids that each has."""
    everything = tuple(case.id for name in REAL.kernels for case in REAL.cases(name, FULL))
    found = dict.fromkeys(("base", "head"), everything)
    code = tmp_path / "code"
    code.mkdir()

    @contextmanager
    def prepared(revision: str | None, _: object) -> Iterator[Checkout]:
        name = "base" if revision else "head"
        yield Checkout(Arm(name, ()), tmp_path / name, code)

    monkeypatch.setattr(command, "prepared", prepared)
    monkeypatch.setattr(command, "commit_of", lambda *_: "0123456789abcdef")
    monkeypatch.setattr(collect, "case_ids", lambda tree, name, suites: found[tree.name])
    return found


def test_a_gated_benchmark_that_is_deleted_is_reported(
    ids: dict[str, tuple[str, ...]], tmp_path: Path
) -> None:
    lost = "clear[rust-uniform-50]"
    settings = tmp_path / "settings.toml"
    settings.write_text(f"[{TABLE}]\nbenchmarks = ['{lost}']\n", encoding="utf-8")
    ids["head"] = tuple(name for name in ids["head"] if name != lost)
    path = tmp_path / "gate.json"
    path.write_text('{"exit_code": 0}', encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "SETTINGS", settings)
        assert main(["gate", "--base", "main", "--output", str(path)]) == Exit.ERROR
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert saved["exit_code"] == Exit.ERROR
    assert lost in path.read_text(encoding="utf-8")


@pytest.mark.usefixtures("ids")
def test_a_pattern_that_matches_nothing_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["gate", "--base", "main", "--only", "gold[*]"]) == Exit.ERROR
    assert "no case matches 'gold[*]'" in capsys.readouterr().err


@pytest.mark.usefixtures("ids")
def test_reports_are_written_beside_what_the_screen_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gate.json"
    assert main(["gate", "--base", "main", "--output", str(path)]) == Exit.PASS
    shown = capsys.readouterr().out
    assert shown.startswith("gate: the working tree against main (0123456789): nothing")
    assert "nothing was measured" in shown
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert (saved["command"], saved["verdict"], saved["exit_code"]) == ("gate", "no change", 0)


def test_options_outweigh_the_settings(ids: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    ids["base"] += ("old[numpy-uniform-5]",)
    path = tmp_path / "gate.json"
    arguments = ["gate", "--base", "main", "--threshold", "7%", "--output", str(path)]
    assert main(arguments) == Exit.ERROR
    assert json.loads(path.read_text(encoding="utf-8"))["threshold"] == 0.07
    assert main([*arguments, "--accept-removal", "old[numpy-uniform-5]"]) == Exit.PASS


@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("floors", [{}, {"clear[rust-uniform-50]": 0.04}])
def test_a_self_test_of_another_machine_is_warned_of_where_the_wheels_differ(
    rebuilt: bool,
    floors: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    scope = gate.Scope({}, {}, (), {}, floors, rebuilt=rebuilt)
    monkeypatch.setattr(gate, "scope", lambda *_: scope)
    monkeypatch.setattr(selftest, "here", lambda _: {"cpu": "another"})
    assert main(["gate", "--base", "main"]) == Exit.PASS
    out = " ".join(capsys.readouterr().out.split())
    assert ("known from another machine's self-test" in out) == rebuilt


ONLY = ("--only", "clear[rust-uniform-50]")
TO_BE_TOUCHED = "easy_marl/market/rust_backend.py"


def git(project: Path, *arguments: str) -> str:
    known = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org"]
    command = ["git", "-C", str(project), *known, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def commit_all(project: Path) -> None:
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--no-verify", "--message", "as it is")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository of one commit, the working tree as it is, and with built wheels."""
    home = tmp_path_factory.mktemp("template") / "project"
    listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in filter(None, git(ROOT, *listed).split("\0")):
        if (ROOT / name).is_file():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, home / name)
    git(home, "init", "--quiet")
    commit_all(home)
    wheel.build()
    (home / ".cache").mkdir()
    (home / ".cache" / "wheels").symlink_to(wheel.CACHE)
    return home


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """Return such a repository to be changed."""
    return shutil.copytree(template, tmp_path / "project", symlinks=True)


def start(project: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start the project's own gate, with a folder of its own for what is temporary."""
    temporary = project.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pytest_duel", "gate", "--base", "HEAD", *ONLY, *arguments]
    environment = os.environ | {"PYTHONPATH": search_path()}
    return subprocess.Popen(
        command,
        cwd=project,
        env=environment | {"TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def run(project: Path, *arguments: str) -> tuple[int, str, str]:
    child = start(project, "--budget", "20", *arguments)
    try:
        out, err = child.communicate(timeout=300)
    finally:
        child.kill()
    nothing_left(project)
    return child.returncode, out, err


def workers(project: Path) -> list[str]:
    """Return the command lines of the processes that a gate of this project has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_text(encoding="utf-8", errors="replace")
            environment = (path / "environ").read_bytes()
        except OSError:  # it has ended
            continue
        if f"TMPDIR={project.parent / 'tmp'}\0".encode() in environment:
            found.append(line.replace("\0", " "))
    return found


def nothing_left(project: Path) -> None:
    assert len(git(project, "worktree", "list").splitlines()) == 1
    assert list((project.parent / "tmp").iterdir()) == []
    assert workers(project) == []


def touch(project: Path) -> None:
    with (project / TO_BE_TOUCHED).open("a", encoding="utf-8") as file:
        file.write("\n# Another comment.\n")


@pytest.mark.slow
def test_a_change_of_docs_is_not_measured(project: Path) -> None:
    with (project / "README.md").open("a", encoding="utf-8") as file:
        file.write("\nMore.\n")
    code, out, err = run(project)
    assert code == Exit.PASS, err
    assert "nothing was measured" in out


@pytest.mark.slow
def test_a_changed_case_is_measured_by_the_tree_it_is_in(project: Path, tmp_path: Path) -> None:
    touch(project)
    report = tmp_path / "gate.json"
    code, _, err = run(project, "--output", str(report))
    assert report.exists(), err
    found = json.loads(report.read_text(encoding="utf-8"))
    said = {row["name"]: row for row in found["cases"]}
    # What it says of the time is the machine's affair; that it could tell anything is not.
    assert code == found["exit_code"]
    assert code != Exit.ERROR, err
    assert said["clear[rust-uniform-50]"]["blocks"]
    assert said["clear[numba-uniform-5]"]["verdict"] == "control"
    assert found["nulls"].keys() >= {"A/A clear[rust-uniform-50]"}
    assert found["parity_calls"] > 0


@pytest.mark.slow
def test_a_deleted_suite_fails_the_gate_unless_its_removal_is_accepted(project: Path) -> None:
    (project / "bench" / "test_train.py").unlink()
    code, out, err = run(project, "--format", "json")
    assert code == Exit.ERROR, err
    gone = {row["name"] for row in json.loads(out)["cases"] if row["verdict"] == "gone"}
    kernels = ("train", "train_clearing")
    assert gone == {case.id for name in kernels for case in REAL.cases(name, FULL)}
    accepted = [f"--accept-removal={name}" for name in sorted(gone)]
    assert run(project, *accepted)[0] == Exit.PASS
    assert run(project, *accepted[1:])[0] == Exit.ERROR


@pytest.mark.slow
def test_a_base_that_does_not_build_is_an_error(project: Path) -> None:
    (project / "rust_market").rename(project / "elsewhere")
    commit_all(project)
    (project / "elsewhere").rename(project / "rust_market")
    code, out, err = run(project)
    assert code == Exit.ERROR
    assert "base" in err
    assert "it has no folder rust_market" in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_gate_leaves_nothing_behind(
    project: Path, tmp_path: Path, number: signal.Signals
) -> None:
    touch(project)
    child = start(project, "--budget", "120", "--output", str(tmp_path / "gate.json"))
    try:
        assert child.stderr
        for line in child.stderr:
            if line.startswith("block "):
                break
        assert any("worker.py" in line for line in workers(project))
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == Exit.ERROR
    assert err.endswith("pytest-duel gate: interrupted\n")
    assert "Traceback" not in err
    assert out == ""
    saved = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))
    assert (saved["verdict"], saved["exit_code"]) == ("error", Exit.ERROR)
    nothing_left(project)
