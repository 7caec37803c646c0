"""What a project's settings mean: which files, which benchmarks, which threshold."""

from pathlib import Path

import pytest

from pytest_duel.gate.settings import Settings, SettingsError, read

NAMES = ("a.py::test_one[5]", "a.py::test_one[50]", "b.py::test_two")


def test_all_keys_are_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest-duel]\nbenchmarks = ['a.py::*']\nthreshold = 0\nbudget = 60\n"
        "removed = ['a.py::test_old']\npackages = ['.', 'core']\ninstall = 'none'\n"
        "placements = 'make {seed} {target}'\n"
        "selftest = 'selftest.json'\nproject = 'bench:project'\n"
        "[tool.pytest-duel.thresholds]\n'*5]' = 0.05\n",
        encoding="utf-8",
    )
    assert read(tmp_path) == Settings(
        benchmarks=("a.py::*",),
        threshold=0.0,
        budget=60.0,
        removed=("a.py::test_old",),
        packages=(".", "core"),
        install="none",
        placements="make {seed} {target}",
        selftest="selftest.json",
        project="bench:project",
        thresholds={"*5]": 0.05},
    )


@pytest.mark.parametrize(("text", "message"), [
    ("tool = 3", "here: tool is 3: it must be a table"),
    ("[tool]\npytest-duel = 3", "here: [tool.pytest-duel] is 3: it must be a table"),
])  # fmt: skip
def test_what_is_no_table_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "here")
    assert str(caught.value) == message


def test_nothing_has_to_be_said(tmp_path: Path) -> None:
    assert read(tmp_path) == Settings()


@pytest.mark.parametrize(("line", "message"), [
    ("threshold = nan", "threshold is nan: it must be a share"),
    ("threshold = false", "threshold is False: it must be a share"),
    ("threshold = 5", "threshold is 5: it must be a share"),
    ("threshold = '5'", "threshold is '5': it must be a share"),
    ("threshold = 'inf%'", "threshold is 'inf%': it must be a share"),
    ("group_thresholds = {io = -1}", "group_thresholds.io is -1: it must be a share"),
    ("budget = inf", "budget is inf: it must be seconds"),
    ("thresholds = 0.05", "thresholds is 0.05: it must be"),
    ("removed = ['a*']", "removed is ['a*']: it must be a list of names"),
    ("packages = []", "packages is []: it must be a list of at least one folder"),
    ("packages = ['.', '/a']", "packages is ['.', '/a']: it must be a list of at least one"),
    ("selftest = ''", "selftest is '': it must be a path"),
    ("project = 'bench'", "project is 'bench': it must be a text such as"),
    ("budget = 1\nbudget = 2", "here is not valid TOML: "),
])  # fmt: skip
def test_a_bad_value_is_named_with_what_is_expected(
    line: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.pytest-duel]\n{line}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, "here")
    assert message in str(caught.value)


@pytest.mark.parametrize(("patterns", "files"), [
    (("a.py::test_one[*]", "b.py::test_two", "a.py::*"), ("a.py", "b.py")),
    (("a.py::test_one[5]", "*"), ()),
    (("*.py::test_one",), ()),
    (("a.py",), ()),
])  # fmt: skip
def test_files_are_known_where_every_pattern_names_one(
    patterns: tuple[str, ...], files: tuple[str, ...]
) -> None:
    assert Settings(benchmarks=patterns).files == files


@pytest.mark.parametrize("line", ["threshold = '150%'", "threshold = '150 %'"])
def test_a_threshold_may_be_above_100_percent(line: str, tmp_path: Path) -> None:
    """As asked in pytest-benchmark's issue 279."""
    (tmp_path / "pyproject.toml").write_text(
        f"[tool.pytest-duel]\n{line}\nthresholds = {{'*' = '200%', 'a.py::*' = '5%'}}\n"
        "group_thresholds = {'io*' = '300%'}\n",
        encoding="utf-8",
    )
    found = read(tmp_path)
    assert found.threshold == 1.5
    assert [found.threshold_of(name) for name in NAMES] == [0.05, 0.05, 2.0]
    assert found.group_thresholds == {"io*": 3.0}


def test_the_most_specific_threshold_decides() -> None:
    own = Settings(thresholds={"*": 0.1, "a.py::*": 0.2, "*[50]": 0.3, "a.py::*[50]": 0.4})
    assert [own.threshold_of(name) for name in NAMES] == [0.2, 0.4, 0.1]
    assert Settings(thresholds={"a*": 0.1, "*y": 0.2}).threshold_of("a.py") == 0.1
