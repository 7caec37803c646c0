"""Commands that come to no conclusion: never a pass, never a regression, and never in silence."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench import wheel
from bench.project import ROOT
from pytest_duel.catalogue.collect import CollectionError
from pytest_duel.cli import gate as command
from pytest_duel.cli.main import main
from pytest_duel.formats import ENDINGS
from pytest_duel.gate import gate
from pytest_duel.paired.engine import Arm
from pytest_duel.paired.install import ArmError, Checkout
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.harness import search_path


class Failure:
    """Ways for a gate to end before it can judge anything, by what its reports say of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.patch = monkeypatch.setattr
        self.patch(command, "commit_of", lambda *_: "0123456789abcdef")
        self.unprepared("neither")

    def raising(self, name: str, error: BaseException, where: object = command) -> None:
        def fails(*_: object) -> None:
            raise error

        self.patch(where, name, fails)

    def unprepared(self, side: str) -> None:
        @contextmanager
        def prepared(revision: str | None, _: object) -> Iterator[Checkout]:
            if side == ("base" if revision else "head"):
                raise wheel.WheelError("rust_market did not build:\nerror[E0425]: no such name")
            yield Checkout(Arm("", ()), Path(), Path())

        self.patch(command, "prepared", prepared)


FAILURES: dict[str, tuple[Callable[[Failure], None], str]] = {
    "revision": (
        lambda it: it.raising("commit_of", ArmError("there is no revision 'main'")),
        "there is no revision 'main'",
    ),
    "settings": (
        lambda it: it.patch(command, "SETTINGS", "constraints.txt"), "constraints.txt",
    ),
    "base": (
        lambda it: it.unprepared("base"),
        "the base, main, cannot be measured: rust_market did not build:\nerror[E0425]: no such",
    ),
    "head": (
        lambda it: it.unprepared("head"),
        "the head, which is the working tree, cannot be measured: rust_market did not build:\n",
    ),
    "collection": (
        lambda it: it.raising("scope", CollectionError("the head: pytest cannot"), gate),
        "the head: pytest cannot",
    ),
    "interrupt": (lambda it: it.raising("commit_of", KeyboardInterrupt()), "interrupted"),
    "fault": (lambda it: it.raising("commit_of", KeyError("x")), "KeyError: 'x'"),
    "exit": (lambda it: it.raising("commit_of", SystemExit(0)), "SystemExit: 0"),
}  # fmt: skip
STALE = '{"exit_code": 0}'


@pytest.mark.parametrize("kind", FAILURES)
def test_a_gate_that_cannot_judge_says_so_in_every_report(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail, reason = FAILURES[kind]
    fail(Failure(monkeypatch))
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
    error = ET.fromstring(xml).find(".//error")  # noqa: S314
    assert error is not None
    assert reason in str(error.text)
    captured = capsys.readouterr()
    assert captured.out.startswith("::error title=gate%3A error::")
    assert reason in captured.err
    # On a screen that a person reads, standard error has said it.
    assert main(["gate", "--base", "main"]) == Exit.ERROR
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("arguments", ["compare none none", "duel none rust"])
def test_so_do_a_comparison_and_a_duel(arguments: str, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(STALE, encoding="utf-8")
    assert main([*arguments.split(), "--output", str(path)]) == Exit.ERROR
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert (saved["verdict"], saved["exit_code"]) == ("error", Exit.ERROR)
    assert "none" in saved["cases"][0]["note"]


BROKEN = {
    "syntax": ("x = = 1\n", "SyntaxError: invalid syntax"),
    "import": ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
    "exit": ("raise SystemExit(1)\n", "SystemExit: 1"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("name", ["gate --base HEAD", "compare a b", "duel numba rust", "report"])
def test_a_head_that_does_not_import_is_no_regression(
    name: str, kind: str, tmp_path: Path
) -> None:
    code, reason = BROKEN[kind]
    package = tmp_path / "easy_marl"
    package.mkdir()
    (package / "__init__.py").write_text(code, encoding="utf-8")
    settings = '[tool.pytest-duel]\nproject = "bench.project:project"\nbenchmarks = ["*"]\n'
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    output = tmp_path / "gate.json"
    output.write_text(STALE, encoding="utf-8")
    arguments = [*name.split(), *(["--output", str(output)] if name.startswith("gate") else [])]
    done = subprocess.run(
        [sys.executable, "-m", "pytest_duel", *arguments],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": search_path(str(ROOT))},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.ERROR
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"pytest-duel {name.split()[0]}: {reason}")
    if name.startswith("gate"):
        assert json.loads(output.read_text(encoding="utf-8"))["exit_code"] == Exit.ERROR


HANGUP = """
import os, signal
from pytest_duel.cli.main import listen
signal.signal(signal.SIGHUP, signal.{before})
listen()
try:
    os.kill(os.getpid(), signal.SIGHUP)
    print("went on")
except KeyboardInterrupt:
    print("was interrupted")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="as POSIX systems have it")
@pytest.mark.parametrize(("before", "said"), [
    ("SIG_DFL", "was interrupted"),
    ("SIG_IGN", "went on"),  # nohup
])  # fmt: skip
def test_a_terminal_that_hangs_up_interrupts_unless_nohup_was_asked_for(
    before: str, said: str
) -> None:
    script = HANGUP.format(before=before)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": search_path()},
    )
    assert done.stdout.strip() == said, done.stderr
