"""Hold the backends of an arm against the arm's reference, in a process of its own."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass

from bench.engine import Arm
from bench.registry import Case
from bench.sides import Side, SideError

SECONDS = 600.0
"""Compiling, making pools and comparing takes tens of seconds."""


@dataclass(frozen=True)
class Checked:
    """What a check of one arm found."""

    calls: int
    """Calls compared, bit for bit."""
    wrong: dict[str, str]
    """Why a case must not be timed, by case id."""


def check(arms: Sequence[tuple[Arm, Iterable[Case]]], catalogue: str) -> list[Checked]:
    """Check the cases of each arm, all arms at once.

    Whatever goes wrong with a worker makes all cases of its arm wrong.
    """
    sides = [Side(arm.name, arm.environment) for arm, _ in arms]
    with ThreadPoolExecutor(len(arms)) as pool:
        found = [
            pool.submit(_check, side, arm, list(cases), catalogue)
            for side, (arm, cases) in zip(sides, arms, strict=True)
        ]
        try:
            return [one.result() for one in found]
        finally:
            for side in sides:
                side.close()  # what waits for it gets an error, and ends


def _check(side: Side, arm: Arm, cases: Sequence[Case], catalogue: str) -> Checked:
    try:
        hello = {"do": "hello", "catalogue": catalogue, "paths": arm.paths, "own": arm.own}
        side.ask(hello | {"cpus": []})
        request = {"do": "check", "cases": [astuple(case) for case in cases]}
        found = side.ask(request, timeout=SECONDS)
        wrong = {case_id: f"{arm.name}: {why}" for case_id, why in found["wrong"].items()}
        return Checked(int(found["calls"]), wrong)
    except (SideError, LookupError, TypeError, ValueError, AttributeError) as error:
        return Checked(0, {case.id: f"the parity check failed: {error}" for case in cases})
