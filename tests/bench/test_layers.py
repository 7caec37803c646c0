"""Data flows one way: a module of the harness imports only from earlier stages."""

import ast
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent.parent.parent / "bench"

# As CONTRIBUTING has it.
ORDER = (
    "registry", "processes", "cold_start", "scenarios", "adversarial", "backends", "catalogue",
    "wheel", "machine", "options", "parity", "session", "measure", "runs", "stats", "summary",
    "text", "markdown", "report", "plugin", "__main__",
)  # fmt: skip
KNOW_MARKETS = {"cold_start", "scenarios", "adversarial", "backends", "catalogue"}


def imported(module: str) -> set[str]:
    """Return all that a module imports, by full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((BENCH / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_module_has_its_place() -> None:
    modules = {path.stem for path in BENCH.glob("*.py")} - {"__init__"}
    assert {name for name in modules if not name.startswith("test_")} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_from_earlier_stages_only(module: str) -> None:
    own = {name.split(".")[1] for name in imported(module) if name.startswith("bench.")}
    assert own <= set(ORDER[: ORDER.index(module)])


@pytest.mark.parametrize("module", sorted(set(ORDER) - KNOW_MARKETS))
def test_the_harness_knows_nothing_of_markets(module: str) -> None:
    assert not {name for name in imported(module) if name.startswith(("easy_marl", "rust_market"))}
