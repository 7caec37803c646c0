"""Answers of the reference that are kept: never a wrong one taken for right."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pytest_duel.catalogue import answers, parity
from pytest_duel.catalogue.answers import Answers, digest
from pytest_duel.catalogue.model import Backend, Case, Catalogue, Example, Kernel, Scenario
from pytest_duel.catalogue.parity import Outcome, Report, differ

VALUES = st.one_of(
    st.floats(),
    st.integers(),
    st.text(),
    st.booleans(),
    st.none(),
    arrays(st.sampled_from(["f8", "f4", "i8", ">f8"]), array_shapes(max_side=3, max_dims=2)),
    st.floats(width=32).map(np.float32),
)


@given(VALUES, VALUES)
def test_digests_are_equal_where_nothing_differs(one: Any, other: Any) -> None:
    for found, expected in (one, other), (one, one):
        same = differ(("value",), Outcome((found,)), Outcome((expected,))) is None
        assert (digest(found) == digest(expected)) == same


@pytest.mark.parametrize(("one", "other"), [
    (("a", "b"), ("ab",)),
    ((b"a", b"b"), (b"ab", b"")),
    ((1, 2), (12,)),
    (((1,), 2), ((1, 2),)),
    ([1.0], (1.0,)),
    (0.0, -0.0),
    (np.zeros((2, 1)), np.zeros(2)),
    (np.ma.masked_equal([1.0, 2.0], 2.0), np.ma.masked_equal([1.0, 2.0], 1.0)),
    ({"a": 1}, {"a": 2}),
    (None, "None"),
])  # fmt: skip
def test_what_differs_has_another_digest(one: Any, other: Any) -> None:
    assert digest(one) not in (None, digest(other))


class Text(str):
    """Has more to it than its letters."""

    __slots__ = ("more",)


@dataclass
class Record:
    """Holds an array."""

    one: Any
    other: Any = 0


class Named(NamedTuple):
    """Holds an array, too."""

    one: Any
    other: Any = 0


@pytest.mark.parametrize("record", [Record, Named])
def test_records_are_known_by_their_fields(record: Callable[[Any], Any]) -> None:
    found = digest(record(np.zeros(2)))
    assert found == digest(record(np.zeros(2)))
    assert found not in (None, digest(record(-np.zeros(2))), digest([np.zeros(2), 0]))


def test_a_record_with_more_than_its_fields_is_not_known_whole() -> None:
    record = Record(np.zeros(2))
    record.more = 1  # type: ignore[attr-defined]
    assert digest(record) is None


@pytest.mark.parametrize("value", [
    object(), Record, Record(object()), Text("a"), np.array([object()]), np.ma.masked, {1, 2},
    memoryview(b"a"), [1.0, [object()]],
])  # fmt: skip
def test_what_is_not_known_whole_has_none(value: object) -> None:
    assert digest(value) is None


EXAMPLES = [Example(f"{n} ones", partial(lambda n: ((np.ones(n),), {}), n)) for n in range(1, 60)]


def total(values: Any) -> float:
    return float(np.sum(values))


class Counted:
    """A reference that counts how often it is asked."""

    def __init__(self, answer: Callable[[Any], float] = total) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self, values: Any) -> float:
        self.asked += 1
        return self.answer(values)


def checked(file: Path, reference: Counted, backend: Callable[[Any], float] = total) -> Report:
    kernel = Kernel("sum", outputs=("total",), adversarial=lambda: EXAMPLES)
    catalogue = Catalogue(
        reference="slow",
        kernels={"sum": kernel},
        backends={name: Backend(name, dict) for name in ("slow", "fast")},
        scenarios={"ones": Scenario("ones", lambda *_: [], seed=1)},
        sweeps=(),
    )
    calls: dict[tuple[str, str], Callable[..., Any]] = {
        ("sum", "slow"): reference,
        ("sum", "fast"): backend,
    }
    return parity.check(catalogue, [Case("sum", "fast", "ones", 1)], calls, lambda _: [],
                        Answers(file))  # fmt: skip


def test_the_reference_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ASKED_AGAIN", 10**9)
    file = tmp_path / "new" / "answers.json"
    first, second = Counted(), Counted()
    assert not checked(file, first).failures
    assert (first.asked, len(json.loads(file.read_text()))) == (len(EXAMPLES), len(EXAMPLES))
    report = checked(file, second)
    assert second.asked == 0
    assert not report.failures
    assert report.checked == {("sum", "fast"): len(EXAMPLES)}


def test_a_wrong_backend_is_named_by_what_the_reference_says_now(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    checked(file, Counted())
    report = checked(file, Counted(), lambda values: total(values) + (len(values) > 30))
    (failure,) = report.failures.values()
    assert (failure.where, failure.value, failure.expected) == ("31 ones", "32.0", "31.0")


@pytest.mark.parametrize("content", [
    "", "[]", "{", "null", '{"a": 1}', "\0", '{"a": {"b": "c"}}', "[" * 100_000,
])  # fmt: skip
def test_a_file_without_sense_is_empty_and_replaced(content: str, tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text(content)
    reference = Counted()
    assert not checked(file, reference).failures
    assert reference.asked == len(EXAMPLES)
    assert len(json.loads(file.read_text())) == len(EXAMPLES)


def test_wrong_answers_in_a_file_blame_nobody_and_go(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    checked(file, Counted())
    right = json.loads(file.read_text())
    file.write_text(json.dumps(dict.fromkeys(right, "0" * 32)))
    reference = Counted()
    assert not checked(file, reference).failures
    assert reference.asked == len(EXAMPLES)
    assert json.loads(file.read_text()) == right


def test_kept_answers_are_asked_for_again_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "ASKED_AGAIN", 1)
    file = tmp_path / "answers.json"
    checked(file, Counted())
    reference = Counted(lambda values: total(values) + 1)  # changed, and nobody has noticed
    assert checked(file, reference).failures
    assert reference.asked == 1  # the first that it is asked shows it


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not checked(tmp_path / "file" / "answers.json", Counted()).failures


def test_few_files_are_kept(tmp_path: Path) -> None:
    for number in range(answers.KEPT + 3):
        file = tmp_path / f"{number}.json"
        checked(file, Counted())
        os.utime(file, (number, number))
    checked(tmp_path / "new.json", Counted())
    assert len(list(tmp_path.iterdir())) == answers.KEPT
    assert (tmp_path / "new.json").exists()
