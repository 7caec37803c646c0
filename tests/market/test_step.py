"""The environments' step: every backend gives the reference's bits, and refuses what it must."""

import os
import subprocess
import sys
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
    max_examples=100,
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
def test_hours_that_an_episode_does_not_have(compiled: Backend, hour: int, active: bool) -> None:
    model, state, actions = some_step()
    state.hours[4], state.active[4] = hour, active
    outcome = room(model, len(actions))
    for array in outcome:
        array.fill(7.0)
    with pytest.raises(ValueError, match=rf"^state.hours\[4\] is {hour}: it "):
        compiled.step_batch(model, state, actions, outcome)
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


@pytest.mark.parametrize("learner", [5, -2, 2**40])
def test_learners_that_there_are_not(compiled: Backend, learner: int) -> None:
    model, state, actions = some_step()
    with pytest.raises(ValueError, match=f"model.learner is {learner}"):
        compiled.step_batch(
            model._replace(learner=learner), state, actions, room(model, len(actions))
        )


@pytest.mark.parametrize("name", ["demand", "active", "actions", "rewards", "prices", "costs"])
def test_shapes_that_do_not_fit(compiled: Backend, name: str) -> None:
    model, state, actions = some_step()
    arguments = changed((model, state, actions, room(model, len(actions))), name, lambda a: a[:-1])
    with pytest.raises(ValueError, match="shape"):
        compiled.step_batch(*arguments)


Arguments = tuple[Model, State, Singles, Outcome]


def changed(arguments: Arguments, name: str, change: Any) -> Arguments:
    """Return the arguments with one field changed."""
    model, state, actions, outcome = arguments
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


REFUSALS: list[tuple[str, Any, type[Exception], str]] = [
    ("costs", list, TypeError, "model.costs has type list: it must be a NumPy array"),
    ("costs", lambda a: a.astype(int), TypeError, "model.costs has dtype int64"),
    ("hours", lambda a: a.astype(np.int32), TypeError, "state.hours has dtype int32"),
    ("active", lambda a: a.view(np.int8), TypeError, "state.active has dtype int8"),
    ("actions", lambda a: a.astype(float), TypeError, "actions has dtype float64: it must be flo"),
    ("demand", lambda a: a.astype(">f8"), TypeError, "state.demand has dtype >f8"),
    ("demand", np.asfortranarray, ValueError, "state.demand is not C-contiguous: it must be"),
    ("demand", misaligned, ValueError, "state.demand is not aligned: it must be"),
    ("actions", lambda a: a[0], ValueError, r"actions has shape \(1, 2\): it must have shape \(9"),
    ("capacities", lambda a: a[:3], ValueError, r"capacities has shape \(3,\): .* shape \(5,\)"),
    ("costs", lambda a: a[:0], ValueError, "a market needs at least one unit"),
    ("hour_features", lambda a: a[:0], ValueError, "model.hour_features has no row"),
    ("observations", lambda a: a[..., :3].copy(), ValueError, r"must have shape \(9, 1, 6\)"),
    ("rewards", read_only, ValueError, "outcome.rewards is read-only: it must be writeable"),
    ("hours", read_only, ValueError, "state.hours is read-only"),
    ("bid_change", lambda _: "much", TypeError, "model.bid_change has type str"),
    ("learner", lambda _: 1.5, TypeError, "model.learner has type float: it must be an int"),
    ("ties", lambda _: "last", ValueError, "ties is 'last': ties must be 'first' or 'pro_rata'"),
    ("scarcity_price", lambda _: [], TypeError, "model.scarcity_price has type list"),
]


@pytest.mark.parametrize(("name", "change", "error", "message"), REFUSALS)
def test_what_rust_refuses(
    rust: Backend, name: str, change: Any, error: type[Exception], message: str
) -> None:
    model, state, actions = some_step()
    outcome = room(model, len(actions))
    hours = state.hours.copy()
    with pytest.raises(error, match=message):
        rust.step_batch(*changed((model, state, actions, outcome), name, change))
    assert (state.hours == hours).all()


def test_rust_refuses_what_overlaps(rust: Backend) -> None:
    model, state, actions = some_step()
    outcome = room(model, len(actions))
    numbers = np.zeros(100)
    with pytest.raises(ValueError, match=r"^outcome.dispatch overlaps outcome.prices: outputs"):
        rust.step_batch(
            model,
            state,
            actions,
            outcome._replace(prices=numbers[:9], dispatch=numbers[8:17].reshape(9, 1)),
        )
    inside = outcome._replace(prices=state.demand.reshape(-1)[3:12])
    with pytest.raises(ValueError, match=r"^outcome.prices overlaps state.demand: outputs must"):
        rust.step_batch(model, state, actions, inside)
    beside = outcome._replace(prices=numbers[:9], dispatch=numbers[9:18].reshape(9, 1))
    assert rust.step_batch(model, state, actions, beside) == GOOD


@pytest.mark.parametrize("position", [0, 1, 3])
def test_rust_refuses_what_is_no_tuple(rust: Backend, position: int) -> None:
    model, state, actions = some_step()
    arguments: list[Any] = [model, state, actions, room(model, len(actions))]
    for wrong in ([*arguments[position]], arguments[position][:-1], None):
        changed = [*arguments[:position], wrong, *arguments[position + 1 :]]
        with pytest.raises(TypeError, match=r"it must be a tuple of"):
            rust.step_batch(*changed)


def test_rust_takes_plain_tuples_and_any_true_byte(rust: Backend) -> None:
    model, state, actions = some_step()
    expected = run(numpy_backend, (model, state, actions))
    outcome = room(model, len(actions))
    active = np.full(len(actions), 2, np.uint8).view(np.bool_)
    plain = (*state[:2], active)
    assert rust.step_batch(model[:], plain, actions, outcome[:], threads=1) == GOOD
    assert [array.tobytes() for array in (state.hours, *outcome)] == expected[1]


def test_bad_threads(compiled: Backend) -> None:
    model, state, actions = some_step()
    with pytest.raises(ValueError, match="threads is 0: threads must be a positive int or None"):
        compiled.step_batch(model, state, actions, room(model, len(actions)), threads=0)
