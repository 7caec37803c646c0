"""Copying a source tree for a build, and reading all of its files."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.paired.arms.recipe import InstallError


@dataclass(frozen=True)
class Sources:
    """What a package is built from."""

    package: Path
    tree: Path
    """What is copied for it: its own folder, or one that holds it."""

    @property
    def inside(self) -> Path:
        """Return where the package lies in the tree."""
        return Path(os.path.normpath(self.package.relative_to(self.tree)))


def copy(folder: Path, target: Path, package: Path = Path()) -> None:
    """Copy a source tree. A link that leads out of it becomes a copy of what it leads to.

    What setuptools has built in its package stays behind. It would take modules from there that
    the sources do not have any more. All files get the present time. A tool that keeps what it
    compiles in a folder of its own, as cargo's settings may say, looks at times: of older files it
    would take what it has compiled for the other side.
    """
    shutil.copytree(folder, target, symlinks=True, ignore=_not_to_build)
    if _is_of_setuptools(target / package / "build"):
        shutil.rmtree(target / package / "build")
    for link, linked in links_out(folder):
        place = target / link
        place.unlink()
        if linked.is_dir():
            shutil.copytree(linked, place, symlinks=True, ignore=_not_to_build)
        else:
            shutil.copy2(linked, place)
    _touch(target, time.time_ns())


def _touch(folder: Path, now: int) -> None:
    for home, _, names in os.walk(folder):
        for path in (Path(home, name) for name in names):
            if not path.is_symlink():
                os.utime(path, ns=(now, now))


def links_out(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each link that leads out of a folder, with what it leads to.

    Raises
    ------
    InstallError
        Where it leads to a folder that holds this one: the copy would have no end.
    """
    home = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if not path.is_symlink() or not (path.is_file() or path.is_dir()):
            continue
        target = path.resolve()
        if home.is_relative_to(target) and path.is_dir():
            raise InstallError(f"{path.name} is a link to a folder that holds it: {target}")
        if not target.is_relative_to(home):
            yield path.relative_to(folder), target


def _is_of_setuptools(folder: Path) -> bool:
    """Tell whether a folder holds what setuptools writes into `build`, and nothing else."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = [path.name for path in folder.iterdir()]
    return bool(names) and all(re.fullmatch(r"lib|(lib|temp|bdist)\..+", one) for one in names)


def _not_to_build(folder: str, names: list[str]) -> list[str]:
    """Return what is not copied: sockets, and links to nothing, as editors leave them.

    Raises
    ------
    InstallError
        Where a link leads to something that is no file, such as a device.
    """
    left = []
    for path in (Path(folder, name) for name in names):
        if path.is_file() or path.is_dir():
            continue
        if path.exists() and path.is_symlink():
            raise InstallError(f"{path.name} is a link to {path.readlink()}, which is no file")
        left.append(path.name)
    return left


def content(place: Path) -> Iterator[bytes]:
    """Yield the names and contents of all files in a folder, or of one; no link is followed."""
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        name = os.fsencode(path.relative_to(place))
        if path.is_symlink():
            yield b"\0link %s %s" % (name, os.fsencode(path.readlink()))
        elif path.is_file():
            about = path.stat()
            yield b"\0file %s %o %d\0" % (name, about.st_mode & 0o111, about.st_size)
            yield path.read_bytes()
