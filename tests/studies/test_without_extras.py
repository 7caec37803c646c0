"""What is missing is named where it is needed, and not before."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from easy_marl.studies import RayCluster, read, run
from tests.studies.functions import study

ROOT = Path(__file__).resolve().parents[2]


def test_studies_import_without_them() -> None:
    code = """
import sys
for name in "ray", "pyarrow", "filelock":
    sys.modules[name] = None
import easy_marl.studies.command
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("name", ["pyarrow", "filelock"])
def test_a_missing_package_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=f"studies need {name}: `pip install {name}`"):
        run(study(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_reader_needs_pyarrow_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match="studies need pyarrow"):
        read(tmp_path)


def test_missing_ray_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModuleNotFoundError, match="studies need ray: `pip install ray`"):
        run(study(), tmp_path, RayCluster("127.0.0.2:6379"))


@pytest.mark.parametrize("address", ["", "auto", "10.0.0.1", "10.0.0.1:", ":6379", "a:0", 3])
def test_an_address_that_is_none_is_refused(address: Any) -> None:
    with pytest.raises(ValueError, match=r"address must be 'HOST:PORT'"):
        RayCluster(address)
