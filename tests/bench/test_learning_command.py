"""``python -m bench learning``: trainings of all agents, beside the equilibrium."""

import json
import sys
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from bench.__main__ import main
from bench.commands import learning as command
from bench.study import learning
from easy_marl.learning import PPO
from pytest_duel.support import processes

SPEEDS: dict[str, dict[str, Any]] = {
    "TorchRL": {"version": "1", "agents": 5, "steps": 5000, "samples": [0.5, 1.0, 0.25]},
    "Stable-Baselines3": {"version": "2", "agents": 1, "steps": 5000, "samples": [1.0]},
}
RATES = """\
| library | agents that learn from a step | steps | steps of five learning agents |
| :-- | --: | --: | --: |
| TorchRL 1 | 5 | 10,000 (5,000 to 20,000) | 10,000 (5,000 to 20,000) |
| Stable-Baselines3 2 | 1 | 5,000 | 1,000 |

`learn --all` took 81 seconds by the clock, as a whole."""

LEFT = "1.00 to 2.00 | 0.50 to 1.00 | 50"
"""After the last round, and after the best; the profit."""


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Have nobody learn; return what was asked for."""
    asked: list[tuple[Any, ...]] = []

    def train(named: Mapping[str, Any], steps: int) -> dict[str, Any]:
        asked.append((*named.values(), steps))
        left = 1.0 + named["seed"]
        return {
            "steps": steps, "cpu_seconds": 9.0, "exploitability": [0.5, left / 2, left],
            "profit": 50.0,
        }  # fmt: skip

    monkeypatch.setattr(command, "trained", train)
    speeds: dict[str, Any] = {name: partial(dict, speed) for name, speed in SPEEDS.items()}
    monkeypatch.setattr(command, "SPEEDS", speeds)
    monkeypatch.setattr(command, "command_seconds", lambda: 81.2)
    monkeypatch.setattr(command, "MARKETS", {"duopoly": 0.5})
    return asked


def test_what_was_found_is_saved_and_not_done_again(
    tmp_path: Path, trained: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "learning.json"
    arguments = ["learning", "--steps", "1000", "--seeds", "2", "--output", str(file)]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert len(trained) == 2 * len(command.WAYS)
    assert trained[0] == ("duopoly", "simultaneous", False, 0, 500)
    assert main(arguments) == 0
    assert len(trained) == 2 * len(command.WAYS)
    assert capsys.readouterr().out == first
    data = learning.load(file)
    assert RATES in learning.render_learners(data)
    rows = learning.render_schedules(data).splitlines()
    assert rows[4:] == [
        "| duopoly | bid cost | – | – | 3.20 | – | 0 |",
        f"| duopoly | learn, simultaneous (each its own) | 2 | 500 | {LEFT} |",
        f"| duopoly | learn, simultaneous (one policy) | 2 | 500 | {LEFT} |",
        # Of two that learn in turns.
        f"| duopoly | learn, ibr (each its own) | 2 | 250 | {LEFT} |",
        f"| duopoly | learn, sbr (each its own) | 2 | 250 | {LEFT} |",
        "| duopoly | equilibrium, 4 of 4 hours settled | – | – | 0.00 | – | 9,200 |",
    ]


def test_more_seeds_are_added(tmp_path: Path, trained: list[tuple[Any, ...]]) -> None:
    file = tmp_path / "learning.json"
    for seeds in "1", "3":
        arguments = ["learning", "--steps", "1000", "--seeds", seeds, "--output", str(file)]
        assert main(arguments) == 0
    assert len(trained) == 3 * len(command.WAYS)
    rows = learning.render_schedules(learning.load(file)).splitlines()
    assert [row.split(" | ")[2] for row in rows[4:]] == ["–", *["3"] * 4, "–"]


def test_trainings_of_another_length_or_other_settings_are_not_mixed(
    tmp_path: Path,
    trained: list[tuple[Any, ...]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "learning.json"
    arguments = ["learning", "--seeds", "1", "--output", str(file)]
    assert main([*arguments, "--steps", "1000"]) == 0
    before = file.read_bytes()
    assert main([*arguments, "--steps", "2000"]) == 2
    assert "learning.json has a training of another length than 1,000 steps, or by" in (
        capsys.readouterr().err
    )
    monkeypatch.setattr(command, "PPO", partial(PPO, epochs=7))
    assert main([*arguments, "--steps", "1000"]) == 2
    assert "or by other settings (market duopoly, schedule simul" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_speeds_are_measured_anew(
    tmp_path: Path, trained: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "learning.json"
    monkeypatch.setattr(command, "rllib_speed", lambda _: SPEEDS["TorchRL"] | {"steps": 1000})
    assert main(["learning", "--speeds", "--rllib", "x", "--output", str(file)]) == 0
    assert not trained
    assert main(["learning", "--seeds", "1", "--output", str(file)]) == 0
    monkeypatch.setitem(command.SPEEDS, "TorchRL", partial(dict, SPEEDS["TorchRL"], steps=9000))
    assert main(["learning", "--speeds", "--output", str(file)]) == 0
    data = learning.load(file)
    assert data["command"]["seconds"] == 81.2
    assert [one["samples"] for one in data["learners"][:2]] == [[0.5, 1.0, 0.25], [1.0]]
    assert [one["cpu_seconds"] for one in data["learners"][:2]] == [0.5, 1.0]
    told = {one["library"]: one["steps"] for one in data["learners"]}
    assert list(told.items()) == [
        ("TorchRL", 9000), ("Stable-Baselines3", 5000), ("RLlib", 1000),
    ]  # fmt: skip
    assert len(trained) == len(command.WAYS)


def saved(**parts: Any) -> dict[str, Any]:
    """Return a saved file with one training of each kind, as earlier versions have written it."""
    rest = {
        "market": "default", "agents": 5, "at_cost": 6.6, "equilibrium": 0.0, "settled": 384,
        "hours": 384, "profit_at_cost": 58.0, "profit": 118.0,
    }  # fmt: skip
    trainings = [
        {
            "market": "default", "schedule": schedule, "shared": shared, "seed": seed,
            "steps": 1000 * (1 + seed), "cpu_seconds": 0.1, "exploitability": [6.0, 3.0, 4.0],
            "profit": 120.0,
        }
        for schedule, shared in command.WAYS
        for seed in range(3)
    ]  # fmt: skip
    learner = {
        "library": "TorchRL", "version": "1", "agents": 5, "steps": 5000, "cpu_seconds": 0.5,
    }  # fmt: skip
    return {
        "schema": 1, "machine": {"cpu": "X", "usable_cores": 2}, "commit": {"id": "a" * 40},
        "rests": [rest], "trainings": trainings, "learners": [learner],
    } | parts  # fmt: skip


def test_files_with_one_sample_are_read(tmp_path: Path) -> None:
    file = tmp_path / "learning.json"
    file.write_text(json.dumps(saved()), encoding="utf-8")
    said = learning.render_learners(learning.load(file)).splitlines()
    assert said[0] == f"On X, 2 cores, commit {'a' * 10}:"
    assert said[-2:] == [
        "| TorchRL 1 | 5 | 10,000 | 10,000 |",
        # Only of those in which all five learn from each step.
        "| TorchRL, in the trainings above | 5 | 20,000 (10,000 to 30,000) "
        "| 20,000 (10,000 to 30,000) |",
    ]


def test_speeds_tell_of_which_commit_they_are() -> None:
    later = saved()["learners"][0] | {"commit": {"id": "b" * 40}}
    earlier = later | {"library": "RLlib", "commit": None}
    found = learning.render_learners(saved(learners=[later, earlier]))
    assert found.startswith(f"On X, 2 cores, commit {'b' * 10}, commit {'a' * 10}:")
    assert learning.render_schedules(saved()).startswith(f"On X, 2 cores, commit {'a' * 10}:")


@pytest.mark.parametrize(
    ("python", "message"),
    [("missing/python", "missing/python cannot be run: "), (sys.executable, "but said: Module")],
)
def test_a_python_without_rllib(
    python: str, message: str, trained: object, capsys: pytest.CaptureFixture[str]
) -> None:
    if python == sys.executable and find_spec("ray"):
        pytest.skip("it has RLlib")
    assert main(["learning", "--speeds", "--rllib", python]) == 2
    assert message in capsys.readouterr().err


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setitem(command.SPEEDS, "TorchRL", missing)
    assert main(["learning"]) == 2
    assert "the speed of TorchRL cannot be measured: No module named 'torch'" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("library", ["TorchRL", "Stable-Baselines3"])
def test_samples_are_of_the_same_steps(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torchrl" if library == "TorchRL" else "stable_baselines3")
    monkeypatch.setattr(command, "MANY", 16)
    monkeypatch.setattr(command, "SAMPLES", 2)
    found = command.SPEEDS[library]()
    assert found["steps"] == command.UPDATES * 16 * command.HOURS
    assert len(found["samples"]) == 2
    assert min(found["samples"]) > 0.0


@pytest.mark.parametrize(("code", "said"), [(0, ""), (2, "a line\nthere is no torchrl\n")])
def test_the_command_that_trains_all_is_timed(
    code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[str] = []

    def ended(args: list[str], **_: Any) -> CompletedProcess[str]:
        run.extend(args)
        return CompletedProcess(args, code, "", said)

    monkeypatch.setattr(processes, "run", ended)
    if code == 0:
        assert command.command_seconds() > 0.0
    else:
        with pytest.raises(command.LearningError, match=r"but said: there is no torchrl$"):
            command.command_seconds()
    assert run[1:4] == ["-m", "easy_marl.examples.bidding.learn", "--all"]


@pytest.mark.parametrize("steps", ["0", "x", "-1"])
def test_bad_arguments(steps: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["learning", "--steps", steps])
    assert "is no whole number above 0" in capsys.readouterr().err


def test_what_is_no_file_of_trainings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"schema": 1}), encoding="utf-8")
    assert main(["learning", "--output", str(file)]) == 2
    assert "holds no trainings" in capsys.readouterr().err
