"""Short names beside an axis."""

import pytest

from pytest_duel.charts.labels import LONGEST, short

LONG = "test_unstructure_attrs_lists[UnstructureStrategy.AS_"


@pytest.mark.parametrize(
    "names",
    [
        ["a.py::test_x", "a.py::test_y"],
        ["a.py::test_x", "b.py::test_x"],
        [f"{LONG}DICT-Converter]", f"{LONG}TUPLE-Converter]"],
        [f"{'x' * 40}{n}{'y' * 40}" for n in range(5)],
        ["", "a" * 1000],
    ],
)
def test_no_two_names_become_alike(names: list[str]) -> None:
    found = short(names)
    assert list(found) == names
    assert len(set(found.values())) == len(names)


def test_the_ends_of_a_long_name_are_kept() -> None:
    (found,) = short([f"bench/test_x.py::{LONG}DICT-Converter]"]).values()
    assert found.startswith("test_unstructure")
    assert found.endswith("DICT-Converter]")
    assert len(found) <= LONGEST


def test_the_file_is_left_out_where_the_rest_tells_names_apart() -> None:
    assert short(["a.py::test_x", "b.py::test_y"]) == {
        "a.py::test_x": "test_x",
        "b.py::test_y": "test_y",
    }
