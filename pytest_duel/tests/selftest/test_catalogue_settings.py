"""The gate's settings: what is read, what is refused, and which threshold a case gets."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_duel.selftest.catalogue_settings import (
    Settings,
    SettingsError,
    matching,
    read,
    resolve,
)

IDS = (
    "clear[rust-uniform-5]",
    "clear[rust-uniform-50]",
    "clear[numba-uniform-5]",
    "clear_batch[rust-uniform-5]",
)
WHOLE = """
[project]
name = "x"

[tool.pytest-duel]
benchmarks = ["clear[rust-uniform-*]", "train[*]"]
threshold = 0.03
budget = 60
removed = ["clear[rust-tied-5]"]
selftest = "docs/selftest.json"

[tool.pytest-duel.thresholds]
"clear[rust-*-5]" = 0.05
"train[*]" = 0
"""


def gate(line: str) -> str:
    cases = "" if line.startswith("benchmarks") else 'benchmarks = ["*"]\n'
    return f"[tool.pytest-duel]\n{cases}{line}\n"


def test_all_keys_are_read() -> None:
    found = read(WHOLE, "pyproject.toml")
    assert found == Settings(
        benchmarks=("clear[rust-uniform-*]", "train[*]"),
        threshold=0.03,
        budget=60.0,
        thresholds={"clear[rust-*-5]": 0.05, "train[*]": 0.0},
        removed=("clear[rust-tied-5]",),
        selftest="docs/selftest.json",
    )
    assert isinstance(found.budget, float)


def test_only_the_cases_must_be_given() -> None:
    assert read(gate(""), "pyproject.toml") == Settings(benchmarks=("*",))


SHARE = "it must be a share: a number that is at least 0 and below 1"


@pytest.mark.parametrize(("line", "message"), [
    ("treshold = 0.1", "unknown key 'treshold': choose from benchmarks, threshold, budget"),
    ("benchmarks = []", "benchmarks is []: it must be a list of at least one pattern"),
    ("benchmarks = 'clear'", "benchmarks is 'clear': it must be a list"),
    ("benchmarks = ['clear', 3]", "benchmarks is ['clear', 3]: it must be a list"),
    ("benchmarks = ['']", "benchmarks is ['']: it must be a list"),
    ("threshold = 1", f"threshold is 1: {SHARE}"),
    ("threshold = -0.01", f"threshold is -0.01: {SHARE}"),
    ("threshold = nan", f"threshold is nan: {SHARE}"),
    ("threshold = false", f"threshold is False: {SHARE}"),
    ("threshold = '2 %'", f"threshold is '2 %': {SHARE}"),
    ("budget = 0", "budget is 0: it must be seconds: a number above 0"),
    ("budget = -5.0", "budget is -5.0: it must be seconds"),
    ("budget = inf", "budget is inf: it must be seconds"),
    ("budget = 1" + 400 * "0", "it must be seconds"),
    ("budget = '3 min'", "budget is '3 min': it must be seconds"),
    ("thresholds = 0.05", "thresholds is 0.05: it must be a table of thresholds by pattern"),
    ("thresholds = {'a*' = 0.1, 'b*' = 2}", f"thresholds: that of 'b*' is 2: {SHARE}"),
    ("thresholds.a.b = 0.1", f"thresholds: that of 'a' is {{'b': 0.1}}: {SHARE}"),
    ("removed = 'clear[rust-tied-5]'", "removed is 'clear[rust-tied-5]': it must be a list"),
    ("removed = ['clear[rust-*]']", "removed is ['clear[rust-*]']: it must be a list of case ids"),
    ("selftest = false", "selftest is False: it must be a path"),
    ("selftest = ''", "selftest is '': it must be a path"),
])  # fmt: skip
def test_a_bad_value_is_named_with_what_is_expected(line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(gate(line), "the base's pyproject.toml")
    assert str(caught.value).startswith("the base's pyproject.toml: [tool.pytest-duel]: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(("text", "message"), [
    ("", r"here has no table \[tool.pytest-duel\]"),
    ("tool = 3", r"here has no table \[tool.pytest-duel\]"),
    ("[tool]\npytest-duel = ['gate']", r"here has no table \[tool.pytest-duel\]"),
    ("[[tool.pytest-duel]]\nbenchmarks = ['*']", r"here has no table \[tool.pytest-duel\]"),
    ("[tool.pytest-duel]", r"here: \[tool.pytest-duel\]: benchmarks is missing: it must be"),
    ("[tool.pytest-duel]\nbenchmarks = ['*' '*']", r"here is no valid TOML: .*line 2"),
    (gate("budget = 1\nbudget = 2"), "here is no valid TOML: "),
])  # fmt: skip
def test_a_table_that_cannot_be_read_is_an_error(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read(text, "here")


@given(st.floats() | st.integers())
def test_a_threshold_is_taken_or_refused(value: float) -> None:
    if 0 <= value < 1:
        assert read(gate(f"threshold = {value!r}"), "here").threshold == value
    else:
        with pytest.raises(SettingsError, match="threshold is"):
            read(gate(f"threshold = {value!r}"), "here")


def test_ids_come_in_the_order_of_patterns_and_once() -> None:
    patterns = ("*-5]", "clear[rust-uniform-*]")
    assert matching(patterns, IDS) == (IDS[0], IDS[2], IDS[3], IDS[1])


@given(st.text(alphabet="ab[]*-?!", max_size=6), st.text(alphabet="ab[]-?!", max_size=6))
def test_only_the_star_is_special(pattern: str, case_id: str) -> None:
    # The standard library's patterns, with what is special to them in brackets of its own.
    escaped = "".join(f"[{one}]" if one in "[?" else one for one in pattern)
    if fnmatchcase(case_id, escaped):
        assert matching([pattern], [case_id]) == (case_id,)
    else:
        with pytest.raises(SettingsError):
            matching([pattern], [case_id])


def test_every_pattern_must_match() -> None:
    with pytest.raises(SettingsError, match=r"benchmarks: no case matches 'clear', 'train\[\*\]'"):
        matching(("clear", "clear[*", "train[*]"), IDS)


THRESHOLDS = {
    "*-5]": 0.10,
    "clear[*": 0.20,
    "clear[rust-uniform-5]*": 0.30,
    "clear[rust-uniform-5]": 0.40,
}


def test_the_most_specific_threshold_decides() -> None:
    settings = Settings(benchmarks=("*",), threshold=0.01, thresholds=THRESHOLDS)
    assert resolve(settings, IDS) == {IDS[0]: 0.40, IDS[1]: 0.20, IDS[2]: 0.20, IDS[3]: 0.10}


@given(st.permutations(list(THRESHOLDS.items())))
def test_the_order_of_thresholds_does_not_matter(entries: list[tuple[str, float]]) -> None:
    one = Settings(benchmarks=("*",), thresholds=THRESHOLDS)
    other = Settings(benchmarks=("*",), thresholds=dict(entries))
    assert resolve(one, IDS) == resolve(other, IDS)


@given(st.sampled_from(IDS), st.data())
def test_an_exact_id_beats_every_pattern(case_id: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(case_id)))
    end = data.draw(st.integers(start, len(case_id)))
    pattern = case_id[:start] + "*" + case_id[end:]
    settings = Settings(benchmarks=(case_id,), thresholds={case_id: 0.1, pattern: 0.2})
    assert resolve(settings, IDS) == {case_id: 0.1}


def test_of_equally_specific_thresholds_the_least_decides() -> None:
    settings = Settings(benchmarks=("clear[rust-uniform-5]",), thresholds={"cl*": 0.2, "*5]": 0.1})
    assert resolve(settings, IDS) == {IDS[0]: 0.1}


def test_without_a_pattern_of_its_own_a_case_has_the_gates_threshold() -> None:
    assert resolve(Settings(benchmarks=("clear[*",)), IDS) == dict.fromkeys(IDS[:3], 0.02)


def test_a_threshold_for_no_case_that_is_measured_is_refused() -> None:
    settings = Settings(benchmarks=("clear[rust-*",), thresholds={"clear[numba-*": 0.1})
    with pytest.raises(SettingsError, match=r"thresholds: no case that is .* 'clear\[numba-\*'"):
        resolve(settings, IDS)


def test_a_case_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"benchmarks: no case matches 'train\[\*\]'"):
        resolve(Settings(benchmarks=("train[*]",)), IDS)
