"""The study of demand: what units earn adds up, and a run that is killed is gone on with."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from easy_marl.examples.studies import demand
from easy_marl.fleets import load
from easy_marl.studies import read, run

ROOT = Path(__file__).resolve().parents[2]


def test_units_earn_what_the_prices_say(rust_wheel: object) -> None:
    fleet = load()
    found = demand.year({"fleet": "ACTIVSg2000", "growth": 1.05}, seed=3)
    served = 1.05 * fleet.demand * demand.weather(fleet, 3)
    total = np.minimum(served, fleet.capacities.sum()).sum()
    assert np.isclose(found["energy"].sum(), total)
    assert np.allclose(found["profit"], found["revenue"] - fleet.costs * found["energy"])


def test_weather_is_the_same_all_day() -> None:
    factors = demand.weather(load(), 1).reshape(-1, 24)
    assert (factors == factors[:, :1]).all()
    assert len(np.unique(factors)) == len(factors)


def test_arguments_that_make_no_study_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, said in (
        (["--scenarios", "0"], "parameters is empty"),
        (["--seed", "-1"], "seed is -1"),
        (["--processes", "0"], "'0' is no positive whole number"),
        (["--ray", "here"], "address must be 'HOST:PORT'"),
        (["--ray", "a:1", "--processes", "2"], "not allowed with"),
    ):
        with pytest.raises(SystemExit) as ended:
            demand.main([str(tmp_path / "out"), *words])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_that_is_killed_is_gone_on_with(tmp_path: Path, rust_wheel: object) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", demand.__name__, str(out), "--scenarios", "24"]
    # With the wheel, if there is one.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    first = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert first.stderr
    assert first.stderr.readline() == "block-000000.parquet\n"
    first.kill()
    first.communicate()
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=300, check=True,
    )  # fmt: skip
    assert "24 blocks, of which 0 were there" not in done.stdout
    assert not [*out.glob(".*.tmp")]
    run(demand.study(24), tmp_path / "whole")
    assert read(out).equals(read(tmp_path / "whole"))
