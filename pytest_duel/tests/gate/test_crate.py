"""A gate of a Rust crate that maturin builds, on both sides."""

import json
import shutil
from pathlib import Path

import pytest

from pytest_duel.cli.main import main
from pytest_duel.support.exit_codes import Exit
from strangers import repository


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cargo"), reason="needs cargo")
@pytest.mark.usefixtures("few_blocks")
def test_a_crate_is_compiled_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository("crate", tmp_path / "toy")
    source = folder / "src/lib.rs"
    source.write_text(source.read_text().replace("20_000", "60_000"))
    monkeypatch.chdir(folder)
    # As some have it for all of their projects: what one side compiled is not the other's.
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "target"))
    report = tmp_path / "gate.json"
    asked = ["gate", "--base", "main", "--threshold", "60%"]
    assert main([*asked, "--output", str(report)]) == Exit.REGRESSION
    rows = json.loads(report.read_text())["cases"]
    slower = [row["name"] for row in rows if row["verdict"] == "regression"]
    assert slower == ["test_crate.py::test_busy"]
