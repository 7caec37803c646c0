"""The environments' step: every backend gives the reference's bits, and refuses what it must."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easy_marl.market import Backend, get_backend, numpy_backend, reference_step
from easy_marl.market.stepping import ALL, GOOD, Model, Outcome, Singles, State, room

HOURS = 3
Step = tuple[Model, State, Singles]


@pytest.fixture(params=["numba", "rust"])
def compiled(request: pytest.FixtureRequest) -> Backend:
    """Return a backend that does not leave it to NumPy to refuse shapes and hours."""
    name: str = request.param
    backend: Backend = request.getfixturevalue("rust") if name == "rust" else get_backend(name)
    return backend


@pytest.fixture
def rust(rust_wheel: dict[str, str] | None) -> Backend:
    if rust_wheel is None:
        pytest.skip("Rust was left out")
    return get_backend("rust")


quick = settings(
    # The backend is the same in all examples.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
agents = st.integers(1, 12) | st.sampled_from([20, 32, 33, 64, 65, 100])
scales = st.sampled_from([0.0, 1.0, 0.37, 20.0])


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Ties, scarcity, zero demand, offers withheld to nothing; some environments not active."""
    n, rows, seed = draw(agents), draw(st.integers(0, 20)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    learner = draw(st.just(ALL) | st.integers(0, n - 1))
    costs = draw(st.sampled_from([rng.uniform(-20.0, 60.0, n), rng.choice([0.0, 20.0, -20.0], n)]))
    capacities = draw(st.sampled_from([rng.uniform(0.0, 50.0, n), rng.choice([0.0, 10.0], n)]))
    of_agent, of_hour = draw(st.integers(0, 6)), draw(st.integers(0, 10))
    model = Model(
        capacities,
        costs,
        rng.uniform(-1.0, 1.0, (n, of_agent)).astype(np.float32),
        rng.uniform(-1.0, 1.0, (HOURS + 1, of_hour)).astype(np.float32),
        draw(scales),
        draw(scales),
        draw(scales),
        draw(scales),
        draw(scales),
        learner,
        draw(st.sampled_from(["first", "pro_rata"])),
        draw(st.none() | st.sampled_from([0.0, -3.0, 3000.0])),
        draw(st.sampled_from([0.0, 1e-9, 1e-3, 0.5, 1.0 - 2.0**-53])),
    )
    hours = rng.integers(0, HOURS + 1, rows)
    state = State(
        hours,
        rng.choice([0.0, 0.3, 0.9, 1.0, 1.5], (rows, HOURS + 1))
        * draw(st.sampled_from([1.0, rng.random((rows, 1))]))
        * capacities.sum(),
        (rng.random(rows) < 0.8) & (hours < HOURS),
    )
    shape = rows, n if learner == ALL else 1, 2
    few = np.array([-1.0, -0.5, -0.0, 0.0, 0.5, 1.0])
    actions = draw(st.sampled_from([rng.uniform(-1.0, 1.0, shape), rng.choice(few, shape)]))
    if draw(st.booleans()):  # some withhold everything, in some environments all
        actions[rng.random(shape[:2]) < rng.choice([0.1, 0.5, 1.0], (rows, 1)), 0] = 1.0
    step = model, state, actions.astype(np.float32)
    if draw(st.booleans()):
        ask_for_steps_of_supply(step, rng)
    return step


def ask_for_steps_of_supply(step: Step, rng: np.random.Generator) -> None:
    """Set demand of some environments to where supply ends with one of the units, or beside it."""
    model, state, actions = step
    for row in np.flatnonzero(rng.random(len(actions)) < 0.7):
        bids, quantities = reference_step.offers(model, actions[row])
        total = rng.choice(np.add.accumulate(quantities[np.argsort(bids, kind="stable")]))
        within = total / (1.0 - model.tolerance)
        near = [total, np.nextafter(total, 0.0), np.nextafter(total, np.inf), within]
        near += [max(0.0, within + ulps * np.spacing(within)) for ulps in (-30, -1, 1, 30)]
        state.demand[row, state.hours[row]] = rng.choice(near)


def run(backend: Any, step: Step, **options: Any) -> tuple[int, list[bytes]]:
    """Return what a backend returns, and the bits of all that it wrote."""
    model, state, actions = step
    state = state._replace(hours=state.hours.copy())
    outcome = room(model, len(actions))
    for array in outcome:
        array.fill(7.0)
    bad = backend.step_batch(model, state, actions, outcome, **options)
    return bad, [array.tobytes() for array in (state.hours, *outcome)]


def some_step(rows: int = 9, learner: int = 1, **changes: Any) -> Step:
    rng = np.random.default_rng(0)
    model = Model(
        np.full(5, 20.0), np.arange(5.0), np.zeros((5, 2), np.float32),
        np.zeros((HOURS + 1, 3), np.float32), 2.0, 0.1, 10.0, 0.01, 0.01, learner,
    )._replace(**changes)  # fmt: skip
    state = State(
        np.arange(rows) % HOURS, rng.uniform(0.0, 110.0, (rows, HOURS + 1)), np.ones(rows, bool)
    )
    shape = rows, 5 if learner == ALL else 1, 2
    return model, state, rng.uniform(-1.0, 1.0, shape).astype(np.float32)


@quick
@given(step=steps(), threads=st.sampled_from([None, 1, 2]))
def test_a_step_is_the_reference_to_the_last_bit(
    backend: Backend, step: Step, threads: int | None
) -> None:
    assert run(backend, step, threads=threads) == run(numpy_backend, step)


@pytest.mark.parametrize("learner", [ALL, 3])
@pytest.mark.parametrize("ties", ["first", "pro_rata"])
def test_no_unit_delivers_more_than_it_offers(compiled: Backend, learner: int, ties: str) -> None:
    """What is left for a unit can be an ulp more, where sums were rounded."""
    model, state, actions = some_step(1000, learner, ties=ties)
    rng = np.random.default_rng(1)
    model = model._replace(
        capacities=rng.uniform(0.1, 0.7, 5), costs=rng.choice([10.0, 20.0], 5), bid_change=0.0
    )
    ask_for_steps_of_supply((model, state, actions), rng)
    step = model, state, actions
    assert run(compiled, step, threads=1) == run(numpy_backend, step)


def test_who_withholds_everything_sets_no_price(backend: Backend) -> None:
    model, state, actions = some_step(4, ALL, costs=np.array([10.0, 20.0, 30.0, 40.0, 9000.0]))
    actions[:] = 0.0
    actions[:3, 4, 0] = 1.0
    actions[1, :, 0] = 1.0
    state.demand[:] = np.array([100.0, 0.0, 80.0 * (1.0 + 1e-10), 80.0 * (1.0 + 1e-8)])[:, None]
    outcome = room(model, 4)
    assert backend.step_batch(model, state, actions, outcome) == GOOD
    assert outcome.prices.tolist() == [40.0, 10.0, 40.0, 9000.0]
    shortage = [20.0, 0.0, 0.0, 0.0]
    profits = (outcome.prices[:, None] - model.costs) * outcome.dispatch
    charged = (profits - 10.0 * np.array(shortage)[:, None]) * 0.01
    np.testing.assert_allclose(outcome.rewards, charged)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("ties", ["first", "pro_rata"])
def test_many_agents(compiled: Backend, ties: str, threads: int) -> None:
    """Of as many as this, backends do not sort all."""
    model, state, actions = some_step(24, ALL, ties=ties)
    rng = np.random.default_rng(2)
    n = 1003
    actions = rng.uniform(-1.0, 1.0, (24, n, 2)).astype(np.float32)
    actions[::2, :, 1] = 0.0  # so that costs tie
    model = model._replace(
        capacities=rng.uniform(0.0, 50.0, n),
        costs=rng.choice(np.arange(0.0, 75.0, 0.25), n),
        agent_features=np.zeros((n, 1), np.float32),
    )
    state = state._replace(demand=rng.uniform(0.0, 0.8 * 25.0 * n, state.demand.shape))
    step = model, state, actions
    assert run(compiled, step, threads=threads) == run(numpy_backend, step)


@pytest.mark.parametrize("learner", [ALL, 3])
@pytest.mark.parametrize("ties", ["first", "pro_rata"])
def test_threads_change_nothing(compiled: Backend, learner: int, ties: str) -> None:
    step = some_step(5000, learner, ties=ties)
    assert run(compiled, step, threads=2) == run(compiled, step, threads=1)


@quick
@given(
    step=steps(),
    bad=st.sampled_from([np.nan, np.inf, -np.inf, 1.0000001, -1.5]),
    places=st.lists(st.integers(0, 2**16), min_size=1, max_size=3),
)
def test_the_first_bad_action_is_told_and_nothing_is_written(
    backend: Backend, step: Step, bad: float, places: list[int]
) -> None:
    model, state, actions = step
    actions = actions.copy()
    for place in places[: actions.size]:
        actions.reshape(-1)[place % actions.size] = bad
    spoilt = ~(np.abs(actions) <= 1.0) & state.active[:, None, None]
    position, written = run(backend, (model, state, actions))
    if not spoilt.any():
        assert position == GOOD
        return
    assert position == np.flatnonzero(spoilt)[0]
    hours, *others = written
    assert hours == state.hours.tobytes()
    assert others == [np.full_like(array, 7.0).tobytes() for array in room(model, len(actions))]


def test_a_later_step_starts_where_the_last_one_ended(backend: Backend) -> None:
    model, state, actions = some_step()
    state.hours[:] = 0
    outcome = room(model, len(actions))
    for hour in range(HOURS):
        assert backend.step_batch(model, state, actions, outcome) == GOOD
        assert set(state.hours) == {hour + 1}
    state.active[:] = False
    assert backend.step_batch(model, state, actions, outcome) == GOOD
    assert set(state.hours) == {HOURS}
    assert not outcome.rewards.any()


@pytest.mark.parametrize(
    ("hour", "active"), [(-1, True), (-1, False), (HOURS, True), (HOURS + 1, False), (2**62, True)]
)
def test_hours_that_an_episode_does_not_have(backend: Backend, hour: int, active: bool) -> None:
    model, state, actions = some_step()
    state.hours[4], state.active[4] = hour, active
    outcome = room(model, len(actions))
    for array in outcome:
        array.fill(7.0)
    rule = f"less than {HOURS} where active" if active else f"at most {HOURS} where idle"
    message = re.escape(f"state.hours[4] is {hour}: it must be at least 0 and {rule}")
    with pytest.raises(ValueError, match=f"^{message}$"):
        backend.step_batch(model, state, actions, outcome)
    assert all((array == 7.0).all() for array in outcome)


WHILE_WRITING = """
import sys, threading, time
import numpy as np
from easy_marl.market import get_backend
from easy_marl.market.stepping import room
from tests.market.test_step import ALL, some_step

step_batch = get_backend(sys.argv[1]).step_batch
learner, threads = int(sys.argv[2]), int(sys.argv[3])
sys.setswitchinterval(1e-5)
model, state, actions = some_step(20_000, learner)
outcome = room(model, len(actions))
step_batch(model, state, actions, outcome, threads=threads)
stop = threading.Event()

def write():
    while not stop.is_set():
        for hour in 2**40, 0, -(2**40), 0, 3, 0:
            state.hours[-500:] = hour
            state.active[-500:] = not state.active[-1]

writer = threading.Thread(target=write)
writer.start()
passed = 0
while passed < 100:
    state.hours[:-500] = 0
    try:
        step_batch(model, state, actions, outcome, threads=threads)
    except ValueError as error:
        assert "state.hours" in str(error)
        time.sleep(1e-4)  # let the other one go on
    else:
        passed += 1
stop.set()
writer.join()
print("alive")
"""


@pytest.mark.parametrize("learner", [ALL, 1])
@pytest.mark.parametrize("threads", [1, 2])
def test_hours_that_change_meanwhile_are_no_index(
    compiled: Backend, learner: int, threads: int, rust_wheel: dict[str, str] | None
) -> None:
    """Another thread may write what it likes, even after the hours were found good."""
    done = subprocess.run(
        [sys.executable, "-c", WHILE_WRITING, compiled.name, str(learner), str(threads)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


Arguments = tuple[Model, State, Singles, Outcome]


def some_arguments() -> Arguments:
    model, state, actions = some_step()
    return model, state, actions, room(model, len(actions))


def fields(arguments: Arguments) -> Iterator[tuple[str, Any]]:
    """Yield the names of all fields, and what they are."""
    model, state, actions, outcome = arguments
    yield "actions", actions
    for record in model, state, outcome:
        yield from zip(record._fields, record, strict=True)


def changed(arguments: Arguments, name: str, bad: Any) -> Arguments:
    """Return the arguments with one field changed: to something, or by a function."""
    model, state, actions, outcome = arguments

    def change(field: Any) -> Any:
        return bad(field) if callable(bad) else bad

    if name == "actions":
        return model, state, change(actions), outcome
    if name in Model._fields:
        return model._replace(**{name: change(getattr(model, name))}), state, actions, outcome
    if name in State._fields:
        return model, state._replace(**{name: change(getattr(state, name))}), actions, outcome
    outcome = outcome._replace(**{name: change(getattr(outcome, name))})
    return model, state, actions, outcome


def read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def misaligned(array: Any) -> Any:
    space = np.zeros(array.nbytes + 1, np.uint8)
    return space[1:].view(array.dtype).reshape(array.shape)


def masked(array: Any) -> Any:
    return np.ma.array(array)


NUMBER = "it must be a number"
SHARE = "tolerance must be a number that is at least 0 and less than 1"
# The field, what is done to it, and what is said: the type, and all of the text.
REFUSALS: list[tuple[str, Any, type[Exception], str]] = [
    ("ties", "x", ValueError, "ties is 'x': ties must be 'first' or 'pro_rata'"),
    ("ties", None, ValueError, "ties is None: ties must be 'first' or 'pro_rata'"),
    ("ties", ["first"], ValueError, "ties is ['first']: ties must be 'first' or 'pro_rata'"),
    ("tolerance", 1.0, ValueError, f"tolerance is 1.0: {SHARE}"),
    ("tolerance", True, ValueError, f"tolerance is True: {SHARE}"),
    ("tolerance", np.nan, ValueError, f"tolerance is nan: {SHARE}"),
    ("bid_change", "much", TypeError, f"model.bid_change has type str: {NUMBER}"),
    ("bid_change", None, TypeError, f"model.bid_change has type NoneType: {NUMBER}"),
    ("bid_change", np.nan, ValueError, "model.bid_change is nan: it must be finite"),
    ("bid_change", 10**400, ValueError, "model.bid_change is inf: it must be finite"),
    ("bid_change", -(10**400), ValueError, "model.bid_change is -inf: it must be finite"),
    ("bid_penalty", True, TypeError, f"model.bid_penalty has type bool: {NUMBER}"),
    ("bid_penalty", np.float32(np.inf), ValueError, "model.bid_penalty is inf: it must be finite"),
    ("shortage_penalty", 1j, TypeError, f"model.shortage_penalty has type complex: {NUMBER}"),
    ("reward_scale", np.timedelta64(1, "s"), TypeError,
     f"model.reward_scale has type timedelta64: {NUMBER}"),
    ("demand_scale", Decimal(1), TypeError, f"model.demand_scale has type Decimal: {NUMBER}"),
    ("demand_scale", np.ones(()), TypeError, f"model.demand_scale has type ndarray: {NUMBER}"),
    ("scarcity_price", np.nan, ValueError, "model.scarcity_price is nan: it must be finite"),
    ("scarcity_price", np.float64(-np.inf), ValueError,
     "model.scarcity_price is -inf: it must be finite"),
    ("scarcity_price", [], TypeError, f"model.scarcity_price has type list: {NUMBER} or None"),
    ("learner", 1.5, TypeError, "model.learner has type float: it must be an int"),
    ("learner", np.ones(3), TypeError, "model.learner has type ndarray: it must be an int"),
    ("learner", True, TypeError, "model.learner has type bool: it must be an int"),
    *(("learner", bad, ValueError,
       f"model.learner is {bad}: it must be at least -1 and less than 5")
      for bad in (5, -2, 2**40, 10**30, -(10**30), np.int8(7))),
    ("costs", list, TypeError, "model.costs has type list: it must be a NumPy array"),
    ("costs", masked, TypeError, "model.costs is a masked array: it must not be masked"),
    ("hours", masked, TypeError, "state.hours is a masked array: it must not be masked"),
    ("active", masked, TypeError, "state.active is a masked array: it must not be masked"),
    ("actions", masked, TypeError, "actions is a masked array: it must not be masked"),
    ("actions", lambda a: np.ma.array(a.astype(float), mask=True), TypeError,
     "actions is a masked array: it must not be masked"),
    ("profits", masked, TypeError, "outcome.profits is a masked array: it must not be masked"),
    ("costs", lambda a: a.astype(np.longdouble), TypeError,
     f"model.costs has dtype {np.dtype(np.longdouble)}: it must be float64"),
    ("costs", lambda a: a.astype(np.int64), TypeError,
     "model.costs has dtype int64: it must be float64"),
    ("agent_features", lambda a: a.astype(float), TypeError,
     "model.agent_features has dtype float64: it must be float32"),
    ("hours", lambda a: a.astype(np.int32), TypeError,
     "state.hours has dtype int32: it must be int64"),
    ("active", lambda a: a.view(np.int8), TypeError,
     "state.active has dtype int8: it must be bool"),
    ("actions", lambda a: a.astype(float), TypeError,
     "actions has dtype float64: it must be float32"),
    ("demand", lambda a: a.astype(">f8"), TypeError,
     "state.demand has dtype >f8: it must be float64"),
    ("demand", np.asfortranarray, ValueError, "state.demand is not C-contiguous: it must be"),
    ("prices", lambda a: np.zeros(18)[::2], ValueError,
     "outcome.prices is not C-contiguous: it must be"),
    ("demand", misaligned, ValueError, "state.demand is not aligned: it must be"),
    ("rewards", misaligned, ValueError, "outcome.rewards is not aligned: it must be"),
    *((name, lambda a: a.reshape(-1)[:1].reshape(()), ValueError,
       f"{where}.{name} has shape (): it must have shape {axes}")
      for where, name, axes in (
          ("model", "costs", "(*,)"), ("model", "agent_features", "(5, *)"),
          ("model", "hour_features", "(*, *)"), ("state", "hours", "(*,)"),
          ("state", "demand", "(9, 4)"), ("outcome", "prices", "(9,)"))),
    ("costs", lambda a: a[:, None], ValueError,
     "model.costs has shape (5, 1): it must have shape (*,)"),
    ("capacities", lambda a: a[:3], ValueError,
     "model.capacities has shape (3,): it must have shape (5,)"),
    ("agent_features", lambda a: a[:4], ValueError,
     "model.agent_features has shape (4, 2): it must have shape (5, *)"),
    ("hour_features", lambda a: a[0], ValueError,
     "model.hour_features has shape (3,): it must have shape (*, *)"),
    ("hour_features", lambda a: a[:0], ValueError,
     "model.hour_features has no row: it must have one more than there are hours"),
    ("hour_features", lambda a: a[:2], ValueError,
     "state.demand has shape (9, 4): it must have shape (9, 2)"),
    ("costs", lambda a: a[:0], ValueError,
     "model.costs has shape (0,): a market needs at least one unit"),
    ("hours", lambda a: a[None], ValueError,
     "state.hours has shape (1, 9): it must have shape (*,)"),
    ("hours", lambda a: a[:8], ValueError,
     "state.demand has shape (9, 4): it must have shape (8, 4)"),
    ("active", lambda a: a[:8], ValueError,
     "state.active has shape (8,): it must have shape (9,)"),
    ("actions", lambda a: a[0], ValueError,
     "actions has shape (1, 2): it must have shape (9, 1, 2)"),
    ("rewards", lambda a: a[:8], ValueError,
     "outcome.rewards has shape (8, 1): it must have shape (9, 1)"),
    ("observations", lambda a: a[..., :3].copy(), ValueError,
     "outcome.observations has shape (9, 1, 3): it must have shape (9, 1, 6)"),
    ("hours", read_only, ValueError, "state.hours is read-only: it must be writeable"),
    *((name, read_only, ValueError, f"outcome.{name} is read-only: it must be writeable")
      for name in Outcome._fields),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bad", "error", "message"), REFUSALS)
def test_what_is_refused(
    backend: Backend, name: str, bad: Any, error: type[Exception], message: str
) -> None:
    """Every backend in the same words; nothing is written."""
    model, state, actions = some_step()
    outcome = room(model, len(actions))
    hours = state.hours.copy()
    for array in outcome:
        array.fill(7.0)
    arguments = changed((model, state, actions, outcome), name, bad)
    with pytest.raises(error) as caught:
        backend.step_batch(*arguments)
    assert (type(caught.value), str(caught.value)) == (error, message)
    assert (state.hours == hours).all()
    assert all((array == 7.0).all() for array in outcome)


def test_what_overlaps(backend: Backend) -> None:
    model, state, actions = some_step()
    outcome = room(model, len(actions))
    numbers, hours = np.zeros(100), state.hours
    column = numbers[8:17].reshape(9, 1)
    bad: list[tuple[dict[str, Any], str]] = [
        ({"profits": outcome.rewards}, "outcome.profits overlaps outcome.rewards"),
        ({"profits": outcome.rewards[:]}, "outcome.profits overlaps outcome.rewards"),
        ({"prices": numbers[:9], "dispatch": column}, "outcome.dispatch overlaps outcome.prices"),
        ({"prices": state.demand.reshape(-1)[3:12]}, "outcome.prices overlaps state.demand"),
        ({"prices": hours.view(np.float64)}, "outcome.prices overlaps state.hours"),
    ]
    for changes, message in bad:
        with pytest.raises(ValueError, match=f"^{message}: outputs must not$"):
            backend.step_batch(model, state, actions, outcome._replace(**changes))
    beside = outcome._replace(prices=numbers[:9], dispatch=numbers[9:18].reshape(9, 1))
    assert backend.step_batch(model, state, actions, beside) == GOOD


@pytest.mark.parametrize("position", [0, 1, 3])
def test_what_is_no_tuple(backend: Backend, position: int) -> None:
    model, state, actions = some_step()
    arguments: list[Any] = [model, state, actions, room(model, len(actions))]
    name, count = {0: ("model", 13), 1: ("state", 3), 3: ("outcome", 5)}[position]
    for wrong in ([*arguments[position]], arguments[position][:-1], None):
        changed = [*arguments[:position], wrong, *arguments[position + 1 :]]
        kind = type(wrong).__name__
        message = f"^{name} has type {kind}: it must be a tuple of {count}$"
        with pytest.raises(TypeError, match=message):
            backend.step_batch(*changed)


@pytest.mark.parametrize("threads", [0, -1, True, 1.0, "2"])
def test_bad_threads(backend: Backend, threads: Any) -> None:
    model, state, actions = some_step()
    message = f"^threads is {threads!r}: threads must be a positive int or None$"
    with pytest.raises(ValueError, match=message):
        backend.step_batch(model, state, actions, room(model, len(actions)), threads=threads)


def test_the_first_that_is_wrong_is_told(backend: Backend) -> None:
    """All is wrong at first; each time what was told is mended."""
    right = dict(fields(some_arguments()))
    wrong: dict[str, Any] = {
        "ties": 1, "tolerance": 2, "threads": 0, "bid_change": "", "demand_scale": "",
        "learner": 1.5, "scarcity_price": np.nan, "profits": masked(right["profits"]),
        "costs": [], "capacities": [], "agent_features": [], "hour_features": [], "hours": [],
        "demand": [], "active": [], "actions": [], "rewards": [], "observations": [],
        "prices": [], "dispatch": [],
    }  # fmt: skip
    for name in list(wrong):
        arguments = some_arguments()
        for other, bad in wrong.items():
            if other != "threads":
                arguments = changed(arguments, other, bad)
        with pytest.raises((TypeError, ValueError), match=rf"^(\w+\.)?{name} (is|has)"):
            backend.step_batch(*arguments, threads=wrong.get("threads"))
        del wrong[name]
    assert backend.step_batch(*some_arguments()) == GOOD


def test_numbers_of_numpy_and_plain_tuples(backend: Backend) -> None:
    """Also arrays that are read-only, or of a subclass, where they are only read."""
    model, state, actions = some_step()
    expected = run(numpy_backend, (model, state, actions))
    numbers: dict[str, Any] = {
        "bid_change": np.float32(2), "shortage_penalty": 10, "demand_scale": np.float64(0.01),
        "learner": np.int8(1), "tolerance": np.float64(1e-9),
    }  # fmt: skip
    model = model._replace(costs=read_only(model.costs.copy()), **numbers)
    demand = np.zeros(state.demand.shape).view(np.recarray)
    demand[...] = state.demand
    plain = (state.hours.copy(), demand, state.active)
    outcome = room(model, len(actions))
    position = backend.step_batch(tuple(model), plain, read_only(actions), tuple(outcome))
    assert (position, [array.tobytes() for array in (plain[0], *outcome)]) == expected


def test_rust_takes_plain_tuples_and_any_true_byte(rust: Backend) -> None:
    model, state, actions = some_step()
    expected = run(numpy_backend, (model, state, actions))
    outcome = room(model, len(actions))
    active = np.full(len(actions), 2, np.uint8).view(np.bool_)
    plain = (*state[:2], active)
    assert rust.step_batch(model[:], plain, actions, outcome[:], threads=1) == GOOD
    assert [array.tobytes() for array in (state.hours, *outcome)] == expected[1]
