"""Data flows one way: a module imports from its own package and from lower tiers only."""

import ast
from pathlib import Path

import pytest

import pytest_duel

HOME = Path(pytest_duel.__file__).parent
TIERS = (
    {"support", "statistics"},
    {"catalogue"},
    {"results", "paired"},
    {"verdicts"},
    {"compare", "gate"},
    {"duel"},
    {"history", "selftest", "doctor"},
    {"formats", "charts"},
    {"page", "plugin"},
    {"cli"},
)
PACKAGES = sorted(set().union(*TIERS))


def imported(package: str) -> set[str]:
    """Return the full name of all that a package imports."""
    found: set[str] = set()
    for path in (HOME / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_package_has_a_tier() -> None:
    assert {path.parent.name for path in HOME.glob("*/__init__.py")} == set(PACKAGES)


@pytest.mark.parametrize("tier", range(len(TIERS)))
def test_a_tier_imports_from_lower_ones_only(tier: int) -> None:
    lower = set().union(*TIERS[:tier])
    for package in TIERS[tier]:
        own = {name.split(".")[1] for name in imported(package) if name.startswith("pytest_duel.")}
        assert own <= lower | {package}, package


@pytest.mark.parametrize("package", PACKAGES)
def test_the_harness_knows_no_project(package: str) -> None:
    known = ("bench.", "easy_marl", "rust_market", "conftest")
    assert not {name for name in imported(package) if f"{name}.".startswith(known)}
