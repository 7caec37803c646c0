"""The sweep as its user sees it, in a project that knows nothing of markets."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Toy = Callable[..., pytest.RunResult]

TIMED = ("--benchmark-only", "--bench-tier=smoke")
QUICK = ("--bench-backends=plain,quick", *TIMED)
WHERE = "scenario mixed, seed 11, n = 400, pool[0]"


def saved(path: str = "out.json") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return document


def cases(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"].removeprefix("test_"): one for one in run["benchmarks"]}


WRONG = {
    "one-ulp": (WHERE, "scaled[2] is 0.39999999999999997, plain has 0.3999999999999999"),
    "sign-of-zero": (WHERE, "scaled[1] is -0.0, plain has 0.0"),
    "dtype": (WHERE, "the dtype of scaled is float32, plain has float64"),
    "shape": (WHERE, "the shape of scaled is (1, 400), plain has (400,)"),
    "scalar-type": (WHERE, "the type of peak is float64, plain has float"),
    "changes-input": (WHERE, "its input is changed, plain has left alone"),
    "panics": (WHERE, "the outcome is Panic: index out of bounds, plain has returned"),
    "other-words": (
        "a negative factor",
        "the outcome is ValueError: factor is negative, "
        "plain has ValueError: factor is -1.0: factor must not be negative",
    ),
    "other-exception": (
        "a negative factor",
        "the outcome is TypeError: factor is -1.0: factor must not be negative, "
        "plain has ValueError: factor is -1.0: factor must not be negative",
    ),
    "no-exception": ("a negative factor", "the outcome is returned (1.0, array([1., 1., 1.]))"),
}


def test_wrong_and_missing_backends_are_refused_and_the_others_timed(toy: Toy) -> None:
    result = toy("-v", "--benchmark-json=out.json", "--benchmark-autosave", *TIMED)
    result.assert_outcomes(passed=5, failed=len(WRONG) + 1, deselected=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    output = result.stdout.str()
    failures, _, tables = output.partition("= FAILURES =")[2].partition("- benchmark ")
    run = saved()
    disagreements = run["bench"]["parity"]["disagreements"]
    for name, (where, what) in WRONG.items():
        said = f"scale: {name} disagrees with plain on {where}: {what}"
        assert said in failures
        assert any(line.startswith(said) for line in disagreements)
        assert f"[{name}-mixed-400] " not in tables.partition("not timed:")[0]
    assert len(disagreements) == len(WRONG)
    assert "absent cannot be timed: absent is not installed: get it with `toy get" in failures
    assert "absent was not timed: absent is not installed: get it with `toy get absent`" in tables
    assert "and then again" in tables  # a compiler's message has many lines
    assert list(run["bench"]["missing"]) == ["absent"]

    right = {
        f"scale[{name}-mixed-400]" for name in ("plain", "quick", "even", "compiled", "empty")
    }
    assert cases(run).keys() == right
    for name in right:
        assert f"test_{name}" in tables
    summary = tables.partition("Which backend at which size")[2].partition("× and its")[0]
    # Side by side a reader sees that they are missing, and why.
    header, row = re.search(r"\n( +n .*)\n( +400 .*)\n", summary).groups()  # type: ignore[union-attr]
    seen = dict(zip(header.split(), row.split(), strict=False))
    assert {seen[name] for name in WRONG} == {"wrong"}
    assert seen["absent"] == "missing"
    assert "of those timed, without" in " ".join(summary.split())
    # Warnings about the refused cases would be noise.
    assert "PytestBenchmarkWarning" not in output


def test_plain_pytest_runs_every_benchmark_once_and_saves_nothing(
    toy: Toy, pytester: pytest.Pytester
) -> None:
    with (pytester.path / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(
            "\n\ndef pytest_sessionfinish():\n"
            "    backend = next(b for b in BACKENDS if b.name == 'counted')\n"
            "    print('calls', backend.load()['scale'].calls)\n"
        )
    _add_counted(pytester)
    result = toy("--bench-backends=counted", "--bench-scenarios=same", "-s")
    result.assert_outcomes(passed=1, deselected=2)
    # Parity sees the one distinct input and the two examples; then comes the one call.
    result.stdout.fnmatch_lines(["*calls 4*"])
    result.stdout.no_fnmatch_line("*Which backend at which size*")
    assert not list((pytester.path / ".benchmarks").rglob("*.json"))


def _add_counted(pytester: pytest.Pytester) -> None:
    path = pytester.path / "conftest.py"
    source = path.read_text(encoding="utf-8")
    source = source.replace(
        "class Compiled:",
        "class Counted:\n"
        "    calls = 0\n"
        "    def __call__(self, *arguments, **options):\n"
        "        self.calls += 1\n"
        "        return scale(*arguments, **options)\n\n\n"
        "class Compiled:",
    ).replace(
        "BACKENDS = (",
        "COUNTED = Counted()\n"
        "BACKENDS = (Backend('counted', lambda: {'scale': COUNTED, 'scale_all': COUNTED,"
        " 'nap': COUNTED}),",
    )
    source = source.replace('RIGHT = ("plain",', 'RIGHT = ("counted", "plain",')
    path.write_text(source, encoding="utf-8")


def test_times_are_per_item_and_without_the_first_call(toy: Toy) -> None:
    names = "plain,quick,compiled,empty"
    result = toy(f"--bench-backends={names}", "--benchmark-only", "--benchmark-json=out.json")
    assert result.ret == pytest.ExitCode.OK
    found = cases(saved())
    # One look at the clock, a millionth of a second, is spread over a round.
    for seconds, case in (
        (8.0, "scale[plain-mixed-400]"),
        (1.0, "scale[quick-mixed-9000]"),
        (1.0, "scale[quick-same-6]"),
        (0.5, "scale[compiled-mixed-400]"),
        (0.125, "scale[empty-mixed-400]"),
        (8.0, "scale_all[plain-mixed-9000]"),
        (1.0, "scale_all[quick-mixed-9000]"),
        (16.0, "nap[plain-sleepy-2]"),
        (2.0, "nap[quick-sleepy-2]"),
    ):
        stats = found[case]["stats"]
        for name in ("min", "max", "mean", "median"):
            assert stats[name] == pytest.approx(seconds, rel=1e-6), (case, name)
        assert stats["rounds"] == len(stats["data"])
        assert 5 <= stats["rounds"] <= 300
        assert stats["data"] == pytest.approx([seconds] * stats["rounds"], rel=1e-6)
    pools = {name: one["extra_info"] for name, one in found.items()}
    assert pools["scale[plain-mixed-400]"]["calls"] == 164
    assert pools["scale[plain-mixed-9000]"]["calls"] == 8
    assert pools["scale_all[plain-mixed-9000]"] == {
        "kernel": "scale_all", "backend": "plain", "scenario": "mixed", "n": 9000, "seed": 11,
        "calls": 2, "distinct": 8,
    }  # fmt: skip
    assert pools["scale[plain-same-6]"]["calls"] == 20
    assert pools["scale[plain-same-6]"]["distinct"] == 1


def test_table_and_summary_name_the_winner(toy: Toy) -> None:
    result = toy("-v", "--bench-backends=plain,quick,even,empty", *TIMED)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "parity: comparing plain, quick, even, empty with plain ...",
            "parity: 332 calls compared bit for bit in * s, 0 disagreements",
            "*benchmark 'scale mixed n=400': 4 tests*",
            "scale, mixed: s per vector",
            "    400 plain            8.00   8.00*",
            "        quick            1.00   1.00* 8.00 [[]8.00, 8.00] *8.0",
            "Which backend at which size",
            "      400     8.00     1.00     8.25    0.125  quick, 8.0× [[]8.0, 8.0] plain",
            "  quick is 8.00 [[]8.00, 8.00]× as fast as plain; use quick",
        ]
    )
    summary = result.stdout.str().partition("scale, mixed: s per vector")[2].partition("====")[0]
    assert max(map(len, summary.splitlines())) <= 80


def test_the_answer_comes_without_tables_unless_they_are_asked_for(toy: Toy) -> None:
    asked = ("--bench-backends=plain,quick,even,empty", *TIMED)
    result = toy(*asked)
    result.stdout.fnmatch_lines(["scale, mixed: use quick; quick is 8.00 *"])
    result.stdout.no_fnmatch_line("*benchmark 'scale mixed n=400'*")
    result.stdout.no_fnmatch_line("scale, mixed: s per vector")
    for option in "--benchmark-sort=name", "--benchmark-columns=min", "-v":
        result = toy(option, *asked)
        result.stdout.fnmatch_lines(["*benchmark 'scale mixed n=400': 4 tests*"])


def test_who_asks_for_one_backend_sees_its_times(toy: Toy) -> None:
    result = toy("--bench-backends=quick", *TIMED)
    result.stdout.fnmatch_lines(["scale, mixed: s per vector", "    400 quick            1.00 *"])


def test_baseline_is_counted_out_where_it_does_not_claim_to_be_right(toy: Toy) -> None:
    names = "--bench-backends=plain,positive-only"
    result = toy(names, "--bench-scenarios=mixed,positive", "--bench-sizes=400",
                 "--benchmark-only", "--benchmark-json=out.json")  # fmt: skip
    assert result.ret == pytest.ExitCode.OK
    run = saved()
    assert "scale[positive-only-positive-400]" in cases(run)
    assert "scale[positive-only-mixed-400]" not in cases(run)
    outside = run["bench"]["parity"]["outside_domain"]
    assert outside.keys() == {"scale[positive-only-mixed-400]"}
    tally = outside["scale[positive-only-mixed-400]"]
    assert 0 < tally["different"] <= tally["calls"] == 164
    assert tally["largest"] == 2.0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--bench-backends=plain,quack", "--bench-backends: unknown 'quack'; choose from *plain"),
        ("--bench-scenarios=x", "--bench-scenarios: unknown 'x'; choose from mixed, positive, "),
        ("--bench-sizes=5,-1", "--bench-sizes: '-1' is no positive whole number"),
        ("--bench-sizes=1e3", "--bench-sizes: '1e3' is no positive whole number"),
        ("--bench-tier=huge", "argument --bench-tier: invalid choice: 'huge' (choose from *smoke"),
    ],
)  # fmt: skip
def test_bad_options_are_usage_errors(toy: Toy, option: str, message: str) -> None:
    result = toy(*option.split(), "--benchmark-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{message}*"])


def test_filters_select_cases(toy: Toy) -> None:
    def ids(*arguments: str) -> list[str]:
        lines = toy("--collect-only", "-q", *arguments).stdout.lines
        return [line.partition("::test_")[2] for line in lines if "::" in line]

    assert ids("--bench-backends=quick, even", "--bench-scenarios=mixed") == [
        "scale[quick-mixed-400]", "scale[even-mixed-400]",
        "scale[quick-mixed-9000]", "scale[even-mixed-9000]",
        "scale_all[quick-mixed-9000]", "scale_all[even-mixed-9000]",
    ]  # fmt: skip
    # Sizes of one's own for a sweep over sizes; a sweep with one size has that or none.
    assert ids("--bench-backends=quick", "--bench-sizes=7,7,6") == [
        "scale[quick-mixed-7]", "scale[quick-mixed-6]",
        "scale[quick-positive-7]", "scale[quick-positive-6]", "scale[quick-same-6]",
    ]  # fmt: skip
    assert ids("--bench-backends=quick", "--bench-tier=smoke") == ["scale[quick-mixed-400]"]
    assert ids("--bench-backends=quick", "--bench-tier=full")[:2] == [
        "scale[quick-mixed-400]", "scale[quick-mixed-500]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        ("--bench-scenarios=sleepy", "--bench-sizes=77"),
        ("--bench-backends=positive-only", "--bench-scenarios=mixed"),
        ("-k", "nothing"),
        ("--bench-backends=absent", "--benchmark-autosave"),
        ("--bench-backends=absent", "--benchmark-json=out.json"),
    ],
)
def test_a_run_that_timed_nothing_fails(toy: Toy, options: tuple[str, ...]) -> None:
    result = toy("--benchmark-only", *options)
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_benchmarks_that_are_all_skipped_fail_a_run(toy: Toy, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_other="def test_no_benchmark(): pass")
    result = toy("--benchmark-only", "test_other.py")
    result.assert_outcomes(skipped=1)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_run_that_is_only_shown_is_no_failure(toy: Toy) -> None:
    result = toy("--benchmark-only", "--bench-tier=smoke", "--duel-blocks=2", "--setup-plan")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*SETUP*S parity*"])
    result.stdout.no_fnmatch_line("*calls compared*")
    result.stdout.no_fnmatch_line("*blocks of fresh processes*")


def test_a_backend_that_nobody_needs_is_left_out_and_said(toy: Toy) -> None:
    result = toy("--bench-scenarios=same", "--bench-backends=plain,quick,unneeded",
                 "--benchmark-only", "--benchmark-json=out.json", "-rs")  # fmt: skip
    result.assert_outcomes(passed=2, skipped=1, deselected=2)
    assert result.ret == pytest.ExitCode.OK
    said = "unneeded was left out: unneeded is not installed"
    result.stdout.fnmatch_lines([said, "*SKIPPED*unneeded is left out: unneeded is not inst*"])
    run = saved()
    assert run["bench"]["left_out"] == {"unneeded": "unneeded is not installed"}
    assert not run["bench"]["missing"]
    assert not run["bench"]["refused"]
    # Nor does a reader miss it in the tables.
    assert "unneeded" not in result.stdout.str().partition(said)[2].partition("SKIPPED")[0]


def test_a_benchmark_of_its_own_beside_the_sweep(toy: Toy, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_other="def test_own(benchmark): benchmark.pedantic(sum, ([1],), rounds=5)"
    )
    result = toy("--benchmark-json=out.json", *QUICK)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["test_own *", "scale, mixed: s per vector", "  quick is *"])
    from pytest_duel.results.runs import load

    assert {one.case.id for one in load(Path("out.json")).results} == {
        "scale[plain-mixed-400]", "scale[quick-mixed-400]",
    }  # fmt: skip


def test_at_most_300_rounds_are_kept(toy: Toy) -> None:
    result = toy(
        "--bench-backends=plain", "--bench-scenarios=sleepy,same", "--benchmark-only",
        "--benchmark-max-time=600", "--benchmark-json=out.json",
    )  # fmt: skip
    assert result.ret == pytest.ExitCode.OK
    for case in saved()["benchmarks"]:
        assert case["stats"]["rounds"] == len(case["stats"]["data"]) == 300


DROWSY = ("--bench-scenarios=drowsy", "--bench-tier=full", "--benchmark-only")


def test_a_backend_that_is_wrong_below_is_refused_above(toy: Toy) -> None:
    # Nothing of `scale` is timed here, but `nap` rests on it.
    result = toy("--bench-sizes=2", *DROWSY)
    result.assert_outcomes(passed=1, failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        ["*nap[[]other-words*scale: other-words disagrees with plain on a negative factor: *"]
    )


def test_sizes_that_a_scenario_cannot_have_are_left_out(toy: Toy) -> None:
    result = toy("--bench-sizes=1,3", "--bench-backends=plain", *DROWSY)
    result.assert_outcomes(passed=1, deselected=2)


def test_sizes_do_not_bring_in_what_the_tier_leaves_out(toy: Toy) -> None:
    result = toy("--bench-sizes=400", "--bench-backends=quick", *TIMED)
    result.assert_outcomes(passed=1, deselected=2)


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (("-p", "no:benchmark"), {}),
        ((), {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}),
    ],
)
def test_without_pytest_benchmark_a_sentence_says_so(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, arguments: Any, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    result = toy(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert "pytest-benchmark, which times the benchmarks here, is not loaded" in said
    assert "INTERNALERROR" not in said
    assert "Traceback" not in said


CODSPEED = """

def pytest_addoption(parser):
    parser.addoption("--codspeed", action="store_true")


@pytest.fixture
def benchmark():
    return lambda function: function()


def pytest_runtest_makereport():
    return None
"""


def test_another_plugins_benchmark_is_refused_in_a_sentence(
    toy: Toy, pytester: pytest.Pytester
) -> None:
    with (pytester.path / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(CODSPEED)
    result = toy("--codspeed", "--bench-tier=smoke")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "leave it out" in result.stderr.str()


REPEAT = """

@pytest.fixture
def __repeat(request):
    return request.param


def pytest_generate_tests(metafunc):
    metafunc.fixturenames.append("__repeat")
    metafunc.parametrize("__repeat", range(3), indirect=True)
"""


def test_a_case_that_is_repeated_is_timed_once(toy: Toy, pytester: pytest.Pytester) -> None:
    with (pytester.path / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(REPEAT)
    result = toy("--benchmark-json=out.json", *QUICK)
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["passed"] == 2
    said = result.stdout.str()
    assert "4 repeated cases were left out" in said
    assert "quick is 8.00" in said
    from pytest_duel.results import runs

    assert len(runs.load(pytester.path / "out.json").results) == 2
