"""Listing the benchmarks of a source tree: toys that are broken in many ways."""

import shutil
import sys
import venv
from pathlib import Path

import pytest

from places import TOY
from pytest_duel.catalogue import collect
from pytest_duel.catalogue.collect import CollectionError, case_ids

NAME = "the base"
SUITES = "benchmarks"
IN_A_CLASS = """
import pytest

class TestMore:
    @pytest.mark.parametrize("name", ["a::b-5"])
    def test_more(self, benchmark, name):
        pass
"""


def plant(root: Path) -> Path:
    """Make a source tree of its own."""
    (root / SUITES).mkdir(parents=True)
    shutil.copy(TOY / "toy_catalogue.py", root / "conftest.py")
    shutil.copy(TOY / "toy_suite.py", root / SUITES / "test_toy.py")
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a source tree to be changed."""
    return plant(tmp_path / "a tree")


@pytest.fixture(scope="module")
def toy_ids(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Return what such a tree has before it is changed."""
    return case_ids(plant(tmp_path_factory.mktemp("toys") / "toy"), NAME, SUITES)


def suite(tree: Path, content: str, name: str = "test_more.py") -> Path:
    path = tree / SUITES / name
    path.write_text(content, encoding="utf-8")
    return path


def options(tree: Path, text: str) -> None:
    (tree / "pytest.ini").write_text(f"[pytest]\naddopts = {text}\n", encoding="utf-8")


def files(tree: Path) -> set[Path]:
    return set(tree.rglob("*"))


def test_ids_keep_the_order_of_the_suites(toy_ids: tuple[str, ...]) -> None:
    assert toy_ids[:2] == ("scale[plain-mixed-4]", "scale[quick-mixed-4]")
    assert toy_ids[-1] == "nap[other-words-drowsy-3]"


def test_a_suite_that_moved_is_not_missing(tree: Path, toy_ids: tuple[str, ...]) -> None:
    (tree / SUITES / "test_toy.py").rename(tree / SUITES / "test_moved.py")
    assert case_ids(tree, NAME, SUITES) == toy_ids


def test_a_suite_that_vanished_takes_its_cases_with_it(
    tree: Path, toy_ids: tuple[str, ...]
) -> None:
    path = tree / SUITES / "test_toy.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index('@pytest.mark.sweep("nap")')], encoding="utf-8")
    left = case_ids(tree, NAME, SUITES)
    assert left == tuple(one for one in toy_ids if not one.startswith("nap["))
    assert left != toy_ids


def test_what_has_no_parameters_is_no_case(tree: Path, toy_ids: tuple[str, ...]) -> None:
    suite(tree, "def test_helper():\n    pass\n")
    assert case_ids(tree, NAME, SUITES) == toy_ids


def test_a_suite_in_a_class_has_no_other_ids(tree: Path, toy_ids: tuple[str, ...]) -> None:
    suite(tree, IN_A_CLASS)
    assert set(case_ids(tree, NAME, SUITES)) - set(toy_ids) == {"more[a::b-5]"}


