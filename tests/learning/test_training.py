"""All agents learn: reproducibly, against whom the schedule says; `tox -e train` runs this."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easy_marl.envs import BiddingVectorEnv, Parameters, default, duopoly
from easy_marl.learning import PPO, SCHEDULES, Training, exploitability, train
from easy_marl.learning.checkpoints import load

pytest.importorskip("torchrl")

SEEN = np.random.default_rng(0).random((4, 2, 8), dtype=np.float32)
"""What agents of a market of two might observe."""
SMALL = PPO(hidden=(8,), epochs=1, minibatches=2)
FEW: dict[str, Any] = {
    "parameters": duopoly(), "rounds": 3, "updates": 2, "environments": 16, "seed": 5,
    "grid": [[0.0, 1.0], [0.5, 0.0]], "settings": SMALL, "progress": False,
}  # fmt: skip
"""A training that takes a moment."""
ROOT = Path(__file__).resolve().parents[2]


def trained(**options: Any) -> Training:
    return train(**(FEW | options))


def learnt(training: Training) -> list[bytes]:
    """Return all that a training found, but for times."""
    acts = [np.asarray(policy(SEEN)).tobytes() for policy in training.policies]
    found = [
        (str(one.steps).encode(), one.profits.tobytes(), one.prices.tobytes(), one.gains.tobytes())
        for one in training.rounds
    ]
    return acts + [part for parts in found for part in parts]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_seed_gives_the_same_again(schedule: str) -> None:
    import torch

    first = trained(schedule=schedule)
    torch.manual_seed(99)  # the caller's stream is neither used nor changed
    np.random.seed(99)  # noqa: NPY002
    expected = torch.Generator().manual_seed(99)
    threads = torch.get_num_threads()
    assert learnt(trained(schedule=schedule)) == learnt(first)
    assert torch.rand(1).item() == torch.rand(1, generator=expected).item()
    assert torch.get_num_threads() == threads
    assert learnt(trained(schedule=schedule, seed=6)) != learnt(first)
    assert learnt(first)[0] != learnt(first)[1]


def test_it_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "run"
    whole = trained(rounds=4, update_probability=0.7)
    part = trained(rounds=2, update_probability=0.7, checkpoint=file)
    assert learnt(part) == learnt(trained(rounds=2, update_probability=0.7))
    told: list[int] = []
    found = trained(
        rounds=4, update_probability=0.7, checkpoint=str(file),
        on_round=lambda one: told.append(one.round),
    )  # fmt: skip
    assert learnt(found) == learnt(whole)
    assert told == [3, 4]
    again = trained(rounds=4, update_probability=0.7, checkpoint=file)
    assert learnt(again) == learnt(whole)
    for changed, message in (
        ({"rounds": 3}, "^rounds is 3: checkpoint .*run has 4 rounds already"),
        (
            {"parameters": duopoly(costs=[20.0, 21.0])},
            r"its parameters.costs\[1\] is 20.0, and 21",
        ),
        (
            {"settings": replace(SMALL, hidden=(9,))},
            r"its settings.hidden\[0\] is 8, and 9 was given",
        ),
        ({"shared": True}, "its shared is False, and True was given"),
    ):
        with pytest.raises(ValueError, match=message):
            trained(**({"rounds": 4, "update_probability": 0.7, "checkpoint": file} | changed))


KILLED = """
import sys
from dataclasses import replace
from tests.learning.test_training import trained
trained(rounds=10_000, checkpoint=sys.argv[1], on_round=lambda one: print(one.round, flush=True))
"""


def test_it_goes_on_after_its_process_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "run"
    command = [sys.executable, "-c", KILLED, str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8") as child:
        assert child.stdout is not None
        try:
            for line in child.stdout:
                if int(line) >= 2:
                    break
        finally:
            child.kill()  # wherever it is by now
    assert child.returncode < 0 or sys.platform == "win32"
    passed = len(load(file).rounds) - 1
    assert passed >= 2
    found = trained(rounds=passed + 1, checkpoint=file)
    assert learnt(found) == learnt(trained(rounds=passed + 1))


def test_rounds_are_judged_as_exploitability_does() -> None:
    parameters = default(agents=2, hours=3)
    found = trained(parameters=parameters, episodes=3)
    last = found.rounds[-1]
    judged = exploitability(parameters, found.policies, episodes=3, grid=FEW["grid"], seed=5)
    profits = judged.episodes.profits.sum(axis=1)
    assert last.gains.tolist() == judged.by_agent.tolist()
    assert last.exploitability == judged.total
    assert last.profits.tolist() == profits.mean(axis=0).tolist()
    assert last.deviations.tolist() == profits.std(axis=0, ddof=1).tolist()
    assert last.prices.tolist() == judged.episodes.prices.mean(axis=0).tolist()
    assert [one.round for one in found.rounds] == [0, 1, 2, 3]
    assert [one.steps for one in found.rounds] == [0, 96, 192, 288]


def test_a_spread_that_nothing_tells_is_not_zero() -> None:
    certain, one = trained(rounds=1), trained(rounds=1, parameters=default(2, hours=2), episodes=1)
    assert certain.rounds[0].deviations.tolist() == [0.0, 0.0]
    assert np.isnan(one.rounds[0].deviations).all()


def test_before_they_learn_they_bid_near_cost() -> None:
    found = trained(rounds=1).rounds[0]
    assert found.prices == pytest.approx(np.full(4, 20.0), abs=0.5)


class Actions:
    """Keeps what all do in the markets in which they learn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[np.ndarray] = []
        step = BiddingVectorEnv.step

        def kept(markets: BiddingVectorEnv, actions: Any) -> Any:
            self.taken.append(np.array(actions))
            return step(markets, actions)

        monkeypatch.setattr(BiddingVectorEnv, "step", kept)

    def explores(self) -> list[list[bool]]:
        """Return who did not do the same in all environments, episode by episode."""
        hours = np.array(self.taken).reshape(-1, 4, 16, 2, 2)
        found: list[list[bool]] = (hours != hours[:, :, :1]).any(axis=(1, 2, 4)).tolist()
        return found


