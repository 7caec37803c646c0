"""Native code in the blocks of a pytest: linked anew for each, where its links are kept."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from linked import LACKS, built
from pytest_duel.paired.arms.links import LINKS
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.plugin.placing import Placing
from pytest_duel.support.harness import search_path
from strangers import copied

pytestmark = pytest.mark.skipif(bool(LACKS), reason=LACKS)

BLOCKS = 2
CONFTEST = """
import pathlib
import sys
import pytest
from pytest_duel.catalogue.model import Backend, Catalogue, Kernel, Scenario, Sweep
from pytest_duel.plugin.arm import measured_code

pytest_plugins = ["pytest_duel.plugin.sweep"]
NOTED = pathlib.Path(__file__).with_name("noted.txt")
workers = []


def plain(number):
    return (number + 10_000.0,)


def native(number):
    import toy

    return (number + float(toy.quick()),)


def odd(number):
    return (plain(number)[0] + len(workers),)


@pytest.fixture(scope="session")
def extension(request):
    code = measured_code(request.config)
    if code is None:
        sys.path.insert(0, {site!r})
    else:
        assert [*code.modules] == ["toy"]
        workers.append(code)
    import toy

    with NOTED.open("a") as file:
        file.write(toy.__file__ + chr(10))


def backend(name, call, **more):
    return Backend(name, lambda: {{"add": call}}, **more)


def pytest_duel_catalogue():
    backends = (
        backend("plain", plain),
        backend("native", native, needs="extension"),
        backend("odd", odd, needs="extension"),
    )
    names = tuple(one.name for one in backends)
    return Catalogue(
        reference="plain",
        kernels={{"add": Kernel("add", ("sum",))}},
        backends={{one.name: one for one in backends}},
        scenarios={{"few": Scenario("few", lambda n, items, seed: [(1.0,), (2.0,)], seed=1)}},
        sweeps=(Sweep("add", "few", names, {{"default": (4,)}}),),
    )
"""
SUITE = """
import pytest


@pytest.mark.sweep("add")
def test_add(measure, backend, scenario, n):
    measure("add", backend, scenario, n)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder that holds a native module and what its link needs."""
    home = tmp_path_factory.mktemp("site")
    return built("toy", copied("extension", home / "toy"), home).modules["toy"]


def test_a_sweep_links_native_code_anew_for_each_block(site: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(site=site))
    (tmp_path / "test_add.py").write_text(SUITE)
    (tmp_path / "pytest.ini").touch()
    asked = ("--benchmark-only", f"--duel-blocks={BLOCKS}", "--benchmark-max-time=0.05")
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest",
            *asked, "--benchmark-json=run.json",
        ],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": search_path(), "COLUMNS": "300"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "linked toy anew for each block, its functions in another random order" in done.stdout
    placed = [line for line in (tmp_path / "noted.txt").read_text().split() if line]
    own = [file for file in placed if not file.startswith(site)]
    assert len(placed) - len(own) == 1  # that of this process, whose answers are checked
    assert len(set(own)) == BLOCKS
    # What a linked module answers is compared with that.
    assert "1 failed, 2 passed" in done.stdout
    assert "linked again, it gives other answers" in done.stdout
    run = json.loads((tmp_path / "run.json").read_text())
    assert {one["name"] for one in run["benchmarks"]} == {
        "test_add[plain-few-4]", "test_add[native-few-4]",
    }  # fmt: skip
    assert run["bench"]["placements"] | {"seconds": 0.0} == {
        "modules": ["toy"], "links": BLOCKS + 1, "seconds": 0.0, "faults": [],
    }  # fmt: skip


def drawn(placing: Placing, folder: Path) -> tuple[Arm, list[str]]:
    """Return the code as the first of two blocks has it, and what was said."""
    lines: list[str] = []
    with placing.drawn(Arm("own"), Suite(folder, folder), "1", BLOCKS, lines.append) as placed:
        return placed(Arm("own"), 0), lines


def test_where_nothing_is_kept_code_lies_where_it_was_built_to_lie(tmp_path: Path) -> None:
    placing = Placing()
    assert drawn(placing, tmp_path) == (Arm("own"), [])
    assert placing == Placing()


def test_what_cannot_be_linked_again_is_told(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(site, home, ignore=shutil.ignore_patterns(LINKS))
    (home / LINKS).mkdir()
    monkeypatch.syspath_prepend(str(home))
    placing = Placing()
    arm, said = drawn(placing, tmp_path)
    assert arm.placed == arm.modules == {}
    assert said == placing.faults
    assert "where it was built to lie: toy.so: how it was linked is not known" in said[0]