def test_nothing_is_written_into_the_tree(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    before = files(tree)
    assert case_ids(tree, NAME, SUITES)
    assert files(tree) == before


@pytest.fixture
def editable_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the interpreter find `package` in another tree, where it does not import."""
    other = tmp_path / "other"
    for package in ("package",):
        (other / package).mkdir(parents=True)
        broken = "raise ImportError('of another tree')\n"
        (other / package / "__init__.py").write_text(broken, encoding="utf-8")
    home = tmp_path / "venv"
    venv.create(home)
    (python,) = [*home.glob("bin/python"), *home.glob("Scripts/python.exe")]
    (site,) = [*home.glob("lib/python*/site-packages"), *home.glob("Lib/site-packages")]
    tools = Path(pytest.__file__).parent.parent
    (site / "editable.pth").write_text(f"{other}\n{tools}\n", encoding="utf-8")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")


@pytest.mark.usefixtures("editable_elsewhere")
def test_a_tree_is_listed_by_its_own_code(tree: Path) -> None:
    (tree / "package").mkdir()
    (tree / "package" / "__init__.py").touch()
    suite(tree, "import package\n")
    assert "scale[plain-mixed-4]" in case_ids(tree, NAME, SUITES)


def test_settings_of_caller_and_tree_change_nothing(
    tree: Path, toy_ids: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    options(tree, "-vv --color=yes")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing -q -q")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    assert case_ids(tree, NAME, SUITES) == toy_ids


def test_modules_that_only_the_caller_has_are_not_there(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stray.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    suite(tree, "import stray\n")
    with pytest.raises(CollectionError, match="No module named 'stray'"):
        case_ids(tree, NAME, SUITES)


@pytest.mark.parametrize(("content", "reason"), [
    ("def test_more(:\n", "SyntaxError"),
    ("import no_such_module\n", "No module named 'no_such_module'"),
    ("import pytest\npytest.fail('this suite\\nwants «more»')\n", "wants «more»"),
    ("import pytest\n@pytest.mark.swoop\ndef test_more():\n    pass\n",
     "'swoop' not found in `markers` configuration option"),
])  # fmt: skip
def test_a_broken_suite_is_named_with_its_reason(
    tree: Path, content: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    options(tree, "--strict-markers --color=yes")
    suite(tree, content)
    with pytest.raises(CollectionError) as caught:
        case_ids(tree, NAME, SUITES)
    message = str(caught.value)
    assert message.startswith("the base: pytest cannot collect")
    assert reason in message
    assert "test_more.py" in message
    assert "\x1b" not in message
    assert len(message.splitlines()) < 8


@pytest.mark.parametrize(("conftest", "reason"), [
    ("import no_such_module\n", "No module named 'no_such_module'"),
    ("", "unrecognized arguments: --bench-tier"),
    (
        "pytest_plugins = ['pytest_duel.plugin.sweep']\n"
        "def pytest_duel_catalogue():\n    raise ValueError(7)\n",
        "ValueError: 7",
    ),
    ("import os\nos._exit(7)\n", "exit code 7"),
])  # fmt: skip
def test_a_harness_that_does_not_start_says_why(tree: Path, conftest: str, reason: str) -> None:
    (tree / "conftest.py").write_text(conftest, encoding="utf-8")
    with pytest.raises(CollectionError, match=reason):
        case_ids(tree, NAME, SUITES)


def test_two_benchmarks_of_one_id_are_refused(tree: Path) -> None:
    shutil.copy(tree / SUITES / "test_toy.py", tree / SUITES / "test_again.py")
    with pytest.raises(CollectionError, match=r"several .* of one id: .*scale\[plain-mixed-4\]"):
        case_ids(tree, NAME, SUITES)


def test_a_tree_without_benchmarks_is_an_error(tree: Path, tmp_path: Path) -> None:
    (tree / SUITES / "test_toy.py").unlink()
    with pytest.raises(CollectionError, match="the base has no benchmarks"):
        case_ids(tree, NAME, SUITES)
    suite(tree, "def test_helper():\n    pass\n")
    with pytest.raises(CollectionError, match="the base has no benchmarks"):
        case_ids(tree, NAME, SUITES)
    empty = tmp_path / "empty"
    for missing in empty, empty / "nowhere":
        empty.mkdir(exist_ok=True)
        with pytest.raises(CollectionError, match="the base has no folder 'benchmarks'"):
            case_ids(missing, NAME, SUITES)


def test_a_collection_that_hangs_is_ended(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "SECONDS", 0.5)
    suite(tree, "import time\ntime.sleep(60)\n")
    with pytest.raises(CollectionError, match="the base: pytest did not list the benchmarks in"):
        case_ids(tree, NAME, SUITES)
