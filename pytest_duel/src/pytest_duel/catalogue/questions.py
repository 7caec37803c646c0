"""Sets of questions that the reference and every backend are asked, and comparing answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from pytest_duel.catalogue.answers import Answers
from pytest_duel.catalogue.exact import Exact, joint_digest
from pytest_duel.catalogue.inputs import Argument, Inputs
from pytest_duel.catalogue.model import Arguments, Call
from pytest_duel.catalogue.outcomes import Difference, Outcome, differ, outcome, said

AT_ONCE = 64
"""Questions in a set, at most."""
BYTES_AT_ONCE = 2**23
"""No question is added to a set whose arguments have more."""


@dataclass(frozen=True)
class Question:
    """One call, its name, and the arguments to make for each backend."""

    where: str
    make: Callable[[], tuple[Arguments, Mapping[str, Any]]]


class Asked(NamedTuple):
    """A question whose arguments were made once."""

    question: Question
    inputs: Inputs
    options: Mapping[str, Any]

    @classmethod
    def of(cls, question: Question, known: dict[int, Argument]) -> "Asked":
        """Make the arguments; `known` are those that others of its set share."""
        arguments, options = question.make()
        return cls(question, Inputs(arguments, known), options)


@dataclass(frozen=True)
class Compared:
    """What comparing a backend's answers gave."""

    calls: int
    """That were compared. The last one shows the difference."""
    where: str = ""
    difference: Difference | None = None


class Questions:
    """A set of questions, with one digest of their right answers.

    Parameters
    ----------
    kernel
        That is asked.
    asked
        The questions.
    reference
        Its answers are right.
    answers
        What the reference has answered before.
    """

    def __init__(
        self, kernel: str, asked: Sequence[Asked], reference: Call, answers: Answers
    ) -> None:
        self._asked = asked
        self._reference = reference
        self._answers = answers
        self._digest = joint_digest(_exactly(kernel, asked))
        self._kept = answers.get(self._digest)
        self._known: list[Exact] | None = None
        """The right outcomes to the last bit, once some were found that are the kept ones."""

        if self._kept is None:
            _ = self._right  # before a backend can spoil what is asked

    @cached_property
    def _right(self) -> list[tuple[Outcome, Exact]]:
        """The right outcomes; the reference is asked for them."""
        found = [outcome(self._reference, *one.question.make()) for one in self._asked]
        right = [(one, one.exactly()) for one in found]
        self._known = [exact for _, exact in right]
        self._answers.add(self._digest, joint_digest(self._known))
        return right

    def compare(self, outputs: Sequence[str], call: Call) -> Compared:
        """Ask a backend, and compare its answers with the reference's, one by one if need be.

        Parameters
        ----------
        outputs
            A name for each value.
        call
            The backend's.
        """
        found: list[tuple[Outcome, Exact]] = []
        is_spoiled = False
        for one in self._asked:
            arguments, options = one.question.make()
            own = outcome(call, arguments, options)
            found.append((own, own.exactly()))  # now, as its memory may be used again
            if one.inputs.differ_from(arguments):
                is_spoiled = True
                found[-1] = deepcopy(own), found[-1][1]  # it may share memory with the input
                one.inputs.mend(arguments)
                break
        if not is_spoiled and self._are_right([exact for _, exact in found]):
            return Compared(len(found))
        for place, (own, exact) in enumerate(found):
            difference = self._differ(outputs, call, place, own, exact)
            if difference is None and is_spoiled and place == len(found) - 1:
                difference = "its input", "changed", "left alone"
            if difference:
                return Compared(place + 1, self._asked[place].question.where, difference)
        return Compared(len(found))

    def _are_right(self, found: list[Exact]) -> bool:
        """Tell whether all outcomes are surely right. If not, `_differ` tells which."""
        if self._known is None:
            if joint_digest(found) != self._kept:
                return False
            self._known = found
        return found == self._known and all(one.is_whole for one in found)

    def _differ(
        self, outputs: Sequence[str], call: Call, place: int, found: Outcome, exact: Exact
    ) -> Difference | None:
        """Return how the outcome of one question differs from the right one."""
        right, known = self._right[place]
        if exact.is_whole and exact == known:
            return None
        if found.exactly() != exact:  # its memory was used again
            found = outcome(call, *self._asked[place].question.make())
        difference = differ(outputs, found, right)
        if difference is None and exact.is_whole and known.is_whole:
            return "the outcome", "another one when it was asked before", said(right)
        return difference


def _exactly(kernel: str, asked: Sequence[Asked]) -> Iterator[Exact]:
    """Yield what is asked to the last bit. Many questions have the same options."""
    yield Exact(kernel)
    known: dict[int, Exact] = {}
    for question, inputs, options in asked:
        yield Exact(question.where)
        yield known.get(id(options)) or known.setdefault(id(options), Exact(options))
        yield from inputs.exactly()


def sets(
    kernel: str, questions: Iterable[Question], reference: Call, answers: Answers
) -> Iterator[Questions]:
    """Yield questions in sets that are not too large.

    Raises
    ------
    ValueError
        Where arguments of a question change while later ones are made.
    """
    for some in _groups(questions):
        for one in some:
            if one.inputs.differ_from(one.question.make()[0]):
                raise ValueError(
                    f"{one.question.where}: its arguments are others when they are made again: "
                    "no example may change an array that another one has"
                )
        yield Questions(kernel, some, reference, answers)


def _groups(questions: Iterable[Question]) -> Iterator[list[Asked]]:
    known: dict[int, Argument] = {}
    asked: list[Asked] = []
    size = 0
    for question in questions:
        asked.append(Asked.of(question, known))
        size += asked[-1].inputs.added
        if len(asked) == AT_ONCE or size > BYTES_AT_ONCE:
            yield asked
            known, asked, size = {}, [], 0
    if asked:
        yield asked
