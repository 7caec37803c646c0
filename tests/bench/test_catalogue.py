"""The catalogue of this project: its cases, pools, and the sources of its backends."""

from dataclasses import replace
from pathlib import Path

from bench.catalogue import catalogue
from bench.project import ROOT
from bench.wheel import MODULE
from pytest_duel.catalogue.model import DEFAULT, FULL, SMOKE, Case, make_pool
from pytest_duel.gate.collect import collect
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import Suite

BACKENDS = list(catalogue().backends.values())


def test_the_cases_that_pytest_collects_are_those_of_the_catalogue(tmp_path: Path) -> None:
    known = catalogue()
    expected = {case.id: case for kernel in known.kernels for case in known.cases(kernel, FULL)}
    tests = Suite(ROOT, tmp_path, ("bench", "--bench-tier=full"))
    found = list(collect(Arm("here"), tests, "the working tree").benchmarks.values())
    found = [one for one in found if one.case is not None]  # others are no cases
    assert {one.case for one in found} == set(expected)
    assert len(found) == len(expected)
    for one in found:
        assert one.case is not None
        assert one.is_checked
        assert one.cpus == known.backends[expected[one.case].backend].threads


def test_a_sweep_has_cases_only_unless_others_are_named(tmp_path: Path) -> None:
    def others(*arguments: str) -> list[str]:
        found = collect(Arm("here"), Suite(ROOT, tmp_path, arguments), "the working tree")
        assert found.benchmarks
        return [name for name, one in found.benchmarks.items() if one.case is None]

    assert not others("-o", "testpaths=bench", "--bench-tier=smoke")
    assert others("bench/test_settlement.py")


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


def test_all_sources_of_this_project_are_there() -> None:
    sources = {source for one in BACKENDS for source in one.sources}
    assert f"{MODULE}/" in sources
    for source in sources:
        path = ROOT / source
        assert path.is_dir() if source.endswith("/") else path.is_file(), source
