"""Installing an arm: its modules in a folder of their own, from which nothing else is imported.

Equal sources and an equal toolchain share one install. It is kept by content, built once however
many processes ask for it at a time, and appears whole or not at all.
"""

import contextlib
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_duel.paired.arms.inner_tests import is_tests
from pytest_duel.paired.arms.untouched import Snapshot, snapshot
from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

SECONDS = 1800.0
"""For one build."""
KEPT = 40
"""Installs of one package each; the ones that were not used for longest go."""
NONE, PIP = "none", "pip"
_RELEVANT = (
    "CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "RUSTFLAGS", "RUSTUP_TOOLCHAIN",
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
"""How others begin: the last two are of a processor, as `CARGO_TARGET_DIR` is not."""
_SOURCE_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_BUILDING = "building-"
"""How folders begin in which something is being built."""
_NO_MODULES = ("bin", "Scripts", "include", "share", "etc", "__pycache__")
_SUFFIXES = tuple(importlib.machinery.all_suffixes())


class InstallError(DuelError):
    """An arm cannot be installed; the message says why, with what the tool said."""


@dataclass(frozen=True)
class Recipe:
    """How a project is installed."""

    packages: tuple[str, ...] = (".",)
    """Folders to install, relative to the project's."""
    install: str = PIP
    """``pip``, ``none``, or a command with ``{target}`` in it."""
    version: str = "0.0"
    """Told to builds that would ask git for one."""
    python: str = sys.executable
    """The interpreter to install for."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the environment, for builds only."""


@dataclass(frozen=True)
class Installed:
    """Where an arm's modules are."""

    modules: Mapping[str, str]
    """The folder of each top-level module."""
    how: str
    """For people: ``installed with uv``."""


def install(project: Path, recipe: Recipe, cache: Path) -> Installed:
    """Install the project in a folder, or say where it is kept.

    Raises
    ------
    InstallError
        Where a build fails, or leaves no module.
    """
    folders = [_package(project, name) for name in recipe.packages]
    if recipe.install == NONE:
        found = {
            name: str(home)
            for home in map(_home, folders)
            for name in modules_in(home)
            if not is_tests(home / name)
        }
        places = [
            Path(home, f"{name}{end}") for name, home in found.items() for end in ("", ".py")
        ]
        compile_all([path for path in places if path.exists()], recipe.python)
        how = "imported from its tree"
    elif recipe.install == PIP:
        _check_buildable(folders, recipe)
        found, how = _kept_modules(folders, recipe, cache), f"installed with {installer().name}"
    else:
        found, how = _kept_modules(folders, recipe, cache), "installed by the command in `install`"
    if not found:
        raise InstallError(f"it has no module to import: {', '.join(recipe.packages)}")
    return Installed(found, how)


def suggested(project: Path) -> str:
    """Return the way to install a project that says nothing of it."""
    return (
        PIP
        if any((project / name).is_file() for name in _SOURCE_FILES[1:]) or _builds(project)
        else NONE
    )


def modules_in(folder: Path) -> list[str]:
    """Return the top-level modules that can be imported from a folder."""
    found = set()
    for entry in folder.iterdir():
        name = entry.name.partition(".")[0]
        if not name.isidentifier() or entry.name in _NO_MODULES:
            continue
        # A link that leads back to where it is holds itself, and no end of packages.
        is_folder = entry.is_dir() and not folder.resolve().is_relative_to(entry.resolve())
        if (is_folder and entry.name == name and _holds_module(entry)) or (
            entry.is_file() and entry.name.endswith(_SUFFIXES)
        ):
            found.add(name)
    return sorted(found - {"setup", "conftest", "noxfile", "tasks"})


def _holds_module(folder: Path) -> bool:
    return any(name.endswith(_SUFFIXES) for _, _, names in os.walk(folder) for name in names)


def _package(project: Path, name: str) -> Path:
    folder = project / name
    if not folder.is_dir():
        raise InstallError(f"packages: there is no folder {name!r}")
    return folder


def _home(folder: Path) -> Path:
    """Return the folder that a package is imported from without being installed."""
    return folder / "src" if (folder / "src").is_dir() else folder


def _builds(project: Path) -> bool:
    settings = project / "pyproject.toml"
    if not settings.is_file():
        return False
    text = settings.read_text(encoding="utf-8", errors="replace")
    return "[project]" in text or "[build-system]" in text or "[tool.poetry" in text


def _check_buildable(folders: Sequence[Path], recipe: Recipe) -> None:
    for folder, name in zip(folders, recipe.packages, strict=True):
        if suggested(folder) is NONE:
            raise InstallError(
                f"{name!r} has neither a pyproject.toml that says how to build it nor a setup.py; "
                'to import from the tree as it is, set install = "none" in [tool.pytest-duel]'
            )


def _kept_modules(folders: Sequence[Path], recipe: Recipe, cache: Path) -> dict[str, str]:
    """Return where each module is kept; packages apart, so that one can change alone."""
    found: dict[str, str] = {}
    for folder in folders:
        target = cache / "installs" / _key(folder, recipe)
        with _locked(target):
            if not _is_intact(target):
                _discard(target)
                _build(folder, recipe, target)
            os.utime(target)
        found |= {name: str(target) for name in modules_in(target) if name not in found}
    _prune(cache / "installs")
    return found


def _build(folder: Path, recipe: Recipe, target: Path) -> None:
    """Build into a folder beside the target, from a copy: builds leave files in the sources."""
    prefix = f"{_BUILDING}{target.name}-"
    for left in target.parent.glob(f"{prefix}*"):  # by a process that was killed: the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent) as name:
        home = Path(name)
        copy = home / "source"
        (home / "target").mkdir()
        _copy(folder, copy)
        run_build(_command(recipe, copy, home / "target"), copy, recipe)
        if _key(folder, recipe) != target.name:
            raise InstallError("its sources changed while they were built: try again")
        compile_all([home / "target"], recipe.python)
        held = json.dumps(dict(snapshot(home / "target").digests))
        _record(target).write_text(held, encoding="utf-8")
        (home / "target").rename(target)


def _copy(folder: Path, copy: Path) -> None:
    """Copy sources; what links lead to elsewhere comes along, as it would not be found."""
    shutil.copytree(folder, copy, symlinks=True, ignore=_not_to_build)
    for link, target in _links_out(folder):
        place = copy / link
        place.unlink()
        if target.is_dir():
            shutil.copytree(target, place, symlinks=True, ignore=_not_to_build)
        else:
            shutil.copy2(target, place)


def _links_out(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each link that leads out of a folder, with what it leads to.

    Raises
    ------
    InstallError
        Where that holds the folder itself: it would have no end.
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


def _not_to_build(folder: str, names: list[str]) -> list[str]:
    """Return what a build could not read: links to nothing, as editors leave them, and sockets.

    Raises
    ------
    InstallError
        Where a link leads to something without an end.
    """
    left = []
    for path in (Path(folder, name) for name in names):
        if path.is_file() or path.is_dir():
            continue
        if path.exists() and path.is_symlink():
            raise InstallError(f"{path.name} is a link to {path.readlink()}, which is no file")
        left.append(path.name)
    return left


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
    """Remove what stands where an install belongs, whatever it is; no link is followed."""
    for path in (target, _record(target)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def compile_all(paths: Sequence[Path], python: str) -> None:
    """Write the bytecode of modules now, so that whatever is written later was not asked for."""
    command = [python, "-m", "compileall", "-q", *map(str, paths)]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # imports will say it
        processes.run(command, timeout=SECONDS, env=without_caches(os.environ))


def without_caches(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which bytecode lies beside its source, and nowhere else."""
    return {name: one for name, one in variables.items() if name != "PYTHONPYCACHEPREFIX"}


def _command(recipe: Recipe, source: Path, target: Path) -> list[str]:
    if recipe.install == PIP:
        return [
            *installer().into(recipe.python),
            "--no-deps",
            "--target",
            str(target),
            str(source),
        ]
    return [part.replace("{target}", str(target)) for part in shlex.split(recipe.install)]


@dataclass(frozen=True)
class Installer:
    """A program that installs packages."""

    name: str
    program: tuple[str, ...]
    """How it is called."""

    def into(self, python: str) -> list[str]:
        """Return the command that installs for an interpreter."""
        if self.name == "uv":
            return [*self.program, "pip", "install", "--quiet", "--python", python]
        # For another interpreter than its own, pip starts itself once more.
        other = [] if python == sys.executable else ["--python", python]
        return [*self.program, *other, "install", "--quiet", "--disable-pip-version-check"]


def installer() -> Installer:
    """Return the installer that is here.

    Raises
    ------
    InstallError
        Where there is none.
    """
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    uv = shutil.which("uv", path=places)
    if uv:
        return Installer("uv", (uv,))
    if importlib.util.find_spec("pip"):
        return Installer("pip", (sys.executable, "-m", "pip"))
    raise InstallError("there is neither uv nor pip to install it with")


def run_build(command: Sequence[str], folder: Path, recipe: Recipe) -> None:
    """Run a command that installs, in a folder.

    Raises
    ------
    InstallError
        Where it fails; with what it says.
    """
    environment = os.environ | {
        "SETUPTOOLS_SCM_PRETEND_VERSION": recipe.version,
        "PDM_BUILD_SCM_VERSION": recipe.version,
        "POETRY_DYNAMIC_VERSIONING_BYPASS": recipe.version,
        **recipe.variables,
    }
    try:
        done = processes.run(command, timeout=SECONDS, cwd=folder, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{command[0]} failed: {error}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).replace(str(folder), ".")
        raise InstallError(f"{shlex.join(command[:3])} … failed:\n{said}")


def _key(folder: Path, recipe: Recipe) -> str:
    """Return a digest of all that the outcome of a build depends on."""
    digest = hashlib.sha256()
    variables = {name: os.environ.get(name) for name in _RELEVANT}
    variables |= {name: own for name, own in os.environ.items() if name.startswith(_OF_CARGO)}
    variables |= recipe.variables
    tool = installer().name if recipe.install == PIP else recipe.install
    toolchain = (
        sys.version,
        platform.platform(),
        sys.executable,
        recipe.python,
        variables,
        tool,
        recipe.version,
    )
    digest.update(repr((toolchain, *_compilers(folder))).encode())
    for part in _content(folder):
        digest.update(part)
    for link, target in _links_out(folder):
        digest.update(b"\0from " + os.fsencode(link))
        for part in _content(target):
            digest.update(part)
    return digest.hexdigest()[:32]


def _content(place: Path) -> Iterator[bytes]:
    """Yield the names and contents of all files in a folder, or of one; no link is followed."""
    for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
        name = os.fsencode(path.relative_to(place))
        if path.is_symlink():
            yield b"\0link %s %s" % (name, os.fsencode(path.readlink()))
        elif path.is_file():
            about = path.stat()
            yield b"\0file %s %o %d\0" % (name, about.st_mode & 0o111, about.st_size)
            yield path.read_bytes()


def _compilers(folder: Path) -> Iterator[str]:
    """Yield the versions of the compilers that are here, where a build may need them."""
    wanted = [os.environ.get("CC", "cc")]
    wanted += ["rustc"] if next(folder.rglob("Cargo.toml"), None) else []
    for name in wanted:
        try:
            yield processes.run([*shlex.split(name), "--version"], timeout=60.0, cwd=folder).stdout
        except (OSError, subprocess.TimeoutExpired):
            yield ""


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(target.with_name(target.name + ".lock"), timeout=SECONDS):
            yield
    except Timeout:
        raise InstallError("another process has been installing the same for too long") from None


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
    own = os.environ.get("PYTEST_DUEL_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or (
        os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    )
    candidates = [Path(own)] if own else []
    candidates.append((Path(home) if home else Path.home() / ".cache") / "pytest-duel")
    for folder in candidates:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except (OSError, RuntimeError):
            continue
    user = getattr(os, "getuid", lambda: "user")()
    folder = Path(tempfile.gettempdir()) / f"pytest-duel-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
