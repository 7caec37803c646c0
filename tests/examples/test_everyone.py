"""All generators are trained, and it is said how far they are from an equilibrium."""

import re
from pathlib import Path

import numpy as np
import pytest

from easy_marl.envs import default, duopoly
from easy_marl.examples.bidding import everyone, learn
from easy_marl.examples.bidding.everyone import Course, Outcome, Replayed
from easy_marl.learning import Evaluation, Training, equilibrium, exploitability

COURSE = Course(duopoly(), "ibr", False, 64, 5000, 0, None)
REPORT = """\
2 generators, 4 hours an episode, a policy each, schedule ibr, seed 0
profit an episode, mean of 1 (and deviation), in currency:
  generator                  at cost                 trained             equilibrium
  0                      0                       0                   3,200
  1                      0                       0                   6,000
exploitability, in units of reward: by how much all together could gain, each alone
  bidding at cost                   3.20
  before training                   3.00
  after training                    3.20
  grid equilibrium                  0.00
the equilibrium settled in 4 of 4 hours
training: 6,144 environment steps in 2.0 s, 1,536 in a second of processor time"""


def evaluation(number: int, gains: list[float]) -> Evaluation:
    return Evaluation(
        round=number, steps=6144 * number, profits=np.zeros(2), deviations=np.zeros(2),
        prices=np.full(4, 20.0), gains=np.array(gains), seconds=2.0 * number,
        cpu_seconds=4.0 * number,
    )  # fmt: skip


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Return what comes out where nobody learnt anything."""
    at_cost = exploitability("duopoly", None)
    rest = equilibrium("duopoly")
    rounds = [evaluation(0, [2.0, 1.0]), evaluation(1, [1.6, 1.6])]
    training = Training(parameters=duopoly(), policies=[], rounds=rounds)
    left = exploitability("duopoly", Replayed(rest.episodes))
    return Outcome(at_cost, training, at_cost, rest, left)


def test_the_report(outcome: Outcome) -> None:
    assert "\n".join(everyone.report(COURSE, outcome)) == REPORT


def test_deviations_are_told_where_episodes_differ(outcome: Outcome) -> None:
    found = exploitability("duopoly", None)
    many = exploitability(duopoly(deviation=0.2), None, episodes=4)
    lines = list(everyone.report(COURSE, outcome._replace(at_cost=many, trained=found)))
    assert re.fullmatch(r"  0 +0 +\(\d+\) +0 +3,200", lines[3])


def test_pictures(outcome: Outcome, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / "x.png"
    everyone.picture(COURSE, outcome).savefig(file)
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("steps", "rounds"), [(1, 1), (960, 1), (961, 2), (2000, 3)])
def test_a_policy_learns_from_as_many_steps_as_were_asked_for(steps: int, rounds: int) -> None:
    """In a round it has 4 updates of 10 episodes of 24 hours, so 960 steps."""
    assert Course(default(), "ibr", False, 10, steps, 0, None).rounds == rounds


def test_all_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torchrl")
    monkeypatch.chdir(tmp_path)
    arguments = ["--all", "--parameters", "duopoly", "--environments", "16", "--steps", "600"]
    again = [*arguments, "--checkpoint", "run", "--output", "x.svg"]
    assert learn.main(again) == 0
    first = capsys.readouterr().out
    assert "  after training " in first
    assert Path("x.svg").stat().st_size > 1000
    assert learn.main(again) == 0
    assert capsys.readouterr().out == first  # which is all in the checkpoint, times too
