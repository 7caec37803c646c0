"""Which arguments reach a worker, and what its benchmarks are called."""

import shlex

import pytest

from pytest_duel.paired.pytest_worker.arguments import undisturbed
from pytest_duel.paired.pytest_worker.names import LONGEST, described, names


@pytest.mark.parametrize(("given", "kept"), [
    ("-n 2", ""), ("-n2 -nauto", ""), ("--numprocesses=auto --dist loadfile", ""),
    ("-x --maxfail=1", ""), ("-xvs", "-vs"), ("-xf", ""), ("-q", "-q"),
    ("--cov --cov-report term tests", "tests"), ("--cov=pkg --cov-branch", ""),
    ("--cov pkg tests", "tests"), ("--cov -q pkg", "-q pkg"), ("--cov=pkg tests", "tests"),
    ("--benchmark-compare 0001 --benchmark-histogram out a.py", "a.py"),
    ("--benchmark-compare-fail mean:5% min:3% -q tests", "-q tests"),
    ("--benchmark-compare-fail=mean:5% tests", "tests"),
    ("--reruns 2 --only-rerun Error tests", "tests"), ("--only-rerun=Error tests", "tests"),
    ("--maxfail -1 --durations -.5 tests", "tests"), ("--log-file - tests", "tests"),
    ("--timeout 60 --timeout-method=thread", ""), ("--randomly-seed=1 --random-order", ""),
    ("--benchmark-disable --benchmark-autosave --benchmark-json out.json", ""),
    ("--benchmark-disable-gc --benchmark-timer=time.process_time",
     "--benchmark-disable-gc --benchmark-timer=time.process_time"),
    ("--junitxml=a.xml --durations 5", ""), ("--duel main", ""),
    ("--duel-memory --duel-memory-by memray tests", "tests"),
    ("--duel-columns a,b --duel-baseline=*[a] tests", "tests"),
    ("--forked --doctest-modules --mypy tests", "tests"), ("--parallel-threads 2", ""),
    ("-m 'not slow' -k -x -p -n", "-m 'not slow' -k -x -p -n"),
    ("--runslow --strict-markers -W error", "--runslow --strict-markers -W error"),
    ("-- -x -n 2", "-- -x -n 2"),
])  # fmt: skip
def test_what_reaches_a_worker(given: str, kept: str) -> None:
    assert undisturbed(shlex.split(given)) == shlex.split(kept)


def test_names_hold_no_addresses() -> None:
    ids = ["t[<A at 0x7f0123456789>]", "t[<A at 0x7f0123456abc>]", "t[<B at 0x7f0000000000>]",
           "t[0x10]"]  # fmt: skip
    assert names(ids) == ["t[<A at 0x…>]#1", "t[<A at 0x…>]#2", "t[<B at 0x…>]", "t[0x10]"]


def test_the_same_id_stays_the_same_name() -> None:
    assert names(["t[1]", "t[1]"]) == ["t[1]", "t[1]"]


def test_parameters_are_told_without_addresses_and_in_short() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    told = described({"a": object(), "b": "x" * 500, "c": "x" * 501, "d": Odd(), "e": 1})
    assert told["a"] == "<object object at 0x…>"
    assert told["b"] != told["c"]
    assert len(told["b"]) < LONGEST + 20
    assert "ZeroDivisionError" in told["d"]
    assert told["e"] == "1"
