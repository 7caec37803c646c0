"""What is said of tests that fail or cannot be collected."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from pytest_duel.gate import collect
from pytest_duel.gate.collect import CollectError, cause, explained
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.paired.pytest_worker import SHOWN_AS
from strangers import copied


@pytest.mark.parametrize(("text", "said"), [
    ("a line\nE   ImportError: no such name\nE   more", "ImportError: no such name"),
    ("one\nlast", "last"),
    ("", "pytest does not say why"),
])  # fmt: skip
def test_the_line_that_says_what_was_wrong_is_told(text: str, said: str) -> None:
    assert cause(text) == said


def test_where_a_file_is_not_there_ignored_ones_are_mentioned() -> None:
    assert "git ignores" in explained("FileNotFoundError: data.bin")
    assert explained("ValueError: 3") == "ValueError: 3"


class Told:
    """A worker that has collected one benchmark."""

    hello: ClassVar[dict[str, Any]] = {}
    marker: dict[str, Any]

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def ask(self, *_: object) -> dict[str, Any]:
        one = {"name": "t.py::test_a", "file": "t.py", "path": "/t.py", "parameters": {}}
        return {
            "benchmarks": [{**one, "marker": self.marker}], "errors": {}, "rootdir": "/",
            "inifile": "", "settings": {}, "drivers": [], "tests": [], "elsewhere": {},
        }  # fmt: skip

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("marker", "said"), [
    ({"threshold": "much"}, "has threshold='much': it must be a share"),
    ({"threshold": 5}, "has threshold=5: it must be a share"),
    ({"cpus": 0}, "has cpus=0: it must be a whole number"),
    ({"cpus": True}, "has cpus=True: it must be a whole number"),
    ({"limit": 1}, "has 'limit': choose from threshold, skip, check, cpus"),
    ({"skip": {SHOWN_AS: "['no']"}}, "has skip=['no']: it must be a plain number, a text"),
])  # fmt: skip
def test_a_marker_that_is_wrong_is_named(
    marker: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "PytestSide", Told)
    monkeypatch.setattr(Told, "marker", marker, raising=False)
    with pytest.raises(CollectError, match=r"the head: t\.py::test_a: the marker duel") as caught:
        collect.collect(Arm("head"), Suite(Path(), Path()), "the head")
    assert said in str(caught.value)


def test_arguments_of_the_marker_without_a_name_are_refused(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "toy")
    test = project / "benchmarks/test_toy.py"
    test.write_text(
        test.read_text().replace("def test_busy", "@pytest.mark.duel(0.05)\ndef test_busy")
    )
    arm = Arm("head", modules={"toy": str(project)})
    with pytest.raises(
        CollectError, match="test_busy: the marker duel takes all arguments by name"
    ):
        collect.collect(arm, Suite(project, tmp_path), "the head")


@pytest.mark.parametrize("argument", ["threshold=[0.05]", "limit=Decimal('0.05')"])
def test_arguments_of_the_marker_that_are_no_plain_values_are_refused(
    argument: str, tmp_path: Path
) -> None:
    project = copied("flat", tmp_path / "toy")
    test = project / "benchmarks/test_toy.py"
    marked = f"@pytest.mark.duel({argument})\ndef test_busy"
    text = test.read_text().replace("def test_busy", marked)
    test.write_text(f"from decimal import Decimal\n{text}")
    arm = Arm("head", modules={"toy": str(project)})
    with pytest.raises(CollectError) as caught:
        collect.collect(arm, Suite(project, tmp_path), "the head")
    assert f"test_busy: the marker duel has {argument}: it must be a plain" in str(caught.value)
