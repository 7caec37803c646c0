"""A bidder trained with Stable-Baselines3 earns more, and says so."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from easy_marl.envs import default
from easy_marl.examples.bidding import learn
from easy_marl.examples.bidding.learn import Learnt, Lesson

LESSON = Lesson(default(), learner=2, environments=32, steps=30_000, seed=0, backend=None)
REPORT = """\
generator 2 of 5, 24 hours an episode, seed 0
profit an episode, mean of 256, in currency:
  bidding at marginal cost         8,000
  before training                  7,900
  after training                  12,346
training: 50,000 steps in 3.2 s"""


def test_the_report() -> None:
    learnt = Learnt(8000.0, 7900.0, 12345.6, [(49_920, 9.0)], learn.at_cost, 50_000, 3.21)
    assert "\n".join(learn.report(LESSON, learnt)) == REPORT


def test_bidding_cost_earns_what_the_others_leave() -> None:
    """Generator 2 of 5 sets the price where it is marginal, and earns when others do."""
    profit = learn.mean_profit(LESSON, learn.at_cost)
    assert profit == learn.mean_profit(LESSON._replace(environments=7, seed=3), learn.at_cost)
    dearer = learn.mean_profit(LESSON, lambda seen: np.tile([0.0, 0.25], (len(seen), 1)))
    assert 0.0 < profit < dearer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "argument --steps: 0 is less than 1"),
        (["--environments", "-1"], "argument --environments: -1 is less than 1"),
        (["--parameters", "x"], "parameters is 'x': the presets are"),
        (["--learner", "9"], "learner is 9: learner must be an agent from 0 to 4"),
        (["--backend", "x"], "backend is 'x'"),
        (["--output", "x.foo"], "argument --output: x.foo is no file name"),
        (["--output", "missing/x.png"], "argument --output: missing/x.png is no file name"),
        (["--output", "x"], "that ends in .png, .svg, .pdf"),
        (["--all", "--learner", "2"], "argument --learner: with --all there is no one learner"),
        (["--schedule", "ibr"], "argument --schedule: it needs --all"),
        (["--shared"], "argument --shared: it needs --all"),
        (["--checkpoint", "x"], "argument --checkpoint: it needs --all"),
        (["--all", "--schedule", "x"], "argument --schedule: invalid choice: 'x'"),
        (["--all", "--schedule", "ibr", "--shared"], "shared is True: with the schedule 'ibr'"),
        (["--all", "--parameters", "x"], "parameters is 'x': the presets are"),
        (["--all", "--backend", "x"], "backend is 'x'"),
        (["--all", "--checkpoint", "missing/x"], "checkpoint is 'missing"),
    ],
)
def test_bad_arguments_exit_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exited:
        learn.main(arguments)
    assert exited.value.code == 2
    assert message in capsys.readouterr().err


def test_without_stable_baselines_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SystemExit):
        learn.main([])
    assert "pip install stable-baselines3 matplotlib" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "easy_marl.learning.rounds", None)
    with pytest.raises(SystemExit):
        learn.main(["--all"])
    assert "pip install torchrl tqdm matplotlib" in capsys.readouterr().err


def test_a_picture_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was learnt is told all the same."""
    pytest.importorskip("matplotlib")
    learnt = Learnt(8000.0, 7900.0, 12345.6, [(49_920, 9.0)], learn.at_cost, 50_000, 3.21)
    monkeypatch.setattr(learn, "learn", lambda lesson: learnt)
    folder = tmp_path / "x.png"
    folder.mkdir()
    with pytest.raises(SystemExit) as exited:
        learn.main(["--output", str(folder)])
    assert exited.value.code == 2
    told = capsys.readouterr()
    assert "after training                  12,346" in told.out
    assert "argument --output: " in told.err


def test_a_short_training_pays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("stable_baselines3")
    picture = tmp_path / "learnt.png"
    arguments = ["--environments", "32", "--steps", "30000", "--output", str(picture)]
    assert learn.main(arguments) == 0
    text = capsys.readouterr().out
    profits = [float(n.replace(",", "")) for n in re.findall(r"  \w.*?([\d,]+)$", text, re.M)[:3]]
    at_cost, _, after = profits
    # 15 to 25 % more in a dozen trainings of this length.
    assert after > 1.05 * at_cost
    assert picture.read_bytes().startswith(b"\x89PNG")
