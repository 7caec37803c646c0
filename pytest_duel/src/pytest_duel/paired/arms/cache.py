"""A cache of installs. Equal sources and an equal toolchain share one.

It is built once, even if several processes ask for it at the same time. It appears complete or not
at all.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_duel.paired.arms.builds import (
    SECONDS,
    command,
    compile_all,
    compilers,
    installer,
    run_build,
)
from pytest_duel.paired.arms.copies import Sources, content, copy, links_out
from pytest_duel.paired.arms.links import keeping, linker
from pytest_duel.paired.arms.modules import modules_in
from pytest_duel.paired.arms.recipe import PIP, BuildError, InstallError, Recipe
from pytest_duel.paired.arms.untouched import Snapshot, snapshot

MANNER = 5
"""How builds are made here. What was built in another manner may be wrong, and is left alone."""
KEPT = 40
"""How many installs, of one package each, are kept. The least recently used are removed."""
_RELEVANT = (
    "CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "RUSTFLAGS", "RUSTUP_TOOLCHAIN",
    "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_INCREMENTAL", "CMAKE_ARGS",
    "CARGO_BUILD_TARGET", "ARCHFLAGS", "MACOSX_DEPLOYMENT_TARGET", "SETUPTOOLS_USE_DISTUTILS",
    "PIP_NO_BUILD_ISOLATION", "PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "UV_NO_BUILD_ISOLATION",
    "PYTHONOPTIMIZE",
)  # fmt: skip
"""Variables on which the outcome of a build depends."""
_OF_CARGO = (
    "CARGO_BUILD_",
    "CARGO_PROFILE_",
    "CARGO_ENCODED_",
    "CARGO_TARGET_X",
    "CARGO_TARGET_A",
)
"""Prefixes of further ones. The last two are of one processor; `CARGO_TARGET_DIR` is left out."""
_READS = re.compile(rb"environ|getenv|env!|\bENV\{|\{env:")
"""What stands in files that read variables."""
_LARGEST = 1_000_000
"""Bytes of a file that is looked through for names of variables."""
_DAY = time.strftime("%Y-%m-%d", time.gmtime())
"""Builds may fetch what they need anew, such as Cython, and both sides are to be built with the
same. So what was kept on another day is left alone."""
_BUILDING = "building-"
"""The prefix of folders in which something is being built."""


def kept_modules(
    folders: Sequence[Path], recipe: Recipe, cache: Path, root: Path | None = None
) -> dict[str, str]:
    """Return the folder of each module. Packages are kept apart, so that one can change alone.

    Parameters
    ----------
    folders
        Of the packages.
    recipe
        How they are installed.
    cache
        Where installs are kept.
    root
        The top of the tree that holds the packages, to which they may refer.
    """
    found: dict[str, str] = {}
    for folder in folders:
        tree = root if root and folder.is_relative_to(root) else folder
        target = _kept(folder, recipe, cache / "installs", tree)
        found |= {name: str(target) for name in modules_in(target) if name not in found}
    _prune(cache / "installs")
    return found


def _kept(folder: Path, recipe: Recipe, installs: Path, root: Path) -> Path:
    """Return the install of a package: of its folder alone, where that can be built.

    A change elsewhere in the tree then needs no new build. Only where the package refers to what
    lies beside it, such as another crate or a workspace, it is built within the tree.
    """
    alone, within = Sources(folder, folder), Sources(folder, root)
    target = installs / _key(alone, recipe)
    if within.inside == Path() or target.is_dir():
        return _installed(alone, recipe, target)
    other = installs / _key(within, recipe)
    if other.is_dir():
        return _installed(within, recipe, other)
    try:
        return _installed(alone, recipe, target)
    except BuildError as error:
        try:
            return _installed(within, recipe, other)
        except BuildError:  # it says what is wrong where all is there
            raise
        except InstallError:
            raise error from None


def _installed(sources: Sources, recipe: Recipe, target: Path) -> Path:
    """Return the folder of an install, which is built where it is not there."""
    with _locked(target):
        if not _is_intact(target):
            _discard(target)
            _build(sources, recipe, target)
        os.utime(target)
    return target


def _build(sources: Sources, recipe: Recipe, target: Path) -> None:
    """Build into a folder beside the target, from a copy: builds leave files in the sources."""
    with _building_place(target.parent) as home, _alone(recipe, target.parent):
        tree = home / "source"
        package = tree / sources.inside
        (home / "target").mkdir()
        copy(sources.tree, tree, sources.inside)
        with keeping(sources.package, home, home / "target") as scripts:
            own = replace(recipe, variables={**recipe.variables, **scripts})
            run_build(command(recipe, package, home / "target"), package, own, tree)
        if _key(sources, recipe) != target.name:
            raise InstallError("its sources changed while they were built: try again")
        compile_all([home / "target"], recipe.python)
        held = json.dumps(dict(snapshot(home / "target").digests))
        _record(target).write_text(held, encoding="utf-8")
        (home / "target").rename(target)


@contextmanager
def _building_place(folder: Path) -> Iterator[Path]:
    """Give an empty folder to build in: the first one that no other process holds.

    Both sides are built in the same one, so compilers that write its name into what they make
    make the same of the same.
    """
    for number in count():
        home = folder / f"{_BUILDING}{number}"
        with suppress(Timeout), FileLock(home.with_name(f"{home.name}.lock"), timeout=0):
            shutil.rmtree(home, ignore_errors=True)  # of a process that was killed
            home.mkdir()
            try:
                yield home
            finally:
                shutil.rmtree(home, ignore_errors=True)
            return


def _alone(recipe: Recipe, folder: Path) -> AbstractContextManager[None]:
    """Let no other command of a user's own run at the same time.

    It may compile into a folder that cargo's settings name for all projects. Cargo locks that only
    until it has compiled, and what the command takes from it then must not be another gate's.
    """
    return nullcontext() if recipe.install == PIP else _locked(folder / "command")


def _record(target: Path) -> Path:
    return target.with_name(target.name + ".json")


def _is_intact(target: Path) -> bool:
    """Tell whether an install is there, and still as it was built."""
    if target.is_symlink() or not target.is_dir():
        return False
    try:
        held = json.loads(_record(target).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(held, dict) and not Snapshot(target, held).changes()


def _discard(target: Path) -> None:
    """Remove the file or folder at the place of an install; no link is followed."""
    for path in (target, _record(target)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _key(sources: Sources, recipe: Recipe) -> str:
    """Return a digest of all that the outcome of a build depends on."""
    digest = hashlib.sha256()
    variables = {name: os.environ.get(name) for name in _RELEVANT}
    variables |= {name: own for name, own in os.environ.items() if name.startswith(_OF_CARGO)}
    variables |= _read_by(sources.tree)
    variables |= recipe.variables
    tool = installer().name if recipe.install == PIP else recipe.install
    toolchain = (
        MANNER,
        _DAY,
        sys.version,
        platform.platform(),
        sys.executable,
        recipe.python,
        variables,
        tool,
        recipe.version,
        linker(sources.package),
    )
    digest.update(repr((toolchain, *compilers(sources.package))).encode())
    if sources.inside != Path():
        place = sources.inside.as_posix()
        digest.update(repr((place, *compilers(sources.tree))).encode())
    for part in content(sources.tree):
        digest.update(part)
    for link, target in links_out(sources.tree):
        digest.update(b"\0from " + os.fsencode(link))
        for part in content(target):
            digest.update(part)
    return digest.hexdigest()[:32]


def _read_by(folder: Path) -> dict[str, str]:
    """Return the variables that are set here and that the sources name: builds may read them."""
    names = {name.encode(errors="surrogateescape"): name for name in os.environ}
    found: set[bytes] = set()
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size <= _LARGEST:
            text = path.read_bytes()
            if _READS.search(text):
                found |= names.keys() & set(re.findall(rb"\w+", text))
    return {names[one]: os.environ[names[one]] for one in sorted(found)}


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(target.name + ".lock"), timeout=SECONDS):
            yield
    except Timeout:
        raise InstallError("another process has been installing for too long") from None


def _prune(folder: Path) -> None:
    """Remove the installs that were not used for longest."""
    folders = [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    kept = [one for one in folders if not one.name.startswith(_BUILDING)]
    for one in sorted(kept, key=lambda path: path.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(one, ignore_errors=True)
        _record(one).unlink(missing_ok=True)
        one.with_name(one.name + ".lock").unlink(missing_ok=True)


def cache_folder() -> Path:
    """Return a folder of this user's that can be written to, where installs are kept."""
    for folder in _places():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    user = getattr(os, "getuid", lambda: "user")()
    return _private(Path(tempfile.gettempdir()) / f"pytest-duel-{user}")


def _places() -> Iterator[Path]:
    """Yield where this user may want installs to be kept, the first choice first."""
    if own := os.environ.get("PYTEST_DUEL_CACHE"):
        yield Path(own)
    home = os.environ.get("XDG_CACHE_HOME") or (
        os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    )
    with suppress(RuntimeError):  # this user has no home
        home = home or str(Path.home() / ".cache")
    if home:
        yield Path(home) / "pytest-duel"


def _private(folder: Path) -> Path:
    """Return a folder, made if it is not there, into which only this user can put anything.

    Others can make a folder or a link of any name among the temporary files, and what is kept in
    it is run.

    Raises
    ------
    InstallError
        Where it is another's.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_own = found.st_uid == getattr(os, "getuid", lambda: found.st_uid)()
    is_open = sys.platform != "win32" and found.st_mode & 0o077
    if not stat.S_ISDIR(found.st_mode) or not is_own or is_open:
        raise InstallError(
            f"{folder}, where installs would be kept, is not a folder of this user alone: set "
            "PYTEST_DUEL_CACHE to one that is"
        )
    return folder
