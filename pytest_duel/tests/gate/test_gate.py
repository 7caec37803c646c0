"""`pytest-duel gate` from its installed wheel, in a stranger's project, from end to end.

The toys have a clock of their own, which goes on by the work they do: a busy machine changes no
verdict. The first gate is judged as every user's is; the others hold code against code that lies
far apart, and so are judged after few blocks.
"""

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from few_blocks import FEW_BLOCKS
from linked import LLD
from places import TESTS
from pytest_duel.paired.arms.builds import installer
from repositories import commit, git
from strangers import repository

pytestmark = pytest.mark.slow


Variables = Mapping[str, str]

BUILDERS = ("setuptools>=77", "meson-python", "ninja")
BUILT_HERE = {"PIP_NO_BUILD_ISOLATION": "0"}
"""Has pip build with the builders that are there, and fetch none for each build: a 0 turns the
isolation off."""
ISOLATED = {"PIP_NO_BUILD_ISOLATION": "1"}


@dataclass(frozen=True)
class Stranger:
    """A virtual environment with nothing of ours but the wheel."""

    home: Path

    def run(
        self, folder: Path, program: str, *arguments: str, variables: Variables = BUILT_HERE
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in a folder."""
        own = {"PATH": f"{self.home / 'bin'}:/usr/bin:/bin", "HOME": str(self.home)}
        return subprocess.run(
            [str(self.home / "bin" / program), *arguments], env={**own, **variables},
            cwd=folder, capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip

    def few(
        self, folder: Path, module: str, *arguments: str, variables: Variables = BUILT_HERE
    ) -> subprocess.CompletedProcess[str]:
        """Run a module as a program whose gates are judged after few blocks."""
        command = ["python", "-c", FEW_BLOCKS, module, *arguments]
        return self.run(folder, *command, variables=variables)

    def gate(
        self, folder: Path, *arguments: str, few: bool = True, variables: Variables = BUILT_HERE
    ) -> tuple[int, dict[str, Any], str]:
        """Run the gate; return its exit code, its report and what it says on the way."""
        report = self.home / "gate.json"
        report.unlink(missing_ok=True)
        run, program = (self.few, "pytest_duel") if few else (self.run, "pytest-duel")
        options = ["gate", "--output", str(report), *arguments]
        done = run(folder, program, *options, variables=variables)
        found = json.loads(report.read_text()) if report.exists() else {}
        return done.returncode, found, done.stdout + done.stderr


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    home = tmp_path_factory.mktemp("stranger")
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(build, cwd=TESTS.parent, check=True, capture_output=True, timeout=120)
    venv.create(home, with_pip=True)
    (wheel,) = out.glob("*.whl")
    install = installer().into(str(home / "bin/python"))  # where there is uv, it takes seconds
    # Most of SciPy is never imported: what is compiles itself.
    subprocess.run([*install, "--no-compile", str(wheel), *BUILDERS], check=True, timeout=600)
    return Stranger(home)


def slowed(found: dict[str, Any]) -> set[str]:
    """Return the benchmarks that are said to be slower."""
    rows = [*found["cases"], *found["means"]]
    return {row["name"] for row in rows if row["verdict"] == "regression"}


def test_equal_code_passes(stranger: Stranger, tmp_path: Path) -> None:
    folder = repository("flat", tmp_path / "toy")
    options = ["--base", "HEAD", "--threshold", "10%"]
    code, found, said = stranger.gate(folder, *options, few=False)
    assert code == 0, said
    assert found["counts"] == {"no change": 5}
    assert git(folder, "status", "--short") == ""


def test_a_slower_function_is_named(stranger: Stranger, tmp_path: Path) -> None:
    folder = repository("src_layout", tmp_path / "repository", inside="python/toy")
    source = folder / "src/toy/work.py"
    text = source.read_text()
    slower = text.replace("range(ROUNDS)", "range(2 * ROUNDS)")
    assert slower != text
    source.write_text(slower)
    code, found, said = stranger.gate(folder, "--base", "main", "--threshold", "40%")
    assert code == 1, said
    assert slowed(found) == {"tests/test_toy.py::test_busy"}


def test_an_extension_is_compiled_on_both_sides(stranger: Stranger, tmp_path: Path) -> None:
    folder = repository("extension", tmp_path / "toy")
    source = folder / "toy.c"
    source.write_text(source.read_text().replace("ROUNDS 20000", "ROUNDS 60000"))
    path = [
        str(stranger.home / "bin"),
        "/usr/bin",
        "/bin",
        *([str(Path(LLD).parent)] if LLD else []),
    ]
    code, found, said = stranger.gate(
        folder, "--base", "main", "--threshold", "60%",
        variables={**BUILT_HERE, "PATH": ":".join(path)},
    )  # fmt: skip
    assert code == 1, said
    assert slowed(found) == {"test_extension.py::test_busy"}
    if LLD:
        assert any("linked again" in note for note in found["notes"])
    else:
        assert any("cannot be placed anew" in warning for warning in found["warnings"])


@pytest.fixture
def meson_toy(stranger: Stranger, tmp_path: Path) -> Iterator[Path]:
    """Return a project of meson-python's whose working tree is installed, to be edited.

    Who imports that install, or only asks it for a module, fails: it compiles anew, with what is
    gone. So it is after a build in isolation, where Ninja was there for the build only.
    """
    folder = repository("meson", tmp_path / "toy")
    done = stranger.run(folder, "python", "-m", "pip", "install", "--quiet", "--editable", ".")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / "build")
    assert "FileNotFoundError" in stranger.run(tmp_path, "python", "-c", "import toy").stderr
    yield folder
    stranger.run(folder, "python", "-m", "pip", "uninstall", "--quiet", "--yes", "toy")


def test_an_editable_install_of_mesons_is_no_sides(stranger: Stranger, meson_toy: Path) -> None:
    source = meson_toy / "src/toy/_work.c"
    source.write_text(source.read_text().replace("ROUNDS 20000", "ROUNDS 60000"))
    code, found, said = stranger.gate(meson_toy, "--base", "main", "--threshold", "60%")
    assert code == 1, said
    assert slowed(found) == {"test_meson.py::test_busy"}
    assert found["counts"] == {"regression": 1, "no change": 1}


def test_pytest_itself_gates_two_packages_of_one_repository(
    stranger: Stranger, tmp_path: Path
) -> None:
    folder = repository("two_packages", tmp_path / "toy")
    core = folder / "core/core/__init__.py"
    core.write_text(core.read_text().replace("tick(1000)", "tick(1200)"))
    done = stranger.few(folder, "pytest", "--benchmark-only", "--duel", "main")
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "verdict: regression" in done.stdout
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("test_twice"))
    assert "regression" in row, said


def test_tests_within_the_package_are_the_heads(stranger: Stranger, tmp_path: Path) -> None:
    folder = repository("inner", tmp_path / "toy")
    shared = folder / "toy/tests/shared.py"
    shared.write_text(shared.read_text() + "\nMORE = 1\n")  # the base has no such name
    test = folder / "toy/tests/test_inner.py"
    test.write_text(test.read_text().replace("EXPECTED\n", "EXPECTED, MORE\n", 1))
    source = folder / "toy/__init__.py"
    source.write_text(source.read_text().replace("tick(1000)", "tick(1200)"))
    # And it tries to loosen its own gate.
    with (folder / "pyproject.toml").open("a") as file:
        file.write("\n[tool.pytest-duel]\nthreshold = 0.9\n")
    code, found, said = stranger.gate(folder, "--base", "main")
    assert code == 1, said
    assert slowed(found) == {"toy/tests/test_inner.py::test_busy"}
    assert any("raises thresholds" in one for one in found["warnings"])


def test_what_comes_and_goes_is_told(stranger: Stranger, tmp_path: Path) -> None:
    folder = repository("flat", tmp_path / "toy")
    test = folder / "benchmarks/test_toy.py"
    test.write_text(test.read_text().replace("def test_joined", "def test_renamed"))
    options = ["--base", "main", "--only", "*ed", "--threshold", "20%"]
    code, found, said = stranger.gate(folder, *options)
    assert code == 2, said
    verdicts = {row["name"].partition("::")[2]: row["verdict"] for row in found["cases"]}
    assert verdicts == {"test_renamed": "new", "test_joined": "gone"}
    accepted = [*options, "--accept", "benchmarks/test_toy.py::test_joined"]
    assert stranger.gate(folder, *accepted)[0] == 0


def test_an_untracked_file_counts_as_head(stranger: Stranger, tmp_path: Path) -> None:
    folder = repository("flat", tmp_path / "toy")
    commit(folder, "two", 2)
    (folder / "benchmarks/test_more.py").write_text(
        "import toy\n\n\ndef test_more(benchmark):\n    benchmark(toy.busy)\n"
    )
    code, found, said = stranger.gate(folder, "--base", "main", "-k", "more")
    assert code == 0, said
    assert [row["verdict"] for row in found["cases"]] == ["new"]


def test_a_raised_dependency_is_measured_in_its_own_environment(
    stranger: Stranger, tmp_path: Path
) -> None:
    folder = repository("inner", tmp_path / "toy")
    settings = folder / "pyproject.toml"
    with_dependency = 'version = "1.0"\ndependencies = ["iniconfig=={}"]\n'
    plain = settings.read_text()
    settings.write_text(plain.replace('version = "1.0"\n', with_dependency.format("2.1.0")))
    source = folder / "toy/__init__.py"
    source.write_text(
        "from importlib.metadata import version\n\nfrom toy.clock import tick\n\n\n"
        "def busy():\n"
        "    tick(1000 if version('iniconfig') == '2.0.0' else 10_000)\n"
        "    return 499500\n"
    )
    git(folder, "commit", "--quiet", "--all", "--message", "depend")
    settings.write_text(plain.replace('version = "1.0"\n', with_dependency.format("2.0.0")))
    code, found, said = stranger.gate(folder, "--base", "main", "--isolated", variables=ISOLATED)
    assert code == 0, said
    assert found["counts"] == {"improvement": 1}
