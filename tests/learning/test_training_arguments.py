"""What `train` refuses, before it needs PyTorch."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easy_marl.envs import duopoly
from easy_marl.learning import PPO, train
from easy_marl.learning.checkpoints import Checkpoint, held, save
from easy_marl.learning.grid import checked_grid
from easy_marl.learning.plans import Plan

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"parameters": "x"}, ValueError, "parameters is 'x': the presets are default,"),
        ({"parameters": 5}, TypeError, "parameters has type int: parameters must be Parameters"),
        ({"schedule": "x"}, ValueError, "schedule is 'x': schedule must be one of 'simultan"),
        ({"shared": 1}, TypeError, "shared has type int: shared must be a bool"),
        ({"shared": True, "schedule": "ibr"}, ValueError, "shared is True: with the schedule 'ib"),
        ({"shared": True, "schedule": "sbr"}, ValueError, "shared is True: with the schedule 'sb"),
        ({"rounds": 0}, ValueError, "rounds is 0: rounds must be a positive int"),
        ({"updates": -1}, ValueError, "updates is -1: updates must be a positive int"),
        ({"environments": 1.5}, ValueError, "environments is 1.5: environments must be a pos"),
        ({"update_probability": 0.0}, ValueError, "update_probability is 0.0: update_prob"),
        ({"update_probability": 1.1}, ValueError, "update_probability is 1.1: update_prob"),
        ({"update_probability": "x"}, ValueError, "update_probability is 'x': update_prob"),
        ({"settings": {}}, TypeError, "settings has type dict: settings must be PPO"),
        ({"checkpoint": 5}, TypeError, "checkpoint has type int: checkpoint must be the path"),
        ({"checkpoint": "no/x"}, ValueError, "checkpoint is 'no.x': checkpoint must be a file"),
        ({"checkpoint": "."}, ValueError, "checkpoint is '.': checkpoint must be a file"),
        ({"grid": [[0.0, 2.0]]}, ValueError, r"grid\[0, 1\] is 2.0: actions must be between"),
        ({"episodes": 0}, ValueError, "episodes is 0: episodes must be a positive int"),
        ({"seed": -1}, ValueError, "seed is -1: a seed must be an int, and not negative"),
        ({"observation": "all"}, ValueError, "observation is 'all': observation must be one of"),
        ({"backend": "fortran"}, ValueError, "backend is 'fortran'"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"on_round": 5}, TypeError, "on_round has type int: on_round must be callable"),
        ({"progress": "no"}, TypeError, "progress has type str: progress must be a bool or None"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="^" + message):
        train(**({"parameters": "default"} | arguments))


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ({"hidden": 32}, TypeError, "hidden has type int: hidden must be a tuple of widths"),
        ({"hidden": (32, 0)}, ValueError, r"hidden\[1\] is 0: hidden\[1\] must be a positive"),
        ({"epochs": 0}, ValueError, "epochs is 0: epochs must be a positive int"),
        ({"minibatches": 2.0}, ValueError, "minibatches is 2.0: minibatches must be a pos"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate is 0.0: .* and positive"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate is nan: learning_rate must"),
        ({"clip": -0.1}, ValueError, "clip is -0.1: clip must be a finite number, and pos"),
        ({"deviation": float("inf")}, ValueError, "deviation is inf: deviation must be a"),
        ({"clip": 10**400}, ValueError, "clip is 1000.*: clip must be a finite number"),
        ({"learning_rate": "x"}, ValueError, "learning_rate is 'x': learning_rate must be"),
        ({"entropy": -1}, ValueError, "entropy is -1: entropy must be a finite number, and not"),
    ],
)
def test_bad_settings(setting: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match="^" + message):
        PPO(**setting)


def test_numbers_of_numpy_are_saved_as_any() -> None:
    one: Any = np.int64(1)
    half: Any = np.longdouble(0.5)
    settings = PPO(
        hidden=(8 * one, 8), learning_rate=half, epochs=one, minibatches=one,
        clip=half * half, entropy=0 * one, deviation=one,
    )  # fmt: skip
    assert settings == PPO(
        hidden=(8, 8), learning_rate=0.5, epochs=1, minibatches=1, clip=0.25, deviation=1.0
    )
    plan = Plan(
        parameters=duopoly(), schedule="simultaneous", shared=False, updates=one,
        environments=one, update_probability=half, settings=settings, seed=one,
        observation="simple", grid=checked_grid(None), episodes=one,
    )  # fmt: skip
    assert json.loads(json.dumps(plan.as_json())) == plan.as_json()


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_text("my thesis", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^checkpoint .*x is no training that was saved"):
        train("default", checkpoint=file)
    assert file.read_text(encoding="utf-8") == "my thesis"


def test_a_checkpoint_of_other_parameters(tmp_path: Path) -> None:
    file = tmp_path / "x"
    save(file, Checkpoint({"parameters": {"costs": [20.0, 25.0]}}, [], {}))
    with pytest.raises(
        ValueError, match=r"is of another training: its number of parameters.costs is 2,"
    ):
        train("default", checkpoint=file)


def test_two_trainings_do_not_write_the_same_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "x"
    with (
        held(file),
        pytest.raises(ValueError, match=r"^checkpoint .*x is in use: another training writes to"),
    ):
        train("default", checkpoint=file)
    assert not file.exists()


@pytest.mark.parametrize("beside", [".x.lock", ".x.tmp"])
def test_a_folder_that_cannot_be_written_is_told_before_anybody_learns(
    beside: str, tmp_path: Path
) -> None:
    (tmp_path / beside).mkdir()  # as good as a folder of somebody else
    with pytest.raises(ValueError, match=r"^checkpoint .*x cannot be written: "):
        train("default", checkpoint=tmp_path / "x")


def test_a_folder_that_cannot_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(_: Path) -> bool:
        raise PermissionError("not yours")

    monkeypatch.setattr(Path, "is_dir", forbidden)
    with pytest.raises(ValueError, match=r"^checkpoint .*x cannot be written: not yours"):
        train("default", checkpoint=tmp_path / "x")


def test_what_a_killed_training_left_is_no_hindrance(tmp_path: Path) -> None:
    file = tmp_path / "x"
    (tmp_path / ".x.tmp").write_bytes(b"half of it")
    with held(file):
        assert not (tmp_path / ".x.tmp").exists()
        assert not file.exists()


def test_without_torchrl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "easy_marl.learning.rounds", raising=False)
    monkeypatch.setitem(sys.modules, "easy_marl.envs.torchrl", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"^train needs torchrl, tqdm and filelock: `pip "
    ):
        train("default")


def test_the_package_imports_without_pytorch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import easy_marl.learning as learning; assert learning.train"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=120)
