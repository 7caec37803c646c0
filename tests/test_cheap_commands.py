"""What the pages show of the commands that only read is run, page by page, on runs of the study.

`tests/test_docs.py` looks up the others: they measure for minutes, or install.
"""

import gzip
import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_duel.cli.main import main
from pytest_duel.support.exit_codes import Exit
from tests import shell
from tests.test_docs import BLOCKS, ROOT

READING = {"compare", "history", "report"}
WRITES_DOCS = "--update-docs"
RUNS = {
    ".benchmarks/machine/0001_before.json": "study-1.json.gz",
    ".benchmarks/machine/0002_after.json": "study-2.json.gz",
    "runs/0001_nightly.json": "study-3.json.gz",
}
"""By the name that the pages use."""
CASES = "-uniform-"
JUDGED = "gate.json", "duel.json"
"""What measuring commands save; a page shows how they are read on."""


def reading(code: str) -> Iterator[list[str]]:
    """Yield the harness's words of each command of a block that only reads, or asks for help."""
    for words in shell.commands(code):
        if words[:3] == ["python", "-m", "bench"]:
            asked = words[3:]
        elif words[0] == "pytest-duel":
            asked = words[1:]
        elif words[0] == "make" and len(words) > 1:
            given = [word.removeprefix("ARGS=") for word in words[2:]]
            asked = [words[1], *shlex.split(" ".join(given))]
        else:
            continue
        if "--help" in asked or (asked[0] in READING and WRITES_DOCS not in asked):
            yield asked


def matching(word: str) -> list[str]:
    """Return the files that a pattern stands for."""
    return sorted(map(str, Path().glob(word))) if "*" in word else []


def few_cases(saved: Path) -> str:
    """Return a saved run with a part of its cases: a page of all takes its time."""
    run = json.loads(gzip.decompress(saved.read_bytes()))
    run["benchmarks"] = [one for one in run["benchmarks"] if CASES in one["name"]]
    return json.dumps(run)


COMMANDS = {
    page: found
    for page in sorted({block.page for block in BLOCKS})
    if (
        found := [
            words
            for block in BLOCKS
            if block.page == page and block.language in ("sh", "console") and not block.reason
            for words in reading(block.code)
        ]
    )
}


def shown_first(page: Path) -> list[list[str]]:
    """Return the commands of a page that no page before it shows: to run them once is enough."""
    before = [words for other, found in COMMANDS.items() if other < page for words in found]
    return [words for words in COMMANDS[page] if words not in before]


@pytest.mark.slow
@pytest.mark.parametrize("page", COMMANDS, ids=lambda page: page.name)
def test_what_only_reads_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)  # which names the catalogue
    for name, source in RUNS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(few_cases(ROOT / "docs" / "runs" / source), encoding="utf-8")
    for name in JUDGED:
        shutil.copy(ROOT / "pytest_duel" / "tests" / "data" / "formats" / "gate.json", name)
    for words in shown_first(page):
        # As a shell does it, a pattern that matches nothing stands for itself.
        expanded = [one for word in words for one in matching(word) or [word]]
        try:
            code = main(expanded)
        except SystemExit as ended:  # of --help
            code = int(ended.code or 0)
        assert code != Exit.ERROR, expanded


def test_the_pages_that_lead_to_the_report_show_how_to_make_it() -> None:
    made = {
        page.name
        for page, found in COMMANDS.items()
        if any(words[0] == "report" and "-o" in words for words in found)
    }
    assert {"README.md", "sweep.md", "comparing.md", "gating.md", "history.md"} <= made
