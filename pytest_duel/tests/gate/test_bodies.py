"""Tests that do something else than in the base, though their own text is the same."""

import warnings
from pathlib import Path

import pytest

from pytest_duel.gate.bodies import rewritten
from pytest_duel.gate.changes import about_dependencies

NAME = "t.py::test_x"
TEST = "\ndef test_x(benchmark):\n    benchmark(len, D)\n"
LARGE, SMALL = "[1] * 10**6", "[1]"


def told(folder: Path, before: str, after: str, name: str = NAME) -> bool:
    """Return whether a test is named where its file changes."""
    (folder / "before.py").write_text(before)
    (folder / "after.py").write_text(after)
    return rewritten([name], folder / "before.py", folder / "after.py") == [name]


MADE_OTHERWISE = {
    "setup_module": "D = []\ndef setup_module():\n    global D\n    D = {}" + TEST,
    "module": "D = []\nD.extend({})" + TEST,
    "key": "D = {'n': 0}\nD['n'] = {}" + TEST,
    "attribute": "import toy\ntoy.work = {}" + TEST,
    "loop": "D = []\nfor _ in {}:\n    D.append(1)" + TEST,
    "branch": "D = []\nif True:\n    D = {}" + TEST,
    "imported": "if __name__ == '__main__':\n    D = 1\nelse:\n    D = {}" + TEST,
    "no program": "if __name__ != '__main__':\n    D = {}" + TEST,
    "in a branch": "import sys\nD = []\nif sys.argv:\n    D.extend({})" + TEST,
    "star": "from toy import *\nD = {}" + TEST,
    "named fixture": "@pytest.fixture(name='data')\ndef _data():\n    return {}\n"
    "def test_x(benchmark, data):\n    benchmark(len, data)\n",
    "usefixtures": "@pytest.fixture\ndef prep():\n    return {}\n"
    "@pytest.mark.usefixtures('prep')" + TEST,
    "pytestmark": "@pytest.fixture\ndef prep():\n    return {}\n"
    "pytestmark = pytest.mark.usefixtures('prep')" + TEST,
    "getfixturevalue": "@pytest.fixture\ndef prep():\n    return {}\n"
    "def test_x(benchmark, request):\n    benchmark(len, request.getfixturevalue('prep'))\n",
    "parametrized": "def w():\n    return {}\n@pytest.mark.parametrize('f', [w], ids=['w'])"
    + TEST,
    "lambda": "@pytest.mark.parametrize('f', [lambda: {}])" + TEST,
    "generated": "def pytest_generate_tests(metafunc):\n    return {}" + TEST,
    "decorator": "def quick(f):\n    return {}\n@quick" + TEST,
    "decorated": "@toy.quick({})" + TEST,
    "again": TEST + "if True:\n    def test_x(benchmark):\n        return {}\n",
    "other name": "def _light(benchmark):\n    return {}" + TEST + "test_x = _light\n",
}


@pytest.mark.parametrize("source", MADE_OTHERWISE.values(), ids=MADE_OTHERWISE.keys())
def test_what_a_test_uses_in_any_way_counts(tmp_path: Path, source: str) -> None:
    large, small = (source.replace("{}", one, 1) for one in (LARGE, SMALL))
    assert told(tmp_path, large, small)
    assert not told(tmp_path, large, f"\n# a remark\n{large}\n\nUNUSED = {SMALL}\n")


OF_CLASSES = {
    "setup_method": "class TestI:\n    def setup_method(self):\n        self.d = {}\n    T",
    "setup_class": "class TestI:\n    @classmethod\n    def setup_class(cls):\n"
    "        cls.d = {}\n    T",
    "base": "class Base:\n    def make(self):\n        return {}\nclass TestI(Base):\n    T",
    "other base": "class TestI(toy.base({})):\n    T",
    "attribute": "class TestI:\n    d = {}\n    def go(self):\n        return self.d\n    T",
    "set later": "class TestI:\n    T\nTestI.test_x = lambda self: {}\n",
    "in a branch": "class TestI:\n    T\n    if True:\n        def test_x(self):\n"
    "            return {}\n",
    "mark": "@pytest.mark.usefixtures('p')\nclass TestI:\n    @pytest.fixture\n"
    "    def p(self):\n        return {}\n    T",
    "nested": "D = {}\nclass TestI:\n    class TestInner:\n        pass\n    T",
}  # fmt: skip


@pytest.mark.parametrize("source", OF_CLASSES.values(), ids=OF_CLASSES.keys())
def test_what_a_class_has_counts_for_its_tests(tmp_path: Path, source: str) -> None:
    whole = source.replace(
        "    T", "    def test_x(self, benchmark):\n        benchmark(self.go, self.make, D)"
    )
    large, small = (whole.replace("{}", one, 1) for one in (LARGE, SMALL))
    assert told(tmp_path, large, small, "t.py::TestI::test_x")
    assert not told(tmp_path, large, f"{large}\nUNUSED = {SMALL}\n", "t.py::TestI::test_x")


@pytest.mark.parametrize(("before", "after"), [
    ("from toy import D", "from toy import D, more"),
    ("import toy", "import toy\nimport toy.extra"),
    ("class TestA:\n    @pytest.fixture(autouse=True)\n    def f(self):\n        pass\n"
     "    def test_a(self):\n        return 1\n",
     "class TestA:\n    @pytest.fixture(autouse=True)\n    def f(self):\n        pass\n"
     "    def test_a(self):\n        return 2\n"),
    ("D = 1", "D = 1\ndef test_y(benchmark):\n    benchmark(len, D)"),
    ("SIZES = [1]\n@pytest.mark.parametrize('n', SIZES)",
     "SIZES = [1, 2]\n@pytest.mark.parametrize('n', SIZES)"),
    ("'''A text.'''", "'''Another text.'''"),
    ("if __name__ == '__main__':\n    D = 1\nelse:\n    D = 2",
     "if '__main__' == __name__:\n    D = 3\nelse:\n    D = 2"),
])  # fmt: skip
def test_what_is_added_beside_a_test_does_not_count(
    tmp_path: Path, before: str, after: str
) -> None:
    assert not told(tmp_path, f"{before}{TEST}", f"{after}{TEST}")


def test_python_does_not_warn_of_what_is_read(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not told(tmp_path, f"P = '\\d'{TEST}", f"P = '\\d'  # digits{TEST}")


@pytest.mark.parametrize(("before", "after"), [
    ("k = {'install_requires': ['a']}\nsetup(**k)", "k = {'install_requires': ['b']}\nsetup(**k)"),
    ("k = {}\nk['install_requires'] = ['a']\nsetup(**k)", "k = {}\nk['install_requires'] = ['b']\n"
     "setup(**k)"),
    ("R = ['a']\nsetup(install_requires=R)",
     "R = ['a']\nR.append('b')\nsetup(install_requires=R)"),
    ("if x:\n    setup(install_requires=['a'])\nelse:\n    setup(install_requires=[])",
     "if x:\n    setup(install_requires=['b'])\nelse:\n    setup(install_requires=[])"),
])  # fmt: skip
def test_requirements_of_a_script_are_told_however_it_says_them(
    tmp_path: Path, before: str, after: str
) -> None:
    for name, text in (("base", before), ("head", after), ("later", f"{before}\nversion = '2'")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "setup.py").write_text(text)
    assert list(about_dependencies(tmp_path / "base", tmp_path / "later")) == []
    (said,) = about_dependencies(tmp_path / "base", tmp_path / "head")
    assert "install_requires of setup.py" in said
