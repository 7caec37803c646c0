"""What the easy_marl distribution holds."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = out.glob("*.whl")
    return zipfile.ZipFile(wheel).namelist()


def test_only_the_package_is_shipped(names: list[str]) -> None:
    assert {name.split("/")[0].split("-")[0] for name in names} == {"easy_marl"}


@pytest.mark.parametrize(
    "needed",
    [
        "easy_marl/py.typed",
        "easy_marl/fleets/ATTRIBUTION.md",
        "easy_marl/fleets/ACTIVSg2000/units.csv",
        "easy_marl/fleets/ACTIVSg2000/demand.csv",
        "easy_marl/examples/bidding/market.py",
    ],
)
def test_what_a_user_needs_is_shipped(names: list[str], needed: str) -> None:
    assert needed in names


def test_the_licences_are_shipped(names: list[str]) -> None:
    licences = [name for name in names if ".dist-info/licenses/" in name]
    assert any(name.endswith("/LICENSE") for name in licences)
    assert any(name.endswith("/ATTRIBUTION.md") for name in licences)


def test_the_oldest_rust_that_is_promised_is_the_one_that_is_tried() -> None:
    manifest = tomllib.loads((ROOT / "rust_market" / "Cargo.toml").read_text(encoding="utf-8"))
    promised = manifest["workspace"]["package"]["rust-version"]
    tried = re.findall(r"oldest: .*?(\d+\.\d+)", (ROOT / "tox.ini").read_text(encoding="utf-8"))
    assert set(tried) == {promised}
