"""The programs that install and compile, and running them."""

import contextlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.paired.arms.recipe import PIP, BuildError, InstallError, Recipe
from pytest_duel.support import processes
from pytest_duel.support.scratch import scratch
from pytest_duel.support.tracing import untraced

SECONDS = 1800.0
"""For one build."""
CARGO_TARGET = "CARGO_TARGET_DIR"
SHARED = (CARGO_TARGET, "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR", "SKBUILD_BUILD_DIR")
"""Variables for a folder that keeps what builds compile. A user may set one for all projects."""


OFFLINE = ("name resolution", "failed to lookup address", "Network is unreachable")
"""What tools say where there is no network."""
WITHOUT_NETWORK = (
    "there seems to be no network from which to get what the build needs: install that here, and "
    "set PIP_NO_BUILD_ISOLATION=0 for pip or UV_NO_BUILD_ISOLATION=1 for uv; where nothing is "
    'compiled, install = "none" in [tool.pytest-duel] needs no build'
)


def compile_all(paths: Sequence[Path], python: str) -> None:
    """Write the bytecode of modules now. If more is written later, something else wrote it."""
    command = [python, "-P", "-m", "compileall", "-q", *map(str, paths)]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # imports will say it
        processes.run(command, timeout=SECONDS, env=without_caches(untraced(os.environ)))


def without_caches(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which Python keeps bytecode beside its source only."""
    return {name: one for name, one in variables.items() if name != "PYTHONPYCACHEPREFIX"}


def command(recipe: Recipe, source: Path, target: Path) -> list[str]:
    """Return the command that installs sources into a folder."""
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
        # -P: it runs in a project's folder, which may hold a module of such a name.
        return Installer("pip", (sys.executable, "-P", "-m", "pip"))
    raise InstallError(
        "there is neither uv nor pip here to install it with: get one, such as by "
        f"`{sys.executable} -m ensurepip`"
    )


def run_build(
    command: Sequence[str], folder: Path, recipe: Recipe, tree: Path | None = None
) -> None:
    """Run a command that installs, in a folder.

    Parameters
    ----------
    command
        What is run.
    folder
        Of the package. In messages it is ``.``.
    recipe
        How it is installed.
    tree
        A folder that holds the package's; messages have it relative to that one.

    Raises
    ------
    BuildError
        Where it fails, with its output.
    InstallError
        Where it cannot be run, or takes too long.
    """
    try:
        with scratch() as temporary:  # uv leaves its locks, and a build that fails may leave more
            environment = untraced(os.environ) | {
                "SETUPTOOLS_SCM_PRETEND_VERSION": recipe.version,
                "PDM_BUILD_SCM_VERSION": recipe.version,
                "POETRY_DYNAMIC_VERSIONING_BYPASS": recipe.version,
                **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)),
                **dict.fromkeys(_shared(recipe), str(temporary / "compiled")),
                **recipe.variables,
            }
            done = processes.run(command, timeout=SECONDS, cwd=folder, env=environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{command[0]} failed: {error}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).replace(str(folder), ".")
        if tree:
            said = said.replace(str(tree), os.path.relpath(tree, folder))
        said += f"\n{WITHOUT_NETWORK}" if any(sign in said for sign in OFFLINE) else ""
        raise BuildError(f"{shlex.join(command[:3])} … failed:\n{said}")


def _shared(recipe: Recipe) -> list[str]:
    """Return the variables that must name another folder in each build.

    In a folder that both sides share cargo takes what the first one compiled for the second one's:
    it looks at the times of files, and those of the second may be older. Cargo's settings may name
    such a folder as well. A command of the user's own may count on the usual one, so there only
    what variables say is changed, and the times of copies must do.
    """
    given = [name for name in SHARED if name in os.environ]
    return given if recipe.install != PIP else [CARGO_TARGET, *given]


def compilers(folder: Path) -> Iterator[str]:
    """Yield the versions of the compilers that are here, where a build may need them."""
    wanted = [os.environ.get("CC", "cc")]
    wanted += ["rustc"] if next(folder.rglob("Cargo.toml"), None) else []
    for name in wanted:
        try:
            yield processes.run([*shlex.split(name), "--version"], timeout=60.0, cwd=folder).stdout
        except (OSError, subprocess.TimeoutExpired):
            yield ""
