"""The pages that say how to extend the project, followed to the letter in a copy of it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import ROOT, blocks_of

COPIED = (
    "bench", "easy_marl", "pytest_duel", "rust_market", "tests", "conftest.py", "pyproject.toml",
)  # fmt: skip
WRITTEN = re.compile(r"This is `(?P<path>[^`]+)`:\s*$")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the sources, under git, which applies the changes.

    With it goes what numba has compiled, which it takes where the sources are the same.
    """
    unwanted = shutil.ignore_patterns("target", "*.pyc", ".*", "runs")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True, timeout=60)
    return tmp_path


def run(words: list[str], folder: Path, given: str | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words, cwd=folder, env=environment, input=given, capture_output=True, encoding="utf-8",
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def follow(page: Path, folder: Path) -> str:
    """Do what a page says, in its order, and return what its commands print."""
    text = page.read_text(encoding="utf-8")
    said = ""
    for block in blocks_of(page):
        if block.language == "python":
            before = text.partition(f"```python\n{block.code}")[0]
            named = WRITTEN.search(before)
            assert named, f"{page.name} does not say where its Python goes"
            (folder / named["path"]).write_text(block.code, encoding="utf-8")
        elif block.language == "diff":
            # Line numbers on a page go stale; what stands around a change must be there.
            run(["git", "apply", "--recount", "-"], folder, given=block.code)
        else:
            for line in block.code.splitlines():
                words = shlex.split(line)
                assert words[0] == "pytest"
                quiet = ["-p", "no:cacheprovider", "--bench-no-rust"]
                few = ["--hypothesis-profile=few"] if words[1].startswith("tests/") else []
                said += run([sys.executable, "-m", *words, *quiet, *few], folder)
    return said


@pytest.mark.slow
def test_adding_a_backend_as_the_page_says(copy: Path) -> None:
    said = follow(ROOT / "docs" / "backend.md", copy)
    tests, sweep = said.split("passed", 1)
    assert "failed" not in said
    assert re.search(r"\b\d{2,} $", tests), "the tests of the market run on it"
    assert re.search(r"(?m)^ +n .* loop ", sweep), "it is timed"
    assert "loop" in sweep


@pytest.mark.slow
def test_a_wrong_backend_is_not_timed_and_the_market_is_named(copy: Path) -> None:
    text = (ROOT / "docs" / "backend.md").read_text(encoding="utf-8")
    right, wrong = "if supply >= enough", "if supply > enough"
    assert right in text, "the page says it otherwise now"
    text = text.replace(right, wrong)
    page = copy / "wrong.md"
    page.write_text(text.replace("pytest tests/market -k loop\n", ""), encoding="utf-8")
    with pytest.raises(AssertionError) as failed:
        follow(page, copy)
    assert "not timed: clear: loop disagrees with numpy on " in str(failed.value)
    assert "4 failed, 4 passed" in str(failed.value)


@pytest.mark.slow
def test_adding_a_kernel_as_the_page_says(copy: Path) -> None:
    said = follow(ROOT / "docs" / "kernel.md", copy)
    assert "price, peaks" in said
    assert "failed" not in said
