"""What the links of an arm's extension modules need, kept so that they can be made again.

While an arm is built, scripts with the names of the usual compilers stand before these on the
path; `keep_link` says what they do. So it works for whatever calls a compiler: cargo, setuptools,
meson, CMake. What links again is lld, which puts functions in an order that it is told.
"""

import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pytest_duel.paired.arms import keep_link
from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

LINKS = ".links"
"""The folder of an install that holds them. No module has such a name."""
COMPILERS = ("cc", "gcc", "clang", "c++", "g++", "clang++")
VARIABLES = ("CC", "CXX")
"""They name compilers, perhaps in full."""
LLD = "ld.lld"
FLAGS = ("--no-warn-symbol-ordering", "--threads=1", "--strip-debug", "-z", "separate-code")
"""By the last one code begins with a page, whatever lies before it."""
SHOWN = 300
"""Characters that are shown of what a linker says."""
HALF = 0.5
"""The chance of a section that only takes room to stand before the functions behind it."""
_OWN = re.compile(r"17h[0-9a-f]{16}E|\.llvm\.\d+|\.\d+$")
"""What a build adds to a name of Rust's: a digest, or a number."""
_COMPILER = re.compile(r"([\w.]+-)*(cc|gcc|clang|c\+\+|g\+\+|clang\+\+)(-[\d.]+)?")
"""A compiler's name, and not that of a program that calls one, such as ccache."""
_CRATE = re.compile(r"Cs[0-9A-Za-z]+_")
"""A crate in a name of Rust's newer kind; behind the C stands a digest."""


class LinkError(DuelError):
    """A module cannot be linked again; the message says why."""


class Function(NamedTuple):
    """A section of code."""

    name: str
    """Of its first function; mostly there is no other."""
    size: int
    alignment: int


@dataclass(frozen=True)
class Link:
    """What a link needs."""

    folder: Path
    """Of its inputs."""
    linker: str
    output: str
    """The file that the build has written."""
    modules: tuple[str, ...]
    """The extension modules that are in it, each without the package that holds it."""
    functions: tuple[Function, ...]
    """Those that can be put in an order."""
    rpaths: tuple[str, ...] = ()
    """The folders in which the module seeks libraries."""

    def again(self, order: Iterable[str], target: Path, origin: Path) -> None:
        """Make the link again, with its functions in an order.

        Parameters
        ----------
        order
            Their names.
        target
            The file to write.
        origin
            The folder of the module that the build has made, from which it seeks libraries.

        Raises
        ------
        LinkError
            Where the linker fails, with what it says.
        """
        listed = target.with_suffix(".order")
        place = os.path.relpath(listed, self.folder)  # what is absolute, lld seeks in its folder
        asked = [f"--symbol-ordering-file={place}", *FLAGS]
        for folder in self.rpaths:
            asked += ["-rpath", re.sub(r"\$(ORIGIN|\{ORIGIN\})", lambda _: str(origin), folder)]
        command = [self.linker, f"@{keep_link.RESPONSE}", *asked, "-o", str(target)]
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            listed.write_text("".join(f"{name}\n" for name in order), encoding="utf-8")
            done = processes.run(command, timeout=keep_link.SECONDS, cwd=self.folder)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise LinkError(f"{self.linker} failed: {error}") from None
        finally:
            listed.unlink(missing_ok=True)
        if done.returncode:
            raise LinkError(f"{self.linker} failed: {done.stderr.strip()[:SHOWN]}")


def links_in(home: Path) -> list[Link]:
    """Return the links that are kept with an install, in the order in which they were made."""
    found = []
    # Resolved, for linkers are told paths that are relative to where the inputs truly are.
    kept = (home / LINKS).resolve().glob(f"*/{keep_link.ABOUT}")
    for path in sorted(kept, key=lambda one: one.stat().st_mtime_ns):
        about = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            Link(
                path.parent / keep_link.INPUTS,
                about["linker"],
                about["output"],
                tuple(about["modules"]),
                tuple(Function(*one) for one in about["functions"]),
                tuple(about.get("rpaths", ())),  # where they are older, their inputs name them
            )
        )
    return found


def why_not_kept(home: Path, module: str) -> str | None:
    """Return why the link of a module is not kept with an install; None where that is not known.

    Parameters
    ----------
    home
        The folder of the install.
    module
        Its name, without the package that holds it.
    """
    for path in sorted((home / LINKS).glob(f"*{keep_link.WHY}")):
        about = json.loads(path.read_text(encoding="utf-8"))
        if module in about["modules"]:
            return f"it cannot be linked again: {about['why'][:SHOWN]}"
    return None


