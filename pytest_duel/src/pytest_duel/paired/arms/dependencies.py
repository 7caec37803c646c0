"""Where workers find what a project depends on; the project itself must not come from there."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from pytest_duel.paired.arms.modules import modules_in
from pytest_duel.support import files, harness


def search_path(value: str, root: Path, tree: Path, modules: Collection[str]) -> tuple[str, ...]:
    """Return the folders of a user's PYTHONPATH in which workers may look, behind the arm's own.

    Of those within the repository, the ones with modules of the project are left out: they hold
    the code of one side. Others become the same folders of the tree that the tests come from.
    Elsewhere a copy of the project does no harm, for the arm's import finder comes first.

    Parameters
    ----------
    value
        Of the variable; folders in it may be relative.
    root
        Of the repository.
    tree
        Of all of the repository, as it was exported.
    modules
        The top-level modules of the project.
    """
    return tuple(dict.fromkeys(_folders(value, root.resolve(), tree, modules)))


def _folders(value: str, root: Path, tree: Path, modules: Collection[str]) -> Iterator[str]:
    for entry in filter(None, value.split(os.pathsep)):
        folder = files.real(Path(entry))
        if folder == harness.HOME or folder.is_file():
            yield str(folder)
        elif folder.is_dir() and not (folder / "pytest_duel").is_dir():
            inside = folder.is_relative_to(root)
            place = tree / folder.relative_to(root) if inside else folder
            if not inside or (place.is_dir() and not {*modules_in(place)} & {*modules}):
                yield str(place)
