"""Hold the backends of an arm against the arm's reference, in a process of its own."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass

from pytest_duel.catalogue.model import Case
from pytest_duel.paired.client import SideError, catalogue_workers
from pytest_duel.paired.engine import GARBAGE, Arm, Sides

SECONDS = 600.0
"""Compiling, making pools and comparing takes tens of seconds."""
AGAIN_SECONDS = 120.0
"""The same for one backend of one kernel, where all at once has failed."""

FAULTS = (SideError, OSError, AttributeError, *GARBAGE)
"""What a worker that dies, hangs or prints garbage leads to."""


@dataclass(frozen=True)
class Checked:
    """What a check of one arm found."""

    calls: int
    """Calls compared, bit for bit."""
    wrong: dict[str, str]
    """Why a case must not be timed, by case id."""


def check(arms: Sequence[tuple[Arm, Iterable[Case]]], catalogue: str) -> list[Checked]:
    """Check the cases of each arm, all arms at once.

    Where a worker dies, hangs or prints garbage, fresh ones are asked again, for one backend of
    one kernel after the other. The cases of those that fail again are wrong, the others are not.
    """
    asked = [(Sides(catalogue_workers(catalogue), []), arm, list(cases)) for arm, cases in arms]
    with ThreadPoolExecutor(len(asked)) as pool:
        try:
            found = [pool.submit(_check, *one) for one in asked]
            return [one.result() for one in found]
        finally:
            for sides, _, _ in asked:
                sides.close()  # what waits for them gets an error, and ends


def _check(sides: Sides, arm: Arm, cases: Sequence[Case]) -> Checked:
    try:
        return _ask(sides, arm, cases, SECONDS)
    except FAULTS:
        pass  # whose fault it is will be seen
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.kernel, case.backend), []).append(case)
    found = [_check_again(sides, arm, group) for group in groups.values()]
    wrong = {name: why for one in found for name, why in one.wrong.items()}
    return Checked(sum(one.calls for one in found), wrong)


def _check_again(sides: Sides, arm: Arm, cases: Sequence[Case]) -> Checked:
    sides.restart()
    try:
        return _ask(sides, arm, cases, AGAIN_SECONDS)
    except FAULTS as error:
        return Checked(0, {case.id: f"the parity check failed: {error}" for case in cases})


def _ask(sides: Sides, arm: Arm, cases: Sequence[Case], seconds: float) -> Checked:
    if not cases:
        return Checked(0, {})
    request = {"do": "check", "cases": [astuple(case) for case in cases]}
    found = sides.get(0, arm, 0).ask(request, seconds)
    wrong = {name: f"{arm.name}: {why}" for name, why in found["wrong"].items()}
    return Checked(int(found["calls"]), wrong)
