"""A study on a real Ray cluster of two nodes, of which a worker and a node are killed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from easy_marl.examples.studies.tuning import claim
from easy_marl.studies import FolderError, read, run
from tests.studies.functions import FALLEN, falling

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.2"

pytest.importorskip("ray", reason="tox -e ray has it")

from bench import ray_nodes  # noqa: E402

DRIVER = """
import argparse, sys
from pathlib import Path
from easy_marl.studies.command import add_options, execute
from tests.studies import functions
parser = argparse.ArgumentParser()
add_options(parser)
parser.add_argument("--head")
parser.add_argument("--function")
options = parser.parse_args()
function = getattr(functions, options.function)
sys.exit(execute(functions.falling(options.folder.parent, function, head=options.head), options))
"""


@pytest.fixture(scope="module")
def nodes() -> Iterator[ray_nodes.Nodes]:
    """Return a cluster of two nodes with a processor each."""
    with ray_nodes.running([1, 1]) as found:
        yield found


def drive(nodes: ray_nodes.Nodes, out: Path, function: str) -> subprocess.CompletedProcess[str]:
    """Run a study on the cluster, in a process of its own."""
    command = [
        sys.executable, "-c", DRIVER, str(out), f"--ray={nodes.address}", f"--head={HOST}",
        f"--function={function}",
    ]  # fmt: skip
    return subprocess.run(
        command, cwd=ROOT, env=dict(nodes.environment), capture_output=True, encoding="utf-8",
        timeout=120, check=False,
    )  # fmt: skip


def whole(folder: Path) -> bool:
    """Tell whether a study's rows are those that a loop gives, each of them once."""
    run(falling(folder), folder / "loop")
    rows = ["scenario", "seed", "x"]
    return bool(read(folder / "out").select(rows).equals(read(folder / "loop").select(rows)))


def test_a_worker_that_is_killed_loses_nothing_and_any_place_goes_on(
    nodes: ray_nodes.Nodes, tmp_path: Path
) -> None:
    done = drive(nodes, tmp_path / "out", "falls")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / FALLEN).exists()
    assert "4 blocks, of which 0 were there and 4 were written" in done.stdout
    assert sorted(line for line in done.stderr.splitlines() if line.endswith(".parquet")) == [
        f"block-{number:06}.parquet" for number in range(4)
    ]
    assert "block 1 was lost, try 1: " in done.stderr
    assert whole(tmp_path)
    (tmp_path / "out" / "block-000002.parquet").unlink()
    outcome = run(falling(tmp_path, head=HOST), tmp_path / "out")
    assert (outcome.found, outcome.written) == (3, 1)
    assert whole(tmp_path)


def test_a_block_whose_worker_always_dies_is_named(nodes: ray_nodes.Nodes, tmp_path: Path) -> None:
    done = drive(nodes, tmp_path / "out", "always_falls")
    assert done.returncode == 1
    assert "block 1 was lost, try 3: " in done.stderr
    assert "error: block 1 was lost, try 4: " in done.stderr


def test_what_a_function_raises_names_the_scenario(nodes: ray_nodes.Nodes, tmp_path: Path) -> None:
    done = drive(nodes, tmp_path / "out", "raises")
    assert done.returncode == 1
    assert "ZeroDivisionError: three is too many" in done.stderr
    assert "in scenario 3: parameters {'mean': 3.0" in done.stderr


def test_a_cluster_that_wants_a_token_refuses_who_has_none(
    nodes: ray_nodes.Nodes, tmp_path: Path
) -> None:
    without = dict(nodes.environment)
    del without["RAY_AUTH_MODE"], without["RAY_AUTH_TOKEN"]
    done = drive(ray_nodes.Nodes(nodes.address, without), tmp_path / "out", "falls")
    assert done.returncode == 1
    assert f"error: cannot work with the cluster at {nodes.address}" in done.stderr
    assert not [*(tmp_path / "out").glob("*.parquet")]


def test_a_node_that_is_killed_is_named_and_loses_nothing(tmp_path: Path) -> None:
    with ray_nodes.running([1, 1]) as nodes:
        done = drive(nodes, tmp_path / "out", "node_falls")
    assert done.returncode == 0, done.stderr
    assert "was lost, try 1: " in done.stderr
    assert "127.0.0.3" in done.stderr
    assert "4 blocks, of which 0 were there and 4 were written" in done.stdout
    assert whole(tmp_path)


TUNING = """
import sys
from pathlib import Path
from easy_marl.examples.studies.tuning import report, search
from ray import tune
from tests.studies.functions import tried
space = {"rate": tune.grid_search([0.5, 2.0]), "seed": tune.grid_search([0, 1, 2])}
for _ in range(2):  # the second time it is all there
    print(*report(search(tried, space, Path(sys.argv[1]), sys.argv[2])), sep="\\n")
"""


def test_tune_searches_over_rates_and_seeds(nodes: ray_nodes.Nodes, tmp_path: Path) -> None:
    command = [sys.executable, "-c", TUNING, str(tmp_path / "found"), nodes.address]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(nodes.environment), capture_output=True, encoding="utf-8",
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.split()[:1] != ["rate"]]
    with pytest.raises(FolderError, match=r"space.json is of another search: rate is \{"):
        claim(tmp_path / "found", {"rate": {"grid_search": [0.5]}})
    numbers = [line for line in lines if line and line[0] in ("0.5", "2")]
    assert numbers == 2 * [["0.5", "3", "1.5", "2.5"], ["2", "3", "3", "4"]]
