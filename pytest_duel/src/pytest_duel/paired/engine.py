"""The paired engine: two arms side by side, in fresh processes on one CPU, block after block.

A block starts a fresh process for every side, times every contest in quads (ABBA or BAAB, drawn
anew) and gives one number for each: the median over quads of the difference of mean logs. Blocks
run side by side, one on each core. Nothing here knows what is timed, nor judges it; see
`pytest_duel.statistics.paired`.
"""

import math
import random
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from pytest_duel.paired.block import Block
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.cores import lanes, pinned, usable_cpus
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.roster import Instead, Roster, Tell
from pytest_duel.paired.schedule import Budget
from pytest_duel.paired.sides import GRACE, Launch, Sides, end

Draw = Callable[[Arm, int], Arm]
"""Gives an arm what is drawn anew for each block, by the block's number."""
Reach = Callable[[int], bool]
"""Tells whether there is what a block needs, by the block's number."""


class Engine:
    """Runs blocks of contests.

    Parameters
    ----------
    launch
        Starts workers.
    contests
        What to measure; names are distinct.
    seed
        Of the order of contests and quads.
    budget
        Shares the time among contests.
    block
        How a block goes.
    most
        Blocks to begin; None begins one after the other until it is stopped.
    draw
        Gives an arm what is drawn anew for each block; None leaves it as it is.
    reach
        Asked before each block; where it says no, nothing more is begun. None begins all.
    tell
        Told of a contest that is given up, and why, when that happens.
    instead
        Says what to measure in place of a contest that cannot be, from the next block on.
    """

    def __init__(
        self,
        launch: Launch,
        contests: Sequence[Contest],
        seed: int | str,
        budget: Budget | None = None,
        block: type[Block] = Block,
        most: int | None = None,
        draw: Draw | None = None,
        reach: Reach | None = None,
        tell: Tell | None = None,
        instead: Instead | None = None,
    ) -> None:
        self.launch = launch
        self.draw = draw
        self.reach = reach
        self.block = block
        self.roster = Roster(contests, budget or Budget(), tell, instead)
        self.seed = seed
        self._most = math.inf if most is None else most
        self._stopped = False

    @property
    def measured(self) -> Measurements:
        """Return the results of the blocks so far."""
        return self.roster.measured

    def drop(self, names: Collection[str]) -> None:
        """Measure some contests no more, in no block."""
        self.roster.drop(names)

    def give_up(self, errors: Mapping[str, str]) -> None:
        """Leave contests out for a reason."""
        self.roster.give_up(errors)

    def stop(self) -> None:
        """Begin nothing more; `blocks` ends once what has begun is in, faults included."""
        self._stopped = True
        self.roster.clear()

    def blocks(self) -> Generator[Measurements]:
        """Run blocks, one on each core, or on as many as a contest needs.

        It ends where no contest is left: all were given up.
        """
        cpus = lanes()
        self.roster.give_up(
            {
                one.name: f"it needs {one.cpus} cores, and can be pinned to {len(cpus)}"
                for one in self.roster.contests
                if one.cpus > len(cpus)
            }
        )
        width = max((one.cpus for one in self.roster.contests), default=1)
        groups = [cpus[place : place + width] for place in range(0, len(cpus) - width + 1, width)]
        if not self.block.SIDE_BY_SIDE:
            groups = groups[:1]
        others = sorted(set(usable_cpus()) - {cpu for group in groups for cpu in group})
        running: dict[Future[Measurements], Sides] = {}
        begun = 0
        with ThreadPoolExecutor(len(groups)) as pool, pinned(others):
            try:
                while running or self._goes_on(begun):
                    busy = {cpu for sides in running.values() for cpu in sides.cpus}
                    for group in groups:
                        if not busy.intersection(group) and self._goes_on(begun):
                            sides = Sides(self._launched(begun), group)
                            running[pool.submit(self._block(sides, begun).run)] = sides
                            begun += 1
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        del running[future]
                        self.roster.add(future.result())
                        yield self.measured
            finally:
                # What waits for them gets an error, and ends.
                end([side for sides in running.values() for side in sides.dismiss()], GRACE)

    def _goes_on(self, begun: int) -> bool:
        if not self.roster.contests or self._stopped or begun >= self._most:
            return False
        return self.reach is None or self.reach(begun)

    def _launched(self, number: int) -> Launch:
        """Return what starts workers of a block."""
        draw = self.draw
        return (lambda arm, cpus: self.launch(draw(arm, number), cpus)) if draw else self.launch

    def _block(self, sides: Sides, number: int) -> Block:
        rng = random.Random(f"{self.seed} {number}")  # noqa: S311  a schedule, no secret
        return self.block(self.roster, sides, rng, first=number == 0)
