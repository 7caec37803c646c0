"""Import time as a benchmark: what users of pytest-benchmark ask for in its issue 177.

A module is imported once in a process, so each round is made in an interpreter of its own.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loaded import LOADED
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.plugin.import_time import FreshImport, FreshImportError, Imported
from pytest_duel.support.harness import search_path
from strangers import arm, listed, one_block

PACKAGE = {
    "toy/__init__.py": "",
    "toy/part.py": """
import os
import pathlib
import sys

assert "pytest" not in sys.modules, "nothing of the tests is loaded"
print("what a module prints disturbs nothing", flush=True)
with pathlib.Path(os.environ["NOTES"]).open("a") as notes:
    notes.write(f"{os.getpid()}\\n")
""",
    "toy/broken.py": "raise RuntimeError('the library libfoo is missing')",
    "toy/ends.py": "raise SystemExit",
}
TESTS = """
import pytest


def test_import(benchmark_import):
    benchmark_import("toy.part")


@pytest.mark.parametrize("module", ["toy.none", "toy.broken", "toy.ends", "sys", "a-b", 5])
def test_wrong(benchmark_import, module):
    benchmark_import(module)
"""
REASONS = (
    "benchmark_import('toy.none'): the import fails",
    "ModuleNotFoundError: No module named 'toy.none'",
    "RuntimeError: the library libfoo is missing",
    "benchmark_import('toy.ends'): the interpreter ended during the import, with exit code 0",
    "benchmark_import('sys'): every interpreter here loads it at its start, so there is no import",
    "benchmark_import('a-b'): it takes the full name of a module, such as 'package.module'",
    "benchmark_import(5): it takes the full name of a module, such as 'package.module'",
)

Run = Callable[..., pytest.RunResult]


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PYTHONPATH", search_path())
    monkeypatch.setenv("NOTES", str(pytester.path / "notes"))
    write(pytester.path, {**PACKAGE, "test_toy.py": TESTS})

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(
            *LOADED, "-p", "no:hypothesispytest", "--benchmark-max-time=0.05", *arguments,
            timeout=120,
        )  # fmt: skip

    return run


def saved() -> dict[str, Any]:
    (found,) = json.loads(Path("run.json").read_text())["benchmarks"]
    return dict(found)


def processes() -> list[str]:
    return Path("notes").read_text().split()


def test_each_round_is_an_interpreter_of_its_own(run: Run) -> None:
    done = run("--benchmark-json=run.json", "--benchmark-min-rounds=3", "-k", "test_import")
    done.assert_outcomes(passed=1, deselected=6)
    stats = saved()["stats"]
    assert stats["rounds"] == len(stats["data"]) >= 3
    assert min(stats["data"]) > 0
    assert len(set(processes())) == len(processes()) > stats["rounds"]  # one compiles it


def test_it_is_timed_in_blocks_of_processes(run: Run) -> None:
    done = run("--benchmark-json=run.json", "--duel-blocks=2", "-k", "test_import")
    done.assert_outcomes(passed=1, deselected=6)
    assert len(saved()["extra_info"]["duel_blocks"]) == 2


def test_where_benchmarks_are_disabled_it_is_imported_once(run: Run) -> None:
    run("--benchmark-disable", "-k", "test_import").assert_outcomes(passed=1, deselected=6)
    assert len(processes()) == 1


def test_what_cannot_be_imported_says_what_python_says(run: Run) -> None:
    done = run("-k", "test_wrong")
    done.assert_outcomes(failed=6, deselected=1)
    said = str(done.stdout)
    for reason in REASONS:
        assert reason in said
    assert "During handling of" not in said


def test_instructions_of_other_processes_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/usr/libexec/valgrind/vgpreload_core-amd64-linux.so")
    with pytest.raises(FreshImportError, match="so it cannot be counted"):
        FreshImport("json", tmp_path, None).check()


def test_many_short_imports_at_a_time_are_the_mean_of_a_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine asks for batches of some milliseconds, and each import is a process."""
    taken = iter([0.001, 0.003])
    monkeypatch.setattr(FreshImport, "once", lambda _: Imported(next(taken), ""))
    assert FreshImport("json", tmp_path, None).several(40, lambda: 0.0) == pytest.approx(0.08)


SIDE = """
import os
import pathlib

with pathlib.Path(os.environ["NOTES"]).open("a") as notes:
    notes.write("{side}\\n")
{work}
"""
CONFTEST = "from pytest_duel.plugin.import_time import benchmark_import\n"


def test_a_gate_times_the_code_of_each_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project lies beside the tests as well, and is what neither side may import."""
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    head = write(
        tmp_path / "head",
        {
            "conftest.py": CONFTEST,
            "test_toy.py": TESTS.replace("toy.part", "toy"),
            "toy/__init__.py": "raise RuntimeError('the copy beside the tests')",
        },
    )
    arms = tuple(
        arm(
            side,
            write(tmp_path / side, {"toy/__init__.py": SIDE.format(side=side, work=work)}),
        )
        for side, work in (("old", ""), ("new", "import decimal, sqlite3, xmlrpc.client"))
    )
    (tmp_path / "scratch").mkdir()
    tests = Suite(head, tmp_path / "scratch", ("test_toy.py",))
    names = listed(arms[1], tests)
    found = one_block((arms[0], arms[1]), tests, names)
    assert found.differences.keys() == {"test_toy.py::test_import"}, found.errors
    assert found.own_modules > 0
    assert set((tmp_path / "notes").read_text().split()) == {"old", "new"}
    broken = found.errors["test_toy.py::test_wrong[toy.none]"]
    assert "ModuleNotFoundError: No module named 'toy.none'" in broken
