"""What the documents say holds: every block of code in every page, and every link.

Python runs as it stands there. Shell commands are not run here: their programs, options and files
are looked up; those that only read are run in tests/test_cheap_commands.py.
Configuration is read; of a workflow, the actions, their inputs and its commands are looked up. A
block that cannot be tried so says why, in a comment before it: ``<!-- not tried: REASON -->``.
"""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_duel.gate.settings import Settings
from pytest_duel.selftest import said
from tests import shell

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "pytest_duel" / "README.md",
    ROOT / "rust_market" / "README.md",
)
OF_ANY_PROJECT = (
    "docs/own-project.md", "docs/migrating.md", "docs/workflow.md", "pytest_duel/README.md",
)  # fmt: skip
"""Pages whose commands and settings are for a project without a catalogue."""
FENCE = re.compile(
    r"(?ms)^(?:<!-- not tried: (?P<reason>[^\n]+) -->\n)?"
    r"(?P<fence>```+)(?P<language>[^\n]*)\n(?P<code>.*?)^(?P=fence)$"
)
LINK = re.compile(
    r"(?<!\!)\[[^\]]*\]\((?!https?:|mailto:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)"
)
STEPS = "500_000"
"""A training of so many steps takes half a minute; here it is cut short."""
PLUGIN = "pytest_duel.plugin.entry"
OPTIONAL = ("stable_baselines3", "polars", "pandas", "pyarrow", "duckdb")
"""Blocks that import them need them."""
WALKED = ("backend.md", "kernel.md")
"""Their blocks are followed to the letter in tests/test_walks.py."""

PARTS = {
    "README.md": ("uniform", "figure_times", "where"),
    "docs/choosing.md": ("uniform", "batch", "cold_start"),
    "docs/frames.md": ("tables_of_offers",),
    "docs/learning.md": ("schedules", "learners"),
    "docs/settlement.md": ("totals_of_year",),
    "docs/method.md": ("repeated_sweeps", "called", "selftest"),
    "docs/studies.md": ("places",),
    "docs/performance.md": (
        "where", "uniform", "figure_times", "figure_lead", "shapes", "batch", "other_batches",
        "fleet", "repeated", "fresh", "learnt", "native", "ways", "boundary",
        "stages_of_blocks", "stages_of_sums", "native_batch", "targets", "ties", "cold_start",
        "training", "environments", "figure_steps", "gymnasium", "year", "pools", "stable_abi",
    ),
}  # fmt: skip
"""The generated parts of each page, in order: what its text leans on does not vanish unseen."""
PART = re.compile(r"<!-- generated: (\w+) -->")


@dataclass(frozen=True)
class CodeBlock:
    page: Path
    number: int
    language: str
    code: str
    reason: str | None


def is_of_any_project(block: CodeBlock) -> bool:
    return block.page.relative_to(ROOT).as_posix() in OF_ANY_PROJECT


def plugin() -> list[str]:
    """Return what has pytest load the harness's plugin where it is only on the path."""
    installed = any(one.value == PLUGIN for one in entry_points(group="pytest11"))
    return [] if installed else ["-p", PLUGIN]


def blocks_of(page: Path) -> list[CodeBlock]:
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [
        CodeBlock(page, number, one["language"].strip(), one["code"], one["reason"])
        for number, one in enumerate(found)
    ]


BLOCKS = [block for page in DOCUMENTS for block in blocks_of(page)]


def written_in(*languages: str) -> pytest.MarkDecorator:
    chosen = [
        pytest.param(block, id=f"{block.page.relative_to(ROOT).as_posix()}-{block.number}")
        for block in BLOCKS
        if block.language in languages and not block.reason
    ]
    return pytest.mark.parametrize("block", chosen)


@written_in("python")
def test_python_runs(
    block: CodeBlock, rust_wheel: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_of_any_project(block):
        run_as_tests(block.code, tmp_path)
        return
    if block.page.name in WALKED:
        compile(block.code, "block", "exec")  # tests/test_walks.py runs it
        return
    for library in OPTIONAL:
        if f"import {library}" in block.code or f"from {library}" in block.code:
            pytest.importorskip(library)
    if "import exploitability, train" in block.code:
        pytest.importorskip("torchrl")
    if "from rust_market" in block.code and rust_wheel is None:
        pytest.skip("Rust was left out")
    monkeypatch.chdir(tmp_path)  # some write files
    exec(compile(block.code.replace(STEPS, "2_000"), "block", "exec"), {"__name__": "block"})  # noqa: S102


def run_as_tests(code: str, folder: Path) -> None:
    (folder / "test_page.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", *plugin(), "--strict-markers", "test_page.py"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT / "pytest_duel" / "src")},
        capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def options() -> set[str]:
    """Return the options that pytest knows in this project."""
    command = [sys.executable, "-m", "pytest", *plugin(), "--help"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        check=True,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT / "pytest_duel" / "src")},
    )
    return set(re.findall(r"(?m)(?:^  |, )(-{1,2}[a-zA-Z][\w-]*)", done.stdout))


