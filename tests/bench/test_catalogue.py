"""The catalogue of this project: its cases, pools, and the sources of its backends."""

from dataclasses import replace

import pytest

from bench.catalogue import catalogue
from bench.project import ROOT
from bench.wheel import MODULE
from pytest_duel.catalogue.collect import case_ids
from pytest_duel.catalogue.model import DEFAULT, FULL, SMOKE, Case, make_pool
from pytest_duel.catalogue.sources import touched

BACKENDS = list(catalogue().backends.values())


def test_the_cases_that_pytest_collects_are_those_of_the_catalogue() -> None:
    ids = case_ids(ROOT, "the working tree", "bench")
    known = catalogue()
    expected = {case.id for kernel in known.kernels for case in known.cases(kernel, FULL)}
    assert "clear[rust-uniform-5]" in ids
    assert set(ids) == expected
    assert len(ids) == len(expected)


def test_a_larger_pool_holds_the_smaller_one() -> None:
    own = catalogue()
    for name in "uniform", "tied", "scarce", "sorted", "reversed", "float32":
        scenario = own.scenarios[name]
        small = make_pool(own.kernels["clear"], scenario, 9000)
        large = make_pool(own.kernels["clear"], replace(scenario, pool_scale=2), 9000)
        assert (len(small), len(large)) == (8, 16)
        for one, other in zip(small, large, strict=False):
            assert all((one[i] == other[i]).all() for i in range(2))
            assert one[2] == other[2]


def test_every_case_of_the_project_has_a_name_of_its_own() -> None:
    own = catalogue()
    for tier in SMOKE, DEFAULT, FULL:
        ids = [case.id for kernel in own.kernels for case in own.cases(kernel, tier)]
        assert len(ids) == len(set(ids))
    assert Case("clear", "rust", "uniform", 200).id == "clear[rust-uniform-200]"


OF_RUST = {
    "rust", "rust-parallel", "rust-portable", "public", "floor", "study-rust", "study-views",
}  # fmt: skip


@pytest.mark.parametrize(("name", "names"), [
    ("easy_marl/market/reference.py", {"numpy", "public"}),
    ("easy_marl/market/numba_backend.py", {"numba", "numba-parallel", "public"}),
    ("easy_marl/market/rust_backend.py", OF_RUST),
    ("rust_market/rust_market.abi3.so", OF_RUST),
])  # fmt: skip
def test_a_backends_own_files_touch_those_that_use_it(name: str, names: set[str]) -> None:
    assert touched([name], BACKENDS) == names


def test_all_sources_of_this_project_are_there() -> None:
    # A stale path would let a change of the file that replaced it touch all, which costs only
    # time; but one that is misspelt may claim what it does not mean.
    sources = {source for one in BACKENDS for source in one.sources}
    assert f"{MODULE}/" in sources
    for source in sources:
        path = ROOT / source
        assert path.is_dir() if source.endswith("/") else path.is_file(), source
