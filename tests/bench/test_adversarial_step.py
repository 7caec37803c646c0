"""The adversarial steps tell wrong kernels from right ones."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from bench.adversarial import step
from bench.environments import stepping
from easy_marl.market import reference, reference_step
from easy_marl.market.stepping import GOOD, Model, Outcome, State
from pytest_duel.catalogue import outcomes

OUTPUTS = ("bad", "hours", "rewards", "observations", "prices", "dispatch", "profits")
Step = Callable[..., int]


@cache
def answered() -> list[tuple[tuple[Any, ...], outcomes.Outcome]]:
    """Return the steps and what the reference makes of them, those made for steps first.

    The markets come after them: nearly all that is wrong shows before.
    """
    right = stepping(reference_step.step_batch, 1)
    made = [example.make()[0] for example in step.examples()]
    return [(arguments, outcomes.outcome(right, arguments, {})) for arguments in reversed(made)]


def caught(step_batch: Step) -> bool:
    """Return whether any of the steps shows that a kernel is wrong."""
    call = stepping(step_batch, 1)
    return any(
        outcomes.differ(OUTPUTS, outcomes.outcome(call, arguments, {}), expected) is not None
        for arguments, expected in answered()
    )


def changed(change: Callable[[Model, State, Outcome], None]) -> Step:
    """Return the reference with its results changed."""

    def step_batch(
        model: Model, state: State, actions: Any, outcome: Outcome, *, threads: int | None = None
    ) -> int:
        bad = reference_step.step_batch(model, state, actions, outcome, threads=threads)
        if bad == GOOD:
            change(model, state, outcome)
        return bad

    return step_batch


def idle_prices(model: Model, state: State, outcome: Outcome) -> None:
    outcome.prices[~state.active] = -0.0


def profits_are_rewards(model: Model, state: State, outcome: Outcome) -> None:
    outcome.profits[...] = outcome.rewards / model.reward_scale


def demand_in_float32(model: Model, state: State, outcome: Outcome) -> None:
    rows = np.arange(len(state.hours))
    demand = state.demand[rows, state.hours].astype(np.float32) * np.float32(model.demand_scale)
    outcome.observations[:, :, 0] = demand[:, np.newaxis]


def the_last_hour(model: Model, state: State, outcome: Outcome) -> None:
    before = np.maximum(state.hours - 1, 0)
    width = model.hour_features.shape[1]
    if width:
        outcome.observations[:, :, -width:] = model.hour_features[before][:, np.newaxis]


def idle_hours_go_on(model: Model, state: State, outcome: Outcome) -> None:
    state.hours[~state.active] += 1


def writes_first(
    model: Model, state: State, actions: Any, outcome: Outcome, *, threads: int | None = None
) -> int:
    outcome.prices[0] = 1.0
    return reference_step.step_batch(model, state, actions, outcome, threads=threads)


def checks_idle_ones(
    model: Model, state: State, actions: Any, outcome: Outcome, *, threads: int | None = None
) -> int:
    good = np.abs(actions) <= 1.0
    if not good.all():
        return int(good.argmin())
    return reference_step.step_batch(model, state, actions, outcome, threads=threads)


def test_the_reference_disagrees_nowhere() -> None:
    assert not caught(reference_step.step_batch)


@pytest.mark.parametrize(
    "step_batch",
    [
        changed(idle_prices),
        changed(profits_are_rewards),
        changed(demand_in_float32),
        changed(the_last_hour),
        changed(idle_hours_go_on),
        writes_first,
        checks_idle_ones,
    ],
)
def test_a_wrong_result_is_caught(step_batch: Step) -> None:
    assert caught(step_batch)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("supply", lambda bids, quantities: float(np.sum(np.sort(quantities)))),
        ("supply", lambda bids, quantities: float(np.sum(quantities))),
        ("_merit_order", lambda bids: np.argsort(bids[::-1], kind="stable")[::-1]),
        ("_merit_order", lambda bids: np.argsort(np.float32(bids), kind="stable")),
        ("_running_sum", lambda values: np.cumsum(np.float32(values), dtype=np.float64)),
    ],
)
def test_a_wrong_clearing_is_caught(
    name: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hold the reference to one of its own with another merit order or another sum."""
    right = getattr(reference, name)
    step_batch = reference_step.step_batch

    def mutant(*arguments: Any, **options: Any) -> int:
        monkeypatch.setattr(reference, name, wrong)
        try:
            return step_batch(*arguments, **options)
        finally:
            monkeypatch.setattr(reference, name, right)

    assert caught(mutant)
