"""What a tag releases: `python .github/release.py pytest_duel-v0.1.0` prints it for the workflow.

A tag is NAME-vVERSION. The version must be the one that the sources tell, in the one place where
each distribution keeps it, and its changelog must have a dated section for it.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Distribution(NamedTuple):
    """Where a distribution says what a release needs."""

    version_file: str
    version_line: str
    """A pattern with one group, that matches once."""
    changelog: str


DISTRIBUTIONS = {
    "easy_marl": Distribution("pyproject.toml", r'version = "(.+)"', "CHANGELOG.md"),
    "rust_market": Distribution(
        "rust_market/Cargo.toml", r'version = "(.+)"', "rust_market/CHANGELOG.md"
    ),
    "pytest_duel": Distribution(
        "pytest_duel/src/pytest_duel/__init__.py",
        r'__version__ = "(.+)"',
        "pytest_duel/CHANGELOG.md",
    ),
}


def version(name: str) -> str:
    """Return the version that the sources of a distribution tell."""
    own = DISTRIBUTIONS[name]
    text = (ROOT / own.version_file).read_text(encoding="utf-8")
    (found,) = re.findall(rf"(?m)^{own.version_line}$", text)
    return str(found)


def fault(name: str, tagged: str, told: str, changelog: str) -> str | None:
    """Return what keeps a tag from being released, None where nothing does."""
    if tagged != told:
        return f"the tag says {tagged}, {DISTRIBUTIONS[name].version_file} says {told}"
    if not re.search(rf"(?m)^## {re.escape(tagged)} \(\d{{4}}-\d\d-\d\d\)$", changelog):
        return f"{DISTRIBUTIONS[name].changelog} has no section ## {tagged} (YYYY-MM-DD)"
    return None


def main(tag: str) -> str | None:
    """Print the distribution and the version of a tag; return what is wrong with it."""
    name, _, tagged = tag.rpartition("-v")
    if name not in DISTRIBUTIONS:
        return f"{tag} is not NAME-vVERSION, where NAME is one of {', '.join(DISTRIBUTIONS)}"
    changelog = (ROOT / DISTRIBUTIONS[name].changelog).read_text(encoding="utf-8")
    wrong = fault(name, tagged, version(name), changelog)
    if wrong is None:
        print(f"distribution={name}\nversion={tagged}")  # noqa: T201
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
