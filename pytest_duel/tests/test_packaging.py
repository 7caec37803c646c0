"""What the distribution holds."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import pytest_duel
from places import TESTS
from pytest_duel.support.harness import is_installed, search_path

INSTALLED = Path(os.environ.get("TOX_PACKAGE", ""))
"""What tox has built and installed here: in its environment `harness`, the harness's wheel."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=TESTS.parent, check=True, capture_output=True, timeout=120)
    (path,) = out.glob("*.whl")
    assert path.name.startswith(f"pytest_duel-{pytest_duel.__version__}-")
    return zipfile.ZipFile(path)


def test_only_the_package_is_shipped(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0].split("-")[0] for name in wheel.namelist()} == {"pytest_duel"}


@pytest.mark.parametrize("needed", [
    "pytest_duel/py.typed",
    "pytest_duel/page/page.css.jinja",
    "pytest_duel/page/page.html.jinja",
    "pytest_duel/page/page.js",
])  # fmt: skip
def test_what_a_user_needs_is_shipped(wheel: zipfile.ZipFile, needed: str) -> None:
    assert needed in wheel.namelist()


def test_there_is_a_script_and_a_plugin(wheel: zipfile.ZipFile) -> None:
    (name,) = [one for one in wheel.namelist() if one.endswith("entry_points.txt")]
    said = wheel.read(name).decode()
    assert "pytest-duel = pytest_duel.cli.main:main" in said
    assert "duel = pytest_duel.plugin.entry" in said


def test_every_module_is_in_the_package(wheel: zipfile.ZipFile) -> None:
    home = Path(pytest_duel.__file__).parent
    own = {f"pytest_duel/{path.relative_to(home).as_posix()}" for path in home.rglob("*.py")}
    assert own <= set(wheel.namelist())


@pytest.mark.skipif(not INSTALLED.match("pytest_duel-*.whl"), reason="only in `tox -e harness`")
def test_the_installed_wheel_is_what_is_tested(tmp_path: Path) -> None:
    assert is_installed()
    home = Path(pytest_duel.__file__).parent.parent
    with zipfile.ZipFile(INSTALLED) as wheel:
        for name in wheel.namelist():
            if name.startswith("pytest_duel/"):
                assert (home / name).read_bytes() == wheel.read(name), name
    asked = [sys.executable, "-c", "import pytest_duel; print(pytest_duel.__file__)"]
    for path in search_path(), "":  # children, with the path that the harness gives and without
        child = subprocess.run(
            asked, cwd=tmp_path, env=os.environ | {"PYTHONPATH": path},
            check=True, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert Path(child.stdout.strip()) == Path(pytest_duel.__file__)