@written_in("sh", "console")
def test_commands_exist(
    block: CodeBlock, options: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path if is_of_any_project(block) else ROOT)
    assert not shell.problems(block.code, options)


@pytest.mark.parametrize(
    "bad",
    [
        "make bensh",
        'make bench ARGS="--bench-teer smoke"',
        "pytest --bench-sices 5",
        "pytest bench/test_none.py",
        "pytest-duel compare --fale-on missing a b",
        "python -m bench dokter",
        "python -m easy_marl.examples.bidding.none",
        "tox -e gaet",
        "tox run -e gate -- --bass main",
        'pip install ".[nunba]"',
        "cargo bench --bench cleer",
        "(cd rast_market && cargo test)",
        "for i in 1 2; do make bensh; done",
        "rm -rf /",
    ],
)
def test_a_command_that_is_none_is_found(bad: str, options: set[str]) -> None:
    assert shell.problems(bad, options)


@written_in("toml")
def test_settings_are_settings(block: CodeBlock) -> None:
    read = tomllib.loads(block.code)
    assert set(read["tool"]["pytest-duel"]) <= set(Settings.__dataclass_fields__)


def parts_of(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in what a block of YAML says."""
    if isinstance(tree, dict):
        yield tree
    for part in (
        tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    ):
        yield from parts_of(part)


def text_of(*path: str) -> str:
    return ROOT.joinpath(*path).read_text(encoding="utf-8")


@written_in("yaml")
def test_a_workflow_uses_what_there_is(
    block: CodeBlock, options: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = text_of(".github", "workflows", "bench.yml")
    inputs = yaml.safe_load(text_of(".github", "actions", "duel", "action.yml"))["inputs"]
    hooks = {one["id"] for one in yaml.safe_load(text_of(".pre-commit-hooks.yaml"))}
    for part in parts_of(yaml.safe_load(block.code)):
        uses = part.get("uses", "")
        if "/.github/actions/duel@" in uses:
            assert set(part.get("with", {})) <= set(inputs)
        elif uses:
            assert uses in own, "another version than the repository's own"
        if "id" in part and "args" in part:
            assert part["id"] in hooks
            assert not shell.problems(shlex.join(["pytest-duel", "gate", *part["args"]]), options)
        for line in [part["run"]] if "run" in part else part.get("script", []):
            assert not shell.problems(line, options)


@written_in("diff")
def test_changes_are_followed(block: CodeBlock) -> None:
    assert block.page.name in WALKED


def test_no_block_is_left_out() -> None:
    tried = {"python", "sh", "console", "toml", "yaml", "diff", "{eval-rst}"}
    assert not [
        (block.page.name, block.language)
        for block in BLOCKS
        if block.language not in tried and not block.reason
    ]


def test_indented_blocks_are_no_code() -> None:
    """A block without a fence has no language, so nothing could try it."""
    for page in DOCUMENTS:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        found = re.findall(r"(?m)^\n {4}(?![ -])(\S+ .*)$", text)
        assert not [line for line in found if line.split()[0] in shell.PROGRAMS]


def test_there_are_blocks_in_the_readme() -> None:
    assert sum(block.page == ROOT / "README.md" for block in BLOCKS) >= 3


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.finditer(text):
        target = page.parent / link["path"] if link["path"] else page
        assert target.exists(), link[0]
        if link["anchor"]:
            assert link["anchor"] in anchors(target), link[0]


def test_the_first_page_leads_to_all() -> None:
    """The sidebar is made from it; see docs/conf.py."""
    index = ROOT / "docs" / "index.md"
    pages = {page.name for page in index.parent.glob("*.md")} - {"index.md"}
    named = [link["path"] for link in LINK.finditer(index.read_text(encoding="utf-8"))]
    assert sorted(named) == sorted(pages)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_a_page_says_what_it_is_good_for(page: Path) -> None:
    _, _, rest = page.read_text(encoding="utf-8").partition("\n\n")
    assert rest.startswith(("After this page ", "This page "))


def test_no_generated_part_is_lost() -> None:
    found = {
        page.relative_to(ROOT).as_posix(): tuple(PART.findall(page.read_text(encoding="utf-8")))
        for page in DOCUMENTS
    }
    assert {page: parts for page, parts in found.items() if parts} == PARTS


@pytest.mark.parametrize("name", ["pytest_duel/README.md", "docs/method.md"])
def test_the_rates_that_pages_tell_are_those_that_were_saved(name: str) -> None:
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    assert said.BEGIN not in text or said.refreshed(text, page) == text


@pytest.mark.parametrize("name", ["alignment-native", "alignment-rust"])
def test_what_alignment_gave_is_what_was_saved(name: str) -> None:
    saved = (ROOT / f"docs/runs/{name}.txt").read_text(encoding="utf-8")
    assert f"\n\n{saved}\n" in (ROOT / "docs/method.md").read_text(encoding="utf-8")


def test_every_picture_is_on_a_page() -> None:
    shown = {
        (page.parent / path).resolve()
        for page in DOCUMENTS
        for path in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    }
    assert shown == set((ROOT / "docs" / "figures").iterdir())
