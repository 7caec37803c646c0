"""A toy extension that is built in a second, and linked again in another order."""

import shlex
import sysconfig
from pathlib import Path

from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.arms.links import linker
from pytest_duel.paired.arms.recipe import Recipe
from pytest_duel.paired.contests import Arm
from strangers import PROJECTS

LLD = linker(PROJECTS)
LACKS = "" if LLD else "needs ld.lld, or a Rust that brings one"
"""Why modules cannot be linked again here."""
INCLUDED = sysconfig.get_path("include")
BUILD = f"cc -O2 -shared -fPIC -I{shlex.quote(INCLUDED)} toy.c -o {{target}}/toy.so"
"""The command that builds it; setuptools takes longer."""


def built(name: str, folder: Path, cache: Path) -> Arm:
    """Return an arm that is the toy of a folder."""
    return Arm(name, modules=install(folder, Recipe(install=BUILD), cache).modules)
