"""A placement of its own for each block: where native code lies is drawn anew, on both arms.

Where functions lie in memory moves the time of a short call by some percent, though no instruction
differs. So the extension modules in which two arms differ are linked again for each block, with
their functions in a random order. Functions that both arms have lie in the same places in both. So
placement is a part of what blocks differ by, and the intervals over blocks cover it.
"""

import json
import random
import shlex
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pytest_duel.paired.arms import links
from pytest_duel.paired.arms.compiled import compiled, differing, module_of
from pytest_duel.paired.arms.links import Link, LinkError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import Suite, environment
from pytest_duel.support import processes

BATCH = 12
"""Blocks whose placements are made at once: as many as the first verdict needs."""
SECONDS = 120.0
"""To import a batch of them."""
COMMAND_SECONDS = 1800.0
"""For a command of the user's own, which may compile first."""


class Placer(Protocol):
    """Makes the extension modules of one arm anew."""

    def place(self, seed: str, folder: Path) -> dict[str, str]:
        """Write them into a folder, placed by a seed; return the file of each module.

        Raises
        ------
        LinkError
            Where that fails.
        """
        ...


@dataclass(frozen=True)
class Linker:
    """Links them again from what is kept of their builds."""

    known: Mapping[str, Link]
    """By the name of the file in the arm's folder."""
    both: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The functions of each that the other arm has, too; in the same order for both arms."""

    def place(self, seed: str, folder: Path) -> dict[str, str]:
        """Link them with their functions in another order."""
        for name, link in self.known.items():
            order = links.order(link.functions, self.both.get(name, ()), f"{seed} {name}")
            link.again(order, folder / name)
        return {module_of(name): str(folder / name) for name in self.known}


@dataclass(frozen=True)
class Command:
    """Has a command of the user's own make them, in a copy of the arm's tree."""

    command: str
    """With ``{seed}`` and ``{target}``."""
    tree: Path
    names: tuple[str, ...]
    """Of the files, in the arm's folder."""

    def place(self, seed: str, folder: Path) -> dict[str, str]:
        """Run the command; its files must have the names that they have in the install."""
        folder.mkdir(parents=True)
        number = str(random.Random(seed).randrange(2**31))  # noqa: S311  no secret
        words = [
            word.replace("{target}", str(folder)).replace("{seed}", number)
            for word in shlex.split(self.command)
        ]
        try:
            done = processes.run(words, timeout=COMMAND_SECONDS, cwd=self.tree)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LinkError(f"`placements`: {words[0]} failed: {error}") from None
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-links.SHOWN :]
            raise LinkError(f"`placements`: {shlex.join(words[:3])} … failed: {said}")
        lacking = [name for name in self.names if not (folder / name).is_file()]
        if lacking:
            raise LinkError(
                f"`placements`: the command did not write {lacking[0]} into {{target}}"
            )
        return {module_of(name): str(folder / name) for name in self.names}


