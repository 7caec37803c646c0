"""The gate's command: its options, and how it ends where it comes to no verdict."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pytest_duel.cli import gate as command
from pytest_duel.cli.main import main
from pytest_duel.formats import ENDINGS
from pytest_duel.gate.question import Question
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.harness import search_path
from repositories import git
from strangers import repository

STALE = '{"exit_code": 0}'


@pytest.mark.parametrize(("arguments", "message"), [
    ("", "--base"),
    ("--base HEAD --threshold 2", "'2' is not a share"),
    ("--base HEAD --threshold -1%", "expected one argument"),
    ("--base HEAD --threshold=-1%", "'-1%' is not a share"),
    ("--base HEAD --threshold nan", "'nan' is not a share"),
    ("--base HEAD --threshold much", "'much' is not a share"),
    ("--base HEAD --budget 0", "'0' is not a number of seconds above 0"),
    ("--base HEAD --budget nan", "'nan' is not a number of seconds"),
    ("--base HEAD --budget inf", "'inf' is not a number of seconds"),
    ("--base HEAD --accept a*", "'a*' is a pattern"),
    ("--base HEAD --package /a", "'/a' is the same for both sides"),
    ("--base HEAD --install apt", "'apt' is not pip, none, or a command"),
    ("--base HEAD --output gate.doc", "'gate.doc' does not end in one of .txt, .md, .json, .xml"),
    ("--base HEAD --output no/such/gate.md", "is in a folder that does not exist"),
])  # fmt: skip
def test_a_wrong_option_is_a_usage_error(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["gate", *arguments.split()])
    assert caught.value.code == Exit.ERROR
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("given", ["--isolated", "--with numpy"])
def test_a_requirement_is_installed_in_environments_of_their_own(
    given: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Question] = []

    def run(question: Question, announce: object) -> None:
        asked.append(question)
        raise DuelError("no more")

    monkeypatch.setattr(command, "run_gate", run)
    assert main(["gate", "--base", "HEAD", *given.split()]) == Exit.ERROR
    assert asked[0].isolated


def test_a_report_that_is_a_folder_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gate.md").mkdir()
    with pytest.raises(SystemExit) as caught:
        main(["gate", "--base", "HEAD", "--output", str(tmp_path / "gate.md")])
    assert caught.value.code == Exit.ERROR
    assert "is a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("revision", "wrong"),
    [
        ("no-such-revision", "there is no revision"),
        ("", "there is no revision"),
        ("HEAD:toy", "which git cannot read as a commit"),
        ("--all", "there is no revision"),
    ],
)
def test_an_unknown_revision_is_a_usage_error(
    revision: str,
    wrong: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(repository("flat", tmp_path / "toy"))
    assert main(["gate", f"--base={revision}"]) == Exit.ERROR
    said = capsys.readouterr().err
    assert repr(revision) in said
    assert wrong in said


@pytest.mark.parametrize(("error", "reason"), [
    (DuelError("the base cannot be installed: no compiler"), "the base cannot be installed: no c"),
    (KeyboardInterrupt(), "interrupted"),
    (KeyError("x"), "KeyError: 'x'"),
    (SystemExit(0), "SystemExit: 0"),
])  # fmt: skip
def test_a_gate_that_cannot_judge_says_so_in_every_report(
    error: BaseException,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "run_gate", fails)
    reports = [tmp_path / f"gate{ending}" for ending in ENDINGS]
    for path in reports:
        path.write_text(STALE, encoding="utf-8")
    outputs = [f"--output={path}" for path in reports]
    assert main(["gate", "--base", "main", "--format", "github", *outputs]) == Exit.ERROR
    text, markdown, document, xml = (path.read_text(encoding="utf-8") for path in reports)
    saved = json.loads(document)
    assert (saved["verdict"], saved["exit_code"]) == ("error", Exit.ERROR)
    assert reason in saved["cases"][0]["note"]
    assert text.splitlines()[-1].startswith("verdict: error")
    assert markdown.startswith("**gate: error**")
    told = ET.fromstring(xml).find(".//error")  # noqa: S314
    assert told is not None
    assert reason in str(told.text)
    captured = capsys.readouterr()
    assert captured.out.startswith("::error title=gate%3A error::")
    assert reason in captured.err
    # On a screen that a person reads, standard error has said it.
    assert main(["gate", "--base", "main"]) == Exit.ERROR
    assert capsys.readouterr().out == ""


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of the processes whose temporary folder is this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_text(encoding="utf-8", errors="replace")
            environment = (path / "environ").read_bytes()
        except OSError:  # it has ended
            continue
        if f"TMPDIR={folder}".encode() in environment:
            found.append(line.replace("\0", " "))
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
def test_an_interrupted_gate_leaves_nothing_behind(tmp_path: Path) -> None:
    folder, temporary = repository("flat", tmp_path / "toy"), tmp_path / "tmp"
    temporary.mkdir()
    (tmp_path / "gate.json").write_text(STALE, encoding="utf-8")
    options = ["--base", "HEAD", "--install", "none", "-k", "busy", "--budget", "120"]
    options += ["--output", str(tmp_path / "gate.json")]
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest_duel", "gate", *options],
        cwd=folder, env=os.environ | {"PYTHONPATH": search_path(), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        assert child.stderr
        for line in child.stderr:
            if line.startswith("block "):
                break
        until = time.monotonic() + 60
        while len(running := processes_of(temporary)) < 2 and time.monotonic() < until:
            time.sleep(0.01)  # a block may have ended, and the next not begun
        assert len(running) > 1
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == Exit.ERROR
    assert err.endswith("pytest-duel gate: interrupted\n")
    assert "Traceback" not in err
    assert out == ""
    saved = json.loads((tmp_path / "gate.json").read_text(encoding="utf-8"))
    assert (saved["verdict"], saved["exit_code"]) == ("error", Exit.ERROR)
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []
    assert git(folder, "status", "--short") == ""
    assert git(folder, "worktree", "list").count("\n") == 0
