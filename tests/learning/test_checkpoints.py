"""Files that a training goes on from: whole, checked, and of the same training."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easy_marl.learning.checkpoints import Checkpoint, check_arguments, load, save

ARRAYS = {"0/network/weight": np.arange(6, dtype=np.float32).reshape(2, 3), "1/step": np.array(7)}
SAVED = Checkpoint({"seed": 3, "costs": [0.1, 0.2]}, [{"gains": [float("nan"), 1 / 3]}], ARRAYS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.training"
    save(path, SAVED)
    return path


def test_what_was_saved_is_read_to_the_bit(file: Path) -> None:
    found = load(file)
    assert found.arguments == SAVED.arguments
    assert found.rounds[0]["gains"][1] == 1 / 3
    assert np.isnan(found.rounds[0]["gains"][0])
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found.arrays[name].dtype == array.dtype
        assert found.arrays[name].tobytes() == array.tobytes()


def test_any_damage_is_found(file: Path) -> None:
    good = file.read_bytes()
    for place in (*range(0, len(good), 97), len(good) - 1):
        file.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(
            ValueError, match=r"^checkpoint .*run.training is (damaged|no training)"
        ):
            load(file)
    for length in 0, 10, 100, len(good) - 1:
        file.write_bytes(good[:length])
        with pytest.raises(
            ValueError, match=r"^checkpoint .*run.training is (damaged|no training)"
        ):
            load(file)


def test_where_writing_fails_the_old_file_stays(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        ValueError, match=r"^checkpoint .*training cannot be written: no space left"
    ):
        save(file, Checkpoint({}, [], {}))
    assert file.read_bytes() == before
    monkeypatch.undo()
    save(file, Checkpoint({"seed": 4}, [], {}))
    assert load(file).arguments == {"seed": 4}
    assert [path.name for path in file.parent.iterdir()] == [file.name]  # nothing is left over


def test_a_file_that_cannot_be_read_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> bytes:
        raise PermissionError("not yours")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(ValueError, match=r"^checkpoint .*training cannot be read: not yours"):
        load(file)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": 4}, "its seed is 3, and 4 was given"),
        ({"parameters": {"costs": [20.0, 31.0]}}, r"parameters.costs\[1\] is 30.0, and 31.0 was"),
        ({"parameters": {"costs": [20.0]}}, "number of parameters.costs is 2, and 1 was given"),
        ({"settings": None}, "settings is {'epochs': 4}, and None was given"),
        ({"grid": [1.0]}, r"grid is None, and \[1.0\] was given"),
    ],
)
def test_another_training_is_refused(given: dict[str, Any], message: str) -> None:
    saved = {"seed": 3, "parameters": {"costs": [20.0, 30.0]}, "settings": {"epochs": 4}}
    check_arguments(Path("x"), saved, saved)
    with pytest.raises(ValueError, match=r"^checkpoint x is of another training: .*" + message):
        check_arguments(Path("x"), saved, saved | given)