def acts(policy: Any, parameters: Parameters) -> np.ndarray:
    """Return what a policy does in each hour, (T, N, 2)."""
    done: np.ndarray = exploitability(parameters, policy, grid=FEW["grid"]).episodes.actions[0]
    return done


def test_all_explore_where_all_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Actions(monkeypatch)
    trained(rounds=1)
    assert kept.explores() == [[True, True]] * 2


@pytest.mark.parametrize("schedule", ["ibr", "sbr"])
def test_others_are_frozen(schedule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two updates a turn: who does not learn does the same in all of them."""
    before, between, after = (
        acts(trained(schedule=schedule, rounds=count).policies, duopoly()) for count in (1, 2, 3)
    )
    kept = Actions(monkeypatch)
    trained(schedule=schedule)
    assert (
        kept.explores()
        == [[True, False]] * 2
        + [[False, True]] * 2
        + ([[True, False]] * 2 + [[False, True]] * 2) * 2
    )
    hours = np.array(kept.taken).reshape(3, 2, 2, 4, 16, 2, 2)[:, :, :, :, 0]
    # While 0 learns in the third round, 1 does what it did after the second.
    assert (hours[2, 0, :, :, 1] == between[:, 1]).all()
    assert (hours[1, 0, :, :, 1] == before[:, 1]).all()
    # While 1 learns then, 0 does what it has just learnt, or what it did before the round.
    met = after if schedule == "ibr" else between
    assert (hours[2, 1, :, :, 0] == met[:, 0]).all()


def test_inertia_keeps_some_as_they_are() -> None:
    told: list[int] = []

    def keep(one: Any) -> None:
        told.append(one.steps)

    trained(rounds=12, schedule="ibr", update_probability=0.5, on_round=keep)
    taken = np.diff(told) // (16 * 4 * 2)  # environments, hours, updates
    assert set(taken.tolist()) == {0, 1, 2}


def test_one_policy_of_all_sees_who_it_acts_for() -> None:
    parameters = duopoly(costs=[20.0, 30.0])
    found = trained(parameters=parameters, shared=True)
    assert found.policies[0] is found.policies[1]
    done = acts(found.policies, parameters)
    assert (done[:, 0] != done[:, 1]).any()
    assert learnt(found) == learnt(trained(parameters=parameters, shared=True))


def test_a_policy_that_became_nan_is_named() -> None:
    with pytest.raises(ValueError, match=r"^the policy of agent 0 is not finite in round 1: "):
        trained(parameters=duopoly(reward_scale=1e37))


def test_a_bar_tells_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    trained(rounds=2, progress=True)
    said = capsys.readouterr().err
    assert "training: 100%" in said
    assert "8/8" in said  # two rounds, two updates, two policies
    assert "exploitability" in said
    trained(rounds=1)  # told not to
    trained(rounds=1, progress=None)  # stderr is no terminal
    assert not capsys.readouterr().err


STATED = {"simultaneous": 1.0, "ibr": 0.4, "sbr": 0.8}
"""What is left to gain in the duopoly at most, as docs/learning.md says; at cost it is 3.2."""


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_in_the_duopoly_no_more_is_left_to_gain_than_is_stated(schedule: str) -> None:
    found = train("duopoly", schedule=schedule, rounds=10, environments=64, progress=False)
    assert found.rounds[-1].exploitability < STATED[schedule]
