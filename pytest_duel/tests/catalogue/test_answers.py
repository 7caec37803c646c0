"""Answers of the reference that are kept: never a wrong one taken for right."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_duel.catalogue import answers, parity
from pytest_duel.catalogue.answers import Answers
from pytest_duel.catalogue.model import Backend, Case, Catalogue, Example, Kernel, Scenario
from pytest_duel.catalogue.parity import Report

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
    assert (first.asked, len(json.loads(file.read_text()))) == (len(EXAMPLES), 1)
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


def test_a_right_answer_in_memory_that_is_used_again_hides_no_wrong_one(tmp_path: Path) -> None:
    file, buffer = tmp_path / "answers.json", np.zeros(1)

    def into_buffer(values: Any, error: float) -> Any:
        buffer[0] = total(values) + error
        return buffer

    catalogue = Catalogue(
        reference="slow",
        kernels={"sum": Kernel("sum", outputs=("total",), adversarial=lambda: EXAMPLES)},
        backends={name: Backend(name, dict) for name in ("slow", "right", "wrong")},
        scenarios={"ones": Scenario("ones", lambda *_: [], seed=1)},
        sweeps=(),
    )
    calls: dict[tuple[str, str], Callable[..., Any]] = {
        ("sum", "slow"): lambda values: np.array([total(values)]),
        ("sum", "right"): partial(into_buffer, error=0.0),
        ("sum", "wrong"): partial(into_buffer, error=1.0),
    }
    cases = [Case("sum", name, "ones", 1) for name in ("right", "wrong")]
    for _ in range(2):  # without answers that are kept, and with them
        report = parity.check(catalogue, cases, calls, lambda _: [], Answers(file))
        assert [backend for _, backend in report.failures] == ["wrong"]


@pytest.mark.parametrize("content", [
    "", "[]", "{", "null", '{"a": 1}', "\0", '{"a": {"b": "c"}}', "[" * 100_000,
])  # fmt: skip
def test_a_file_without_sense_is_empty_and_replaced(content: str, tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text(content)
    reference = Counted()
    assert not checked(file, reference).failures
    assert reference.asked == len(EXAMPLES)
    assert len(json.loads(file.read_text())) == 1


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
    assert reference.asked == len(EXAMPLES)  # the first set that it is asked shows it


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
