"""A block: every contest once, in fresh processes, with both arms alive at once.

Every contest is timed in quads (ABBA or BAAB, drawn anew) and gives one number: the median over
quads of the difference of mean logs.
"""

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from pytest_duel.paired.client import (
    BOTH,
    GARBAGE,
    AnswersError,
    HangError,
    RefusalError,
    SideError,
    TimerError,
)
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.measurements import Measurements, drift
from pytest_duel.paired.roster import Roster
from pytest_duel.paired.schedule import Schedule, calibrated, few_rounds, schedule
from pytest_duel.paired.sides import Side, Sides
from pytest_duel.paired.talk import Talk

SKIPPED = "skipped: "
"""The start of a worker's answer where it has skipped a test."""


@dataclass(frozen=True)
class Fault:
    """Why nothing more will be known of a contest."""

    reason: str
    usable: bool
    """The processes go on answering."""


class Block:
    """Every contest once, in fresh processes; both arms live at once.

    Parameters
    ----------
    roster
        Says what to measure; all blocks share it.
    sides
        The processes of this block.
    rng
        Draws the order of contests and quads.
    first
        This is the first block, in which the arms' answers are compared.
    """

    SIDE_BY_SIDE: ClassVar[bool] = True
    """Others may run at the same time."""

    def __init__(self, roster: Roster, sides: Sides, rng: random.Random, *, first: bool) -> None:
        self.roster = roster
        self.contests = list(roster.contests)
        self.sides = sides
        self.first = first
        self._random = rng

    def run(self) -> Measurements:
        """Measure all contests in an order of the block's own."""
        found = Measurements(blocks=1, compared=self.first)
        try:
            self._measure_all(found)
        finally:
            self.sides.close()
        return found

    def _measure_all(self, found: Measurements) -> None:
        for contest in self._order():
            self._attempt(contest, partial(self._measure, contest, found))

    def _attempt(
        self, contest: Contest, measure: Callable[[], None], slots: Sequence[int] = (0, 1)
    ) -> None:
        """Measure a contest, unless it was dropped meanwhile; give it up where that fails.

        Parameters
        ----------
        contest
            The one to measure.
        measure
            Does it.
        slots
            The sides that take part.
        """
        if self.sides.closed or contest not in self.roster.contests:
            return
        fault = self._fault_of(measure)
        if fault is None or self.sides.closed:
            return  # it went well, or the measurement was ended
        self.roster.give_up({contest.name: fault.reason})  # no other block shall wait for it
        if not (fault.usable and self._abandoned(contest, slots)):
            self.sides.restart()  # the others go on with fresh ones

    def _fault_of(self, measure: Callable[[], None]) -> Fault | None:
        """Measure, and return what went wrong."""
        try:
            measure()
        except (RefusalError, AnswersError, TimerError) as error:
            return Fault(str(error), usable=True)
        except (SideError, OSError) as error:
            if isinstance(error, HangError):
                self.roster.waits.hung()
            return Fault(str(error), usable=False)
        except GARBAGE as error:
            return Fault(f"garbage: {error!r}", usable=False)
        return None

    def _order(self) -> list[Contest]:
        """Return files in random order, each forwards or backwards."""
        files: dict[str, list[Contest]] = {}
        for contest in self.contests:
            files.setdefault(contest.file or contest.name, []).append(contest)
        shuffled = self._random.sample(list(files.values()), len(files))
        return [contest for file in shuffled for contest in file[:: self._random.choice((1, -1))]]

    def _abandoned(self, contest: Contest, slots: Sequence[int]) -> bool:
        """Let sides end a contest that one has refused; tell whether all are ready again."""
        for slot in slots:
            try:
                self.sides.of(slot, contest).ask({"do": "close", "name": contest.called(slot)})
            except RefusalError:
                continue  # it has ended, and says how
            except SideError:
                return False
        return True

    def _measure(self, contest: Contest, found: Measurements) -> None:
        """Add what a contest gives."""
        both, opened = self._opened(contest)
        if not both:
            return
        order = self._random.sample((0, 1), 2)
        talk = Talk(contest, both, order, self.roster.waits)
        try:
            plan = self._plan(contest, opened, talk)
        except RefusalError as refusal:
            if refusal.side != BOTH or not self._is_skipped(contest, [refusal, refusal]):
                raise
            return
        if plan is not None:
            logs, first = self._turns(plan, talk)
            calls = plan.calls * opened[0]["calls"]
            found.differences[contest.name] = [statistics.median(logs)]
            found.seconds[contest.name] = [math.exp(statistics.median(first)) / calls]
            found.drifts[contest.name] = [drift(first)]
        found.own_modules = max(found.own_modules, talk.close())
        found.elsewhere |= talk.elsewhere

    def _plan(
        self, contest: Contest, opened: Sequence[Mapping[str, Any]], talk: Talk
    ) -> Schedule | None:
        """Return how often to call it; None where the budget does not last."""
        limit = min((one["limit"] for one in opened if one["limit"]), default=None)
        per_call, spent = self._calibrated(contest.name, talk, limit)
        if per_call is None:
            return few_rounds(limit or 1)
        budget = self.roster.budget
        cost = 2 * statistics.fmean(talk.seconds.values())
        if not budget.affords(contest.name, cost):
            self._refuse(contest, per_call, talk)
            return None
        # With its set-up a round may last much longer than what is timed of it.
        left = None if limit is None else int(min(limit - spent, budget.share / cost))
        return schedule(per_call[0], per_call[-1], budget.share, left)

    def _refuse(self, contest: Contest, per_call: Sequence[float], talk: Talk) -> None:
        """Leave a contest out for which the budget is too small."""
        self._leave_out(contest, per_call, list(talk.seconds.values()))

    def _leave_out(
        self, contest: Contest, per_call: Sequence[float], lasted: Sequence[float]
    ) -> None:
        """Do so, and tell how long a call takes on each arm, and how long it lasts."""
        needed = self.roster.budget.needed(2 * statistics.fmean(lasted))
        self.roster.refuse(contest.name, needed, per_call)

    def _calibrated(
        self, name: str, talk: Talk, limit: int | None
    ) -> tuple[Sequence[float] | None, int]:
        """Calibrate a benchmark that is open, and remember how long a call takes."""
        budget = self.roster.budget
        time_each = partial(talk.time_each, by_clock=limit is None)
        per_call, spent = calibrated(time_each, limit, partial(budget.repeats, name))
        if per_call is not None:
            talk.know(per_call if limit is None else list(talk.lasted.values()))
            budget.learn(name, statistics.fmean(per_call))
        return per_call, spent

    def _turns(self, plan: Schedule, talk: Talk) -> tuple[list[float], list[float]]:
        """Return the log ratio of each turn, and the log of the first arm's time of a batch."""
        logs: list[float] = []
        first: list[float] = []
        for _ in range(plan.turns):
            order = self._random.choice(plan.orders)
            means = [0.0, 0.0]
            for slot in order:
                seconds = talk.time(slot, plan.calls)
                means[slot] += math.log(seconds) * 2 / plan.batches
            logs.append(means[1] - means[0])
            first.append(means[0])
        if not math.isfinite(sum(logs)):
            raise ValueError("a time is no finite number")
        return logs, first

    def _opened(self, contest: Contest) -> tuple[dict[int, Side], list[dict[str, Any]]]:
        """Open a contest on both sides, either first; return nothing where both skip it."""
        both: dict[int, Side] = {}
        replies: list[dict[str, Any]] = []
        refusals: list[RefusalError] = []
        for slot in self._random.sample((0, 1), 2):
            both[slot] = self.sides.of(slot, contest)
            try:
                replies.append(self._open(slot, contest, both[slot]))
            except RefusalError as refusal:
                refusals.append(refusal)
        if self._is_skipped(contest, refusals):
            return {}, []
        check_answers(replies)
        return both, replies

    def _open(
        self, slot: int, contest: Contest, side: Side, answers: int | None = None
    ) -> dict[str, Any]:
        """Open a contest on a side, which tells its answers to so many calls, where asked."""
        name = contest.called(slot)
        waits = self.roster.waits
        started, limit = time.monotonic(), waits.opening(name)
        digest = bool(answers) or (self.first and contest.alike)
        request = {"do": "open", "name": name, "digest": digest, "calls": answers}
        reply = side.ask(request, limit)
        waits.opened(name, time.monotonic() - started)
        return reply

    def _is_skipped(self, contest: Contest, refusals: Sequence[RefusalError]) -> bool:
        """Tell whether both arms skip a contest; what else they refuse is an error."""
        if not refusals:
            return False
        reasons = [one.reason for one in refusals]
        if len(reasons) > 1 and all(one.startswith(SKIPPED) for one in reasons):
            self.roster.skip(contest.name, reasons[0].removeprefix(SKIPPED))
            return True
        raise refusals[0] if len(refusals) == 1 else RefusalError(BOTH, reasons[0])


def check_answers(replies: Sequence[Mapping[str, Any]]) -> None:
    """Refuse arms that give different answers to the same question."""
    if len({reply.get("answers") for reply in replies} - {None}) > 1:
        raise AnswersError("the arms give different answers, and a wrong answer has no speed")