@dataclass
class Placements:
    """The placements of two arms, made when they are needed; blocks side by side share them.

    Parameters
    ----------
    placers
        What makes those of each arm, by its name.
    tests
        Whose workers will import the modules.
    seed
        Of all draws.
    folder
        For the files; it is new.
    common
        Functions that both arms have lie in the same places in both.
    """

    placers: Mapping[str, Placer]
    tests: Suite
    seed: str
    folder: Path
    common: bool = True
    seconds: float = 0.0
    """Spent on making them."""
    failed: int = 0
    """Placements that could not be used, so that an earlier one was taken again."""
    _made: dict[tuple[str, int], list[dict[str, str]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def number(self) -> int:
        """Return how many have been made, of both arms together."""
        return sum(map(len, self._made.values()))

    def begin(self, arms: Sequence[Arm]) -> None:
        """Make the placements of the first blocks.

        Raises
        ------
        LinkError
            Where none of an arm's can be used.
        """
        for arm in arms:
            self.of(arm, 0)

    def of(self, arm: Arm, block: int) -> Arm:
        """Return an arm with the placement of a block.

        Raises
        ------
        LinkError
            Where not one of the first blocks' can be used.
        """
        number, place = divmod(block, BATCH)
        with self._lock:
            key = arm.name, number
            if key not in self._made:
                started = time.monotonic()
                self._made[key] = self._usable(arm, number)
                self.seconds += time.monotonic() - started
            made = self._made[key] or self._made[arm.name, 0]
        return replace(arm, placed=made[place % len(made)])

    def _usable(self, arm: Arm, number: int) -> list[dict[str, str]]:
        """Return the placements of some blocks; nothing where later ones fail."""
        try:
            return self._batch(arm, number)
        except LinkError:
            if number == 0:
                raise
            self.failed += BATCH
            return []

    def _batch(self, arm: Arm, number: int) -> list[dict[str, str]]:
        """Make the placements of some blocks, and keep those that import as the plain modules."""
        slot = list(self.placers).index(arm.name)
        made = []
        for block in range(number * BATCH, (number + 1) * BATCH):
            own = f"{self.seed} {block}" if self.common else f"{self.seed} {block} {slot}"
            # Paths of both arms are as long as each other.
            made.append(self.placers[arm.name].place(own, self.folder / f"{slot}-{block:05d}"))
        wrong = self._wrong(arm, made)
        good = [one for one, why in zip(made, wrong, strict=True) if why is None]
        self.failed += len(made) - len(good)
        if not good:
            raise LinkError(next(filter(None, wrong)))
        return good

    def _wrong(self, arm: Arm, made: Sequence[Mapping[str, str]]) -> list[str | None]:
        """Return why each must not be used; None where it may."""
        task, answer = self.folder / "task.json", self.folder / "answer.json"
        asked = {"modules": dict(arm.modules), "placed": made, "names": list(made[0])}
        task.write_text(json.dumps(asked), encoding="utf-8")
        answer.unlink(missing_ok=True)
        words = [arm.python, "-P", "-m", "pytest_duel.paired.placed_imports"]
        variables = environment(arm, str(self.folder), "0", self.tests.path)
        try:
            done = processes.run(
                [*words, str(task), str(answer)],
                timeout=SECONDS,
                cwd=self.tests.folder,
                env=variables,
            )
            found: list[str | None] = json.loads(answer.read_text(encoding="utf-8"))
        except subprocess.TimeoutExpired:
            raise LinkError(f"linked again, it does not import in {SECONDS:.0f} s") from None
        except (OSError, ValueError):
            raise LinkError(f"linked again, it cannot be tried: {done.stderr.strip()}") from None
        return found


def linkers(arms: tuple[Arm, Arm]) -> dict[str, Linker]:
    """Return what links the modules again in which two arms differ, by the arms' names.

    Raises
    ------
    LinkError
        Where it is not known how one of them was linked.
    """
    names = differing(arms[0].modules, arms[1].modules)
    one, other = (linker_of(arm, names).known for arm in arms)
    both = {
        name: links.shared(one[name].functions, other[name].functions)
        for name in one.keys() & other.keys()
    }
    return {
        arm.name: Linker(known, {name: pair[slot] for name, pair in both.items()})
        for slot, (arm, known) in enumerate(zip(arms, (one, other), strict=True))
    }


def linker_of(arm: Arm, names: Collection[str]) -> Linker:
    """Return what links some compiled files of an arm again, those that it has.

    Raises
    ------
    LinkError
        Where it is not known how one of them was linked.
    """
    own = sorted({*names} & compiled(arm.modules).keys())
    kept = {home: links.links_in(Path(home)) for home in dict.fromkeys(arm.modules.values())}
    homes = {name: arm.modules[module_of(name).partition(".")[0]] for name in own}
    return Linker({name: _link_of(name, kept[home]) for name, home in homes.items()})


def _link_of(name: str, kept: Sequence[Link]) -> Link:
    """Return the link that has made a file."""
    stem = module_of(name).rpartition(".")[2]
    fitting = [one for one in kept if stem in one.modules]
    exact = [one for one in fitting if Path(one.output).as_posix().endswith(f"/{name}")]
    outputs = {one.output: one for one in exact or fitting}  # the last link of a file counts
    if len(outputs) != 1:
        how = "not known" if not outputs else "not clear"
        raise LinkError(f"how {name} was linked is {how}")
    return next(iter(outputs.values()))