def shared(
    one: Sequence[Function], other: Sequence[Function]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the functions that two builds have in the same size: by their names in each.

    They are in the same order in both. Their names need not be the same to the letter, for a
    compiler of Rust's adds to them.
    """
    groups = [_grouped(functions) for functions in (one, other)]
    pairs = [
        pair
        for key in sorted(groups[0].keys() & groups[1].keys())
        for pair in _pairs(groups[0][key], groups[1][key])
    ]
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)


def _grouped(functions: Sequence[Function]) -> dict[tuple[str, int, int], list[str]]:
    """Return names by what two builds have in common. Where two have one name, it is left out."""
    number = Counter(one.name for one in functions)
    found: dict[tuple[str, int, int], list[str]] = {}
    for one in functions:
        if number[one.name] == 1:
            key = _plain(one.name), one.size, one.alignment
            found.setdefault(key, []).append(one.name)
    return found


def _pairs(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of names, those that are the same to the letter first."""
    same = sorted({*one} & {*other})
    yield from zip(same, same, strict=True)
    yield from zip(sorted({*one} - {*same}), sorted({*other} - {*same}), strict=False)


def _plain(name: str) -> str:
    short = _OWN.sub("", name)
    return _CRATE.sub("C", short) if name.startswith("_R") else short


def order(functions: Sequence[Function], both: Sequence[str], seed: str) -> list[str]:
    """Return a random order of functions.

    Those that both builds have come first, so they lie in the same places in both. Where they
    begin in a page of memory is random, and so is how far behind them the others begin.

    Parameters
    ----------
    functions
        All that can be put in an order.
    both
        The names of those that both builds have.
    seed
        Of the order.
    """
    rng = random.Random(seed)  # noqa: S311  no secret
    front, rear = (
        [name for name in rooms if rng.random() < HALF]
        for rooms in (keep_link.FRONT, keep_link.REAR)
    )
    own = sorted({one.name for one in functions} - {*both})
    return [*front, *rng.sample(both, len(both)), *rear, *rng.sample(own, len(own))]


@cache
def linker(folder: Path) -> str | None:
    """Return the lld that links modules again: that of Rust, or the system's; None without one.

    Parameters
    ----------
    folder
        Of the sources, which may name the version of Rust to use.
    """
    if not sys.platform.startswith("linux"):
        return None
    return _of_rust(folder) or shutil.which(LLD)


def lacking() -> str | None:
    """Return what is missing here to link modules again; None where nothing is."""
    if not sys.platform.startswith("linux"):
        return f"that is done on Linux only, and this is {sys.platform}"
    if linker(Path.cwd()) is None:
        return f"there is no lld: install the system's ({LLD}), or Rust, which brings its own"
    return None


def _of_rust(folder: Path) -> str | None:
    if not shutil.which("rustc"):
        return None
    try:
        asked = ["rustc", "--print", "target-libdir"]
        done = processes.run(asked, timeout=60.0, cwd=folder)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = Path(done.stdout.strip()).parent / "bin" / "gcc-ld" / LLD
    return str(found) if done.returncode == 0 and found.is_file() else None


@contextmanager
def keeping(sources: Path, home: Path, target: Path) -> Iterator[Mapping[str, str]]:
    """Keep what a build's links of extension modules need, beside what it makes.

    Yields variables for the environment of the build: with them it finds scripts in place of
    compilers. Where nothing can be linked again there are none, and nothing is kept.

    Parameters
    ----------
    sources
        The folder that is built.
    home
        An empty folder, for the time of the build.
    target
        Where the build puts what it makes, where it does not fail.
    """
    own = linker(sources)
    if own is None:
        yield {}
        return
    yield recorded(home, own)
    if target.is_dir() and any((home / LINKS).iterdir()):
        (home / LINKS).rename(target / LINKS)


def recorded(home: Path, own: str) -> dict[str, str]:
    """Put scripts in place of compilers; return the variables of a build that uses them.

    Parameters
    ----------
    home
        An empty folder, for the scripts and for what they keep.
    own
        The linker.
    """
    scripts = home / keep_link.SCRIPTS
    (home / LINKS).mkdir()
    for name, program in _compilers():
        _write(scripts / name, program, home / LINKS, own)
    found = {"PATH": os.pathsep.join([str(scripts), os.environ.get("PATH", os.defpath)])}
    for variable in VARIABLES:
        program, *more = shlex.split(os.environ.get(variable, "")) or [""]
        name = Path(program).name
        if name != program and _COMPILER.fullmatch(name):
            script = scripts / variable / name
            _write(script, program, home / LINKS, own)
            found[variable] = shlex.join([str(script), *more])
    return found


def _write(script: Path, compiler: str, kept: Path, own: str) -> None:
    """Write a script in place of a compiler."""
    words = [sys.executable, "-IS", keep_link.__file__, str(kept), own, compiler]
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    script.chmod(0o755)


def _compilers() -> Iterator[tuple[str, str]]:
    """Yield the names of compilers that builds may call, each with the program that it is."""
    asked = [os.environ.get(name) or sysconfig.get_config_var(name) for name in VARIABLES]
    words = [shlex.split(one)[0] for one in asked if one and one.strip()]
    for name in dict.fromkeys([*COMPILERS, *words]):
        program = shutil.which(name)
        if program and _COMPILER.fullmatch(name):
            yield name, program
