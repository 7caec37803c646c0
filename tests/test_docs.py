"""The Python in README and docs runs as it stands there."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"(?ms)^```python\n(.*?)^```$")
STEPS = "500_000"
"""A training of so many steps takes a minute; here it is cut short."""


def blocks() -> list[Any]:
    return [
        pytest.param(code, id=f"{path.name}-{number}")
        for path in DOCUMENTS
        for number, code in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")))
    ]


@pytest.mark.parametrize("code", blocks())
def test_a_block_runs(code: str, rust_wheel: object) -> None:
    if "stable_baselines3" in code:
        pytest.importorskip("stable_baselines3")
    exec(compile(code.replace(STEPS, "2_000"), "block", "exec"), {"__name__": "block"})  # noqa: S102


def test_there_are_blocks_in_the_readme() -> None:
    assert sum("README" in str(block.id) for block in blocks()) >= 3
