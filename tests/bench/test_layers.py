"""Data flows one way: a module of the harness imports only from earlier stages."""

import ast
import re
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent.parent.parent / "bench"

# As CONTRIBUTING has it.
ORDER = (
    "exits", "files", "registry", "processes", "system", "collection", "gate_settings", "sources",
    "cold_start", "scenarios",
    "adversarial_markets", "adversarial_order", "adversarial_tolerance", "adversarial_batch",
    "adversarial_step",
    "adversarial", "environments", "backends", "catalogue",
    "wheel", "machine", "options", "parity", "session", "measure",
    "verdict", "judgement", "worker", "sides", "engine", "stock", "stock_suite", "trials",
    "runs", "stats", "summary", "leads", "text", "trials_text", "targets_text", "markdown",
    "palette", "charts", "figures", "report", "plugin",
    "storage", "provenance", "table", "changes", "compare", "compare_judgement",
    "index", "changepoints", "commits", "normalised", "trends", "history_warnings", "history",
    "history_judgement",
    "arms", "arm_parity", "paired", "sequential", "count_worker", "counts", "duel", "targets",
    "probes", "noise", "doctor",
    "gate", "gate_judgement", "selftest", "page", "formats", "commands", "__main__",
)  # fmt: skip
KNOW_MARKETS = {
    "cold_start", "scenarios", "adversarial_step", "adversarial", "environments", "backends",
    "catalogue",
}  # fmt: skip


def test_contributors_read_the_same_order() -> None:
    text = (BENCH.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("that stand before it here:\n\n")
    assert (*re.findall(r"\w+", rest.partition("\n\n")[0]), "__main__") == ORDER


def sources(module: str) -> list[Path]:
    """Return the file of a module, or those of a package."""
    package = BENCH / module
    return sorted(package.glob("*.py")) if package.is_dir() else [BENCH / f"{module}.py"]


def imported(module: str) -> set[str]:
    """Return all that a module or a package imports, by full name."""
    found: set[str] = set()
    for path in sources(module):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_module_has_its_place() -> None:
    modules = {path.stem for path in BENCH.glob("*.py")} - {"__init__"}
    modules |= {path.parent.name for path in BENCH.glob("*/__init__.py")}
    assert {name for name in modules if not name.startswith("test_")} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_from_earlier_stages_only(module: str) -> None:
    own = {name.split(".")[1] for name in imported(module) if name.startswith("bench.")}
    assert own - {module} <= set(ORDER[: ORDER.index(module)])


@pytest.mark.parametrize("module", sorted(set(ORDER) - KNOW_MARKETS))
def test_the_harness_knows_nothing_of_markets(module: str) -> None:
    assert not {name for name in imported(module) if name.startswith(("easy_marl", "rust_market"))}
