"""A study: seeds, blocks, rows, and what is said of bad ones."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from easy_marl.studies import Study
from tests.studies.functions import draws, raises, study


def rows(some: Study) -> list[dict[str, Any]]:
    return [row for n in range(some.blocks) for row in some.block(n).compute().to_pylist()]


def test_rows_do_not_depend_on_the_blocks() -> None:
    assert rows(study(block_size=1)) == rows(study(block_size=3)) == rows(study(block_size=99))
    assert [row["scenario"] for row in rows(study())] == [n for n in range(7) for _ in range(3)]


def test_a_scenario_keeps_its_seed_where_others_are_added() -> None:
    few, many = study(count=2), study(count=50)
    assert [few.scenario_seed(n) for n in (0, 1)] == [many.scenario_seed(n) for n in (0, 1)]


def test_seeds_differ_and_fit_a_column() -> None:
    seeds = {study(seed=s).scenario_seed(n) for s in range(10) for n in range(100)}
    assert len(seeds) == 1000
    assert all(0 <= one < 2**63 for one in seeds)


def test_seeds_stay_what_they_are() -> None:
    """A folder that was begun with an earlier release goes on."""
    expected = np.random.SeedSequence(5, spawn_key=(3,)).generate_state(1, np.uint64)[0]
    assert study(seed=5).scenario_seed(3) == int(expected) >> 1


@pytest.mark.parametrize(("count", "blocks"), [(1, 1), (100, 100), (101, 51), (1000, 100)])
def test_there_are_at_most_a_hundred_blocks(count: int, blocks: int) -> None:
    assert Study(function=draws, parameters=[{"mean": 0.0}] * count).blocks == blocks


def test_a_table_will_do_for_rows() -> None:
    def table(_: Any, seed: int) -> Any:
        return pa.table({"seed": [seed]})

    found = Study(function=table, parameters=[{}]).block(0).compute()
    assert found.column_names == ["scenario", "seed"]


def test_a_scenario_may_have_no_rows() -> None:
    def none(_: Any, seed: int) -> Any:
        return {"x": np.empty(0)}

    assert Study(function=none, parameters=[{}, {}]).block(0).compute().num_rows == 0


def test_scenarios_do_not_see_what_others_do_to_parameters() -> None:
    def pops(parameters: Any, _: int) -> Any:
        parameters["more"].append(1)
        return {"x": [parameters.pop("x") + len(parameters["more"])]}

    some = Study(function=pops, parameters=[{"x": 1, "more": []}] * 3, block_size=3)
    for _ in range(2):
        assert some.block(0).compute()["x"].to_pylist() == [2, 2, 2]


def test_what_the_function_raises_names_the_scenario() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        study(function=raises).block(1).compute()
    seed = study().scenario_seed(3)
    assert caught.value.__notes__ == [f"in scenario 3: parameters {{'mean': 3.0}}, seed {seed}"]


@pytest.mark.parametrize(("returned", "said"), [
    ([1, 2], "returned list: it must return columns by name"),
    ({"scenario": [1]}, "returned a column 'scenario'"),
    ({"x": [1], "y": [1, 2]}, "x"),
])  # fmt: skip
def test_rows_that_are_none_are_refused(returned: Any, said: str) -> None:
    some = Study(function=lambda *_: returned, parameters=[{}])
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        some.block(0).compute()
    assert caught.value.__notes__[0].startswith("in scenario 0: ")


def test_scenarios_have_the_same_columns() -> None:
    some = Study(
        function=lambda parameters, _: {"x": [parameters["x"]]},
        parameters=[{"x": 1}, {"x": 0.5}], block_size=2,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"'x': 'double'.*'x': 'int64'.* in scenario 0") as caught:
        some.block(0).compute()
    assert caught.value.__notes__[0].startswith("in scenario 1: ")


@pytest.mark.parametrize(("arguments", "said"), [
    ({"function": 3}, "function is 3"),
    ({"parameters": {"mean": 1.0}}, "parameters is of type dict"),
    ({"parameters": []}, "parameters is empty"),
    ({"parameters": [{}, 3]}, r"parameters\[1\] is 3"),
    ({"parameters": [{3: 1}]}, r"parameters\[0\] has the key 3"),
    ({"parameters": [{}, {"x": {1, 2}}]}, r"parameters\[1\]\['x'\] is \{1, 2\}"),
    ({"parameters": [{"x": np.float32(1)}]}, r"parameters\[0\]\['x'\] is np.float32\(1.0\)"),
    ({"parameters": [{}, {"x": float("nan")}]}, r"parameters\[1\]\['x'\] is nan"),
    ({"seed": -1}, "seed is -1"),
    ({"seed": 0.5}, "seed is 0.5"),
    ({"block_size": 0}, "block_size is 0"),
    ({"block_size": True}, "block_size is True"),
])  # fmt: skip
def test_what_is_no_study_is_refused(arguments: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"function": draws, "parameters": [{"mean": 1.0}]}
    with pytest.raises((TypeError, ValueError), match=said):
        Study(**(given | arguments))


@pytest.mark.parametrize("number", [-1, 4])
def test_a_block_that_is_none_is_refused(number: int) -> None:
    with pytest.raises(IndexError, match=f"no block {number}: there are 4"):
        study().block(number)
