"""Let both arms check their answers before anything is timed: a wrong answer has no speed.

A benchmark whose marker says ``duel(check=True)`` is run once on either arm, in a worker that
tells its fixtures so. How long that takes does not count. Where it fails there it is not measured.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from pytest_duel.paired.block import SKIPPED
from pytest_duel.paired.client import GARBAGE, TIMEOUT, HangError, RefusalError, SideError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import COLLECTING, PytestSide, Suite

SECONDS = 600.0
"""The longest wait for a check. Compiling, making inputs and comparing takes tens of seconds."""


@dataclass(frozen=True)
class Checked:
    """The result of a check."""

    wrong: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By arm and benchmark: why it must not be measured."""
    number: int = 0
    """How many benchmarks were checked."""
    seconds: float = 0.0
    skipped: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By arm: benchmarks that skip themselves."""

    def runs(self, arm: str, name: str) -> bool:
        """Tell whether a benchmark that was checked ran to its end on an arm."""
        return name not in self.wrong.get(arm, {}) and name not in self.skipped.get(arm, ())

    @property
    def reasons(self) -> dict[str, str]:
        """Return the reasons of all arms; the last arm's, the head's, is the one to read."""
        return {name: why for own in self.wrong.values() for name, why in own.items()}


def check(
    arms: Sequence[Arm], tests: Suite, names: Sequence[str], *, together: bool = True
) -> Checked:
    """Run some benchmarks on each arm, all arms at once unless they must not live together.

    Where a worker dies or hangs, each benchmark that is left gets a fresh one: whose fault it is
    will be seen.
    """
    started = time.monotonic()
    with ThreadPoolExecutor(len(arms) if together else 1) as pool:
        found = list(pool.map(lambda arm: _check(arm, tests, names), arms))
    told = {arm.name: own for arm, own in zip(arms, found, strict=True)}
    return Checked(
        {arm: own.wrong for arm, own in told.items()},
        len(names),
        time.monotonic() - started,
        {arm: own.skipped for arm, own in told.items()},
    )


@dataclass
class _Told:
    """What an arm's workers said."""

    wrong: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)


def _check(arm: Arm, tests: Suite, names: Sequence[str]) -> _Told:
    try:
        return _ask(arm, tests, names, SECONDS)
    except (SideError, OSError, *GARBAGE) as error:
        # Several may hang, and what compiles has done so.
        limit = TIMEOUT if isinstance(error, HangError) else SECONDS
        told = _Told()
        for name in names:
            try:
                one = _ask(arm, tests, [name], limit)
                told.wrong |= one.wrong
                told.skipped |= one.skipped
            except (SideError, OSError, *GARBAGE) as error:
                told.wrong[name] = f"its answers cannot be checked: {error}"
        return told


def _ask(arm: Arm, tests: Suite, names: Sequence[str], limit: float) -> _Told:
    """Return which of the benchmarks fail in one worker, and why, and which skip themselves."""
    told = _Told()
    side = PytestSide(arm, replace(tests, benchmarks=tuple(names), checks=True))
    try:
        side.ask(side.hello, COLLECTING)
        for name in names:
            try:
                side.ask({"do": "open", "name": name}, limit)
                side.ask({"do": "close", "name": name}, limit)  # which calls it
            except RefusalError as refusal:
                if refusal.reason.startswith(SKIPPED):  # and will be when it is timed
                    told.skipped.add(name)
                else:
                    told.wrong[name] = str(refusal)
    finally:
        side.close()
    return told
