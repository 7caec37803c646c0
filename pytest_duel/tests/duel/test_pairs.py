"""Two benchmarks against each other: which pairs are measured, and what is refused."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_duel.catalogue.model import Case
from pytest_duel.cli.main import main
from pytest_duel.duel import pairs
from pytest_duel.duel.pairs import PairsError
from pytest_duel.gate.collect import Benchmark
from pytest_duel.gate.measure import wrong_contests
from pytest_duel.gate.plan import Plan, contests, null_name
from pytest_duel.paired.checking import Checked
from pytest_duel.paired.contests import Arm
from pytest_duel.support.exit_codes import Exit
from repositories import commit, git
from simulated_project import catalogue
from strangers import repository

FIRST, SECOND = Arm("first"), Arm("second")


def benchmark(name: str, **marker: Any) -> Benchmark:
    return Benchmark(name, name.partition("::")[0], "", {}, marker)


def plan_of(*found: Benchmark, skipped: Mapping[str, str] | None = None) -> Plan:
    limits = {one.name: 0.02 for one in found}
    return Plan(
        {one.name: one for one in found}, limits, skipped=skipped or {}, new=("x.py::new",)
    )


def swept(backend: str, scenario: str = "uniform", n: int = 5, **more: Any) -> Benchmark:
    case = f"clear[{backend}-{scenario}-{n}]"
    return benchmark(f"bench/test_clear.py::test_{case}", case=case, **more)


SWEPT = plan_of(
    *(swept(name, n=n) for name in ("numpy", "numba", "rust", "floor") for n in (5, 50, 200)),
    swept("rust-parallel", cpus=2),
    benchmark("a.py::other"),
)


def of_backends(one: str, other: str, **asked: Any) -> Plan:
    own = catalogue()
    found = pairs.asked(own, (one, other), (one, other), asked.get("kernel"), None,
                        asked.get("sizes", ()))  # fmt: skip
    return pairs.of_cases(found.cases(), own)(SWEPT)


def test_backends_meet_at_each_size_and_nothing_else_is_measured() -> None:
    found = of_backends("numba", "rust")
    assert list(found.measured) == [f"clear[numba rust-uniform-{n}]" for n in (5, 50, 200)]
    assert not found.new
    assert set(found.run) == {
        f"bench/test_clear.py::test_clear[{name}-uniform-{n}]"
        for name in ("numba", "rust") for n in (5, 50, 200)
    }  # fmt: skip
    assert list(of_backends("numba", "rust", sizes=(50, 7)).measured) == [
        "clear[numba rust-uniform-50]"
    ]


def test_each_arm_runs_its_own_benchmark_and_the_first_meets_itself() -> None:
    plan = of_backends("numba", "rust", sizes=(5,))
    pair, null = contests(plan, FIRST, SECOND)
    numba, rust = swept("numba").name, swept("rust").name
    assert (pair.called(0), pair.called(1)) == (numba, rust)
    assert pair.arms == (FIRST, SECOND)
    assert pair.alike
    assert null.name == null_name(pair.name)
    assert (null.called(0), null.called(1)) == (numba, numba)
    assert null.arms == (FIRST, FIRST)


def test_a_floor_gives_no_answers() -> None:
    (pair, _) = contests(of_backends("floor", "rust", sizes=(5,)), FIRST, SECOND)
    assert not pair.alike


def test_arms_of_several_threads_share_as_many_cpus() -> None:
    own = catalogue()
    cases = {"it": tuple(Case("clear", name, "uniform", 5) for name in ("rust", "rust-parallel"))}
    plan = pairs.of_cases(cases, own)(SWEPT)  # type: ignore[arg-type]
    assert [one.cpus for one in contests(plan, FIRST, SECOND)] == [2, 2]


def test_what_is_wrong_on_one_arm_is_wrong_of_its_pair_only() -> None:
    plan = of_backends("numba", "rust", sizes=(5, 50))
    five, fifty = plan.measured
    ready: Any = SimpleNamespace(own=plan, base=FIRST, head=SECOND)
    numba, rust = swept("numba").name, swept("rust", n=50).name
    checked = Checked({"first": {numba: "numba is wrong"}, "second": {rust: "rust is wrong"}})
    assert dict(wrong_contests(ready, checked)) == {
        five: "numba is wrong", null_name(five): "numba is wrong", fifty: "rust is wrong",
    }  # fmt: skip
    # A benchmark that only the other arm runs is nobody's concern.
    assert not dict(wrong_contests(ready, Checked({"second": {numba: "not run here"}})))


def test_tests_meet_at_each_parameter() -> None:
    names = ("a.py::one[5]", "a.py::one[50]", "b.py::other[5]", "b.py::other[7]", "a.py::only")
    plan = plan_of(*map(benchmark, names), skipped={"a.py::idle": "too slow"})
    found = pairs.of_benchmarks("a.py::one", "b.py::other")(plan)
    assert list(found.measured) == ["a.py::one[5] / b.py::other[5]"]
    (pair, _) = contests(found, FIRST, SECOND)
    assert (pair.called(0), pair.called(1)) == ("a.py::one[5]", "b.py::other[5]")
    assert not pair.alike
    found = pairs.of_benchmarks("a.py::one[5]", "a.py::one[50]")(plan)
    assert list(found.measured) == ["a.py::one[5] / a.py::one[50]"]
    for first, second, reason in (
        ("a.py::one", "a.py::on", "no benchmark 'a.py::on'"),
        ("a.py::idle", "a.py::one", "too slow"),
        ("a.py::only", "a.py::one", "no parameters in common"),
    ):
        with pytest.raises(PairsError, match=reason):
            pairs.of_benchmarks(first, second)(plan)


def test_a_case_without_a_test_is_named() -> None:
    with pytest.raises(PairsError, match=r"times clear\[numba-fleet-432\]"):
        pairs.of_cases({"it": (Case("clear", "numba", "fleet", 432),) * 2}, catalogue())(SWEPT)


@pytest.fixture
def here(workplace: Path) -> Path:
    """Work in a repository of the project with a catalogue."""
    git(workplace, "init", "--quiet")
    git(workplace, "add", "--all")
    commit(workplace, "first", 0)
    return workplace


@pytest.mark.parametrize(("arguments", "message"), [
    ("numba gold", "unknown backend 'gold': choose from numpy, numba, rust"),
    ("numba .", "unknown backend '.': choose from"),
    ("numba rust --kernel gold", "unknown kernel 'gold': choose from clear"),
    ("numba rust --scenario empty", "unknown scenario 'empty': choose from uniform, fleet"),
    ("numba rust --scenario fleet --sizes 7", "on fleet has none of these sizes for both"),
    ("numba floor --scenario fleet", "for both backends; it has: none"),
    ("no-such-revision:rust rust", "there is no revision 'no-such-revision'"),
    ("gold silver", "there is no revision 'gold'"),
    ("HEAD . --sizes 5", "only go with two backends: choose from numpy"),
    ("a.py::test_a numba", "only one of them is a benchmark"),
])  # fmt: skip
@pytest.mark.usefixtures("here")
def test_bad_arms_are_usage_errors(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["duel", *arguments.split()]) == Exit.ERROR
    assert message in capsys.readouterr().err


# A real one.


@pytest.mark.slow
@pytest.mark.usefixtures("few_blocks")
def test_a_duel_of_two_benchmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository("flat", tmp_path / "toy")
    file = folder / "benchmarks/test_toy.py"
    file.write_text(
        file.read_text()
        + "\n\ndef test_more(benchmark):\n    benchmark(lambda: [busy() for _ in 'abcde'])\n"
    )
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as settings:
        # What the gate measures is no matter of a duel.
        settings.write('\n[tool.pytest-duel]\ninstall = "none"\nbenchmarks = ["*::test_busy"]\n')
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(folder / "benchmarks")
    report = tmp_path / "duel.json"
    arms = ["test_toy.py::test_busy", "test_toy.py::test_more"]
    options = ["--threshold", "50%", "--output", str(report)]
    assert main(["duel", *arms, *options]) == 0, capsys.readouterr().err
    (one,) = json.loads(report.read_text())["cases"]
    assert one["name"] == "benchmarks/test_toy.py::test_busy / benchmarks/test_toy.py::test_more"
    assert one["verdict"] == "A faster"
    assert one["ratio"] > 2  # of five times the work, whatever the machine does meanwhile
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
