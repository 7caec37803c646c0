"""Commands that come to no conclusion: never a pass, never a regression, and never in silence."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.project import ROOT, RUNS
from pytest_duel.cli.main import main
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.harness import search_path

STALE = '{"exit_code": 0}'


@pytest.mark.parametrize("arguments", ["compare none none", "duel none rust"])
def test_a_command_that_cannot_judge_says_so_in_its_report(arguments: str, tmp_path: Path) -> None:
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


SAVED = [str(RUNS / f"abi-abi3-{run}.json.gz") for run in (1, 2)]


# Each is a process of its own. Commands load the project alike: every one meets one kind.
@pytest.mark.parametrize(
    ("command", "kind"),
    list(zip([["compare", *SAVED], ["duel", "numba", "rust"], ["report"]], BROKEN, strict=True)),
)
def test_a_head_that_does_not_import_is_no_regression(
    command: list[str], kind: str, tmp_path: Path
) -> None:
    code, reason = BROKEN[kind]
    package = tmp_path / "easy_marl"
    package.mkdir()
    (package / "__init__.py").write_text(code, encoding="utf-8")
    settings = '[tool.pytest-duel]\nproject = "bench.project:project"\nbenchmarks = ["*"]\n'
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest_duel", *command],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": search_path(str(ROOT))},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.ERROR
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"pytest-duel {command[0]}: {reason}")


HANGUP = """
import os, signal
from pytest_duel.support.interrupts import listen
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
