"""A placement of its own for each block: where native code lies is drawn anew, on all arms.

Where functions lie in memory moves the time of a short call by some percent, though no instruction
differs. So the extension modules in which two arms differ, or those of the only arm, are linked
again for each block, with their functions in a random order. Functions that both arms have lie in
the same places in both. So placement is a part of what blocks differ by, and the intervals over
blocks cover it.
"""

import json
import random
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pytest_duel.paired.arms import links
from pytest_duel.paired.arms.compiled import compiled, module_of
from pytest_duel.paired.arms.links import Link, LinkError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.cores import lanes
from pytest_duel.paired.pytest_client import Suite, environment
from pytest_duel.support import processes

BATCH = 12
"""Blocks whose placements are made at once: as many as the first verdict needs."""
OLD = 3
"""A batch's files go when the batch so many later is made: its blocks are over by then. It is
later where more blocks run side by side than a batch has."""
LONGEST = 1.0
"""Seconds. Where the links of a block take longer, as of many modules or large ones, those of all
blocks together would take minutes."""
TRIES = 2
"""What takes long or fails is tried again: now and then a machine stands still."""
SECONDS = 120.0
"""To import a batch of them."""
COMMAND_SECONDS = 1800.0
"""For a command of the user's own, which may compile first."""


Batch = list[dict[str, str]]
"""The files of an arm's modules in some blocks, one after the other."""


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
    homes: Mapping[str, Path]
    """The folder that holds each of these files."""
    both: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The functions of each that the other arm has, too; in the same order for both arms."""

    def place(self, seed: str, folder: Path) -> dict[str, str]:
        """Link them with their functions in another order."""
        for name, link in self.known.items():
            order = links.order(link.functions, self.both.get(name, ()), f"{seed} {name}")
            link.again(order, folder / name, self.homes[name])
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
    """The placements of arms, made when they are needed; blocks side by side share them.

    Parameters
    ----------
    arms
        As they are installed.
    placers
        What makes the placements of each.
    tests
        Whose workers will import the modules.
    seed
        Of all draws.
    folder
        For the files; it is new.
    common
        Functions that both arms have lie in the same places in both.
    at_once
        Blocks whose placements are made together.
    """

    arms: Sequence[Arm]
    placers: Sequence[Placer]
    tests: Suite
    seed: str
    folder: Path
    common: bool = True
    at_once: int = field(default_factory=lambda: BATCH)
    seconds: float = 0.0
    """Spent on making them."""
    number: int = 0
    """How many have been made, of all arms together."""
    failed: str = ""
    """Why no more can be made: blocks beyond those that there are must not be begun."""
    _batches: list[tuple[Batch, ...]] = field(default_factory=list)
    """Of each arm, in the order of blocks."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Make those of the first blocks.

        Raises
        ------
        LinkError
            Where one cannot be made, or does not import as the plain module does.
        """
        if all(self._is_slow(block) for block in range(TRIES)):
            raise LinkError(
                f"linking them again takes more than {LONGEST:g} s, too long for each block"
            )
        self._next()

    def _is_slow(self, block: int) -> bool:
        """Tell whether placements take too long. A command of the user's own may take its time."""
        own = [one for one in self.placers if isinstance(one, Linker)]
        started = time.monotonic()
        for slot, placer in enumerate(own):
            placer.place(self.seed, self._place(slot, block))
        took = time.monotonic() - started
        self.seconds += took
        self.number += len(own)
        return took > LONGEST

    def of(self, arm: Arm, block: int) -> Arm:
        """Return an arm with the placement of a block.

        Raises
        ------
        LinkError
            Where it cannot be made. No placement is given to two blocks: these would not be
            independent of each other.
        """
        number, place = divmod(block, self.at_once)
        with self._lock:
            while len(self._batches) <= number:
                self._next()
            batch = self._batches[number]
        slot = [one.name for one in self.arms].index(arm.name)
        return replace(arm, placed=batch[slot][place])

    def reach(self, block: int) -> bool:
        """Tell whether a block has a placement; `failed` says why not. It is made where it lacks.

        What fails once is tried again: now and then a machine is short of something.
        """
        with self._lock:
            while not self.failed and block >= len(self._batches) * self.at_once:
                self.failed = self._fault_of_next()
        return not self.failed or block < len(self._batches) * self.at_once

    def _fault_of_next(self) -> str:
        """Make those of further blocks; return what has failed each time, or nothing."""
        fault = ""
        for _ in range(TRIES):
            try:
                self._next()
            except LinkError as error:
                fault = str(error)
            else:
                return ""
        return fault

    def _next(self) -> None:
        """Make those of further blocks, for all arms: what one lacks the others must lack."""
        started = time.monotonic()
        try:
            made = tuple(self._batch(slot) for slot in range(len(self.arms)))
        finally:
            self.seconds += time.monotonic() - started
        self._batches.append(made)
        self.number += sum(map(len, made))
        self._forget(len(self._batches) - OLD - len(lanes()) // self.at_once)

    def _batch(self, slot: int) -> Batch:
        number = len(self._batches)
        made = []
        for block in self._blocks(number):
            own = f"{self.seed} {block}" if self.common else f"{self.seed} {block} {slot}"
            made.append(self.placers[slot].place(own, self._place(slot, block)))
        self._try(self.arms[slot], made)
        return made

    def _blocks(self, batch: int) -> range:
        return range(batch * self.at_once, (batch + 1) * self.at_once)

    def _place(self, slot: int, block: int) -> Path:
        """Return the folder of a placement. The paths of all arms are as long as each other."""
        return self.folder / f"{slot}-{block:05d}"

    def _forget(self, number: int) -> None:
        """Remove the files of a batch whose blocks are over."""
        for block in self._blocks(number):
            for slot in range(len(self.arms)):
                shutil.rmtree(self._place(slot, block), ignore_errors=True)

    def _try(self, arm: Arm, made: Batch) -> None:
        """Refuse modules that do not import as the installed ones do."""
        task, answer = self.folder / "task.json", self.folder / "answer.json"
        asked = {"modules": dict(arm.modules), "placed": made, "names": list(made[0])}
        program = [arm.python, "-P", "-m", "pytest_duel.paired.placed_imports"]
        variables = environment(arm, str(self.folder), "0", self.tests.path)
        try:
            task.write_text(json.dumps(asked), encoding="utf-8")
            answer.unlink(missing_ok=True)
            done = processes.run(
                [*program, str(task), str(answer)],
                timeout=SECONDS,
                cwd=self.tests.folder,
                env=variables,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LinkError(f"linked again, its modules cannot be tried: {error}") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            raise LinkError(f"linked again, its modules cannot be tried: {''.join(lines[-1:])}")
        wrong = [one for one in json.loads(answer.read_text(encoding="utf-8")) if one is not None]
        if wrong:
            raise LinkError(wrong[0])


def linkers(arms: tuple[Arm, Arm], names: Collection[str]) -> tuple[Linker, Linker]:
    """Return what links some compiled files of two arms again.

    Raises
    ------
    LinkError
        Where it is not known how one of them was linked.
    """
    one, other = (linker_of(arm, names) for arm in arms)
    both = {
        name: links.shared(one.known[name].functions, other.known[name].functions)
        for name in one.known.keys() & other.known.keys()
    }
    return (
        replace(one, both={name: pair[0] for name, pair in both.items()}),
        replace(other, both={name: pair[1] for name, pair in both.items()}),
    )


def linker_of(arm: Arm, names: Collection[str]) -> Linker:
    """Return what links some compiled files of an arm again, those that it has.

    Raises
    ------
    LinkError
        Where it is not known how one of them was linked.
    """
    own = sorted({*names} & compiled(arm.modules).keys())
    homes = {name: arm.modules[module_of(name).partition(".")[0]] for name in own}
    kept = {home: links.links_in(Path(home)) for home in {*homes.values()}}
    return Linker(
        {name: _link_of(name, kept[home], Path(home)) for name, home in homes.items()},
        {name: Path(home, name).parent for name, home in homes.items()},
    )


def _link_of(name: str, kept: Sequence[Link], home: Path) -> Link:
    """Return the link that has made a file of an install."""
    stem = module_of(name).rpartition(".")[2]
    fitting = [one for one in kept if stem in one.modules]
    exact = [one for one in fitting if f"/{Path(one.output).as_posix()}".endswith(f"/{name}")]
    outputs = {one.output: one for one in exact or fitting}  # the last link of a file counts
    if not outputs:
        raise LinkError(f"{name}: {links.why_not_kept(home, stem) or _unknown(home / name)}")
    if len(outputs) > 1:
        raise LinkError(f"{name} was linked more than once, and which link counts is not clear")
    return next(iter(outputs.values()))


def _unknown(path: Path) -> str:
    """Say why it is not known how a file was linked."""
    if reason := links.lacking():
        return reason
    if b"PyInit" not in path.read_bytes():
        return "it is no extension module of Python's (it has no PyInit_ function)"
    return "how it was linked is not known: no compiler of the usual names linked it here"
