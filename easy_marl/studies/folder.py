"""A study's folder: what it is a study of, and its blocks, each written once and whole."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from easy_marl.files import unfinished, write_whole
from easy_marl.studies.errors import FolderError, needed
from easy_marl.studies.study import Block, Study, Table, check_columns, digest, number_of_blocks

STUDY = "study.json"
LOCK = ".lock"
BLOCKS = "block-*.parquet"


class Folder:
    """The blocks of one study.

    Parameters
    ----------
    path
        The folder, which is there.
    identity
        Of the study.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._blocks = number_of_blocks(identity)
        self._digest = digest(identity)
        self._first: tuple[Path, Table] | None = None  # whose columns all others have

    def file(self, number: int) -> Path:
        """Return where a block is, or will be."""
        return self.path / f"block-{number:06}.parquet"

    def present(self) -> list[int]:
        """Return the numbers of the blocks that are there, each of them checked.

        Raises
        ------
        FolderError
            Where a file is no whole block of this study.
        """
        expected = {self.file(number): number for number in range(self._blocks)}
        found = sorted(self.path.glob(BLOCKS))
        for file in found:
            if file not in expected:
                raise FolderError(f"{file} is no block of this study, which has {self._blocks}")
            self._check(file, expected[file])
        return [expected[file] for file in found]

    def write(self, block: Block, rows: Table) -> Path:
        """Write a block at once: whoever looks finds all of it, or nothing."""
        parquet = needed("pyarrow.parquet")
        file = self.file(block.number)
        try:
            self._hold_columns(file, rows)
        except ValueError as fault:
            fault.add_note(f"in block {block.number}, whose first scenario is {block.first}")
            raise
        rows = rows.replace_schema_metadata(self._mark(block.number))
        write_whole(
            file, lambda stream: parquet.write_table(rows, stream, write_page_checksum=True)
        )
        return file

    def read(self, number: int) -> Table:
        """Return the rows of a block, or raise where they are not those that were written."""
        parquet = needed("pyarrow.parquet")
        file = self.file(number)
        try:
            return parquet.read_table(file, partitioning=None, page_checksum_verification=True)
        except (OSError, ValueError) as fault:
            raise FolderError(
                f"{file} is damaged ({fault}): remove it, and run the study again"
            ) from fault

    def _check(self, file: Path, number: int) -> None:
        parquet = needed("pyarrow.parquet")
        try:
            # A Parquet file ends with what it holds, so one that is cut off does not open.
            schema = parquet.read_schema(file)
        except (OSError, ValueError) as fault:
            raise FolderError(
                f"{file} is no whole block ({fault}): remove it, and run the study again"
            ) from fault
        found = schema.metadata or {}
        for key, value in self._mark(number).items():
            if (other := found.get(key.encode(), b"").decode()) != value:
                raise FolderError(f"{file} has {key} {other or 'nothing'!r}: expected {value!r}")
        self._hold_columns(file, schema.empty_table())

    def _hold_columns(self, file: Path, rows: Table) -> None:
        if self._first is None:
            self._first = file, rows.slice(0, 0)
        first, other = self._first
        check_columns(rows, other, str(first))

    def _mark(self, number: int) -> dict[str, str]:
        """Return what a block says about itself."""
        return {"study": self._digest, "block": str(number)}


@contextmanager
def writing(path: Path, study: Study) -> Iterator[Folder]:
    """Open a study's folder for one run at a time; make it where it is not there.

    Raises
    ------
    FolderError
        Where the folder is of another study, or another run has it open.
    """
    filelock = needed("filelock")
    needed("pyarrow")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise FolderError(f"{path} is no folder, and cannot be made one: {fault}") from fault
    try:
        lock = filelock.FileLock(path / LOCK).acquire(timeout=0)
    except filelock.Timeout:
        raise FolderError(f"{path} is in use: another run writes to it") from None
    with lock:
        file = path / STUDY
        if not file.exists():
            _check_unused(path)
            text = json.dumps(study.identity, indent=1) + "\n"
            write_whole(file, lambda stream: stream.write(text.encode()))
        _check_same(file, _saved(file), study.identity)
        for left in path.glob(unfinished(BLOCKS)):  # by a run that was killed
            left.unlink()
        yield Folder(path, study.identity)


def read(folder: str | os.PathLike[str]) -> Table:
    """Return all rows of a study that has ended, by scenario.

    Parameters
    ----------
    folder : path
        The study's folder.

    Returns
    -------
    pyarrow.Table
        The column `scenario`, and those of the study's function.

    Raises
    ------
    FolderError
        Where the folder holds no study, or not all of its blocks, or one is damaged.
    """
    pyarrow = needed("pyarrow")
    path = Path(folder)
    identity = _saved(path / STUDY)
    blocks = Folder(path, identity)
    total = number_of_blocks(identity)
    missing = sorted({*range(total)} - {*blocks.present()})
    if missing:
        raise FolderError(
            f"{path} lacks {len(missing)} of {total} blocks, such as "
            f"{blocks.file(missing[0]).name}: run the study again"
        )
    tables = [blocks.read(number) for number in range(total)]
    return pyarrow.concat_tables(one.replace_schema_metadata(None) for one in tables)


def _saved(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise FolderError(f"{file} is not there: {file.parent} is no study's folder") from None
    except ValueError as fault:
        raise FolderError(f"{file} cannot be read ({fault})") from None
    names = {"function", "source", "seed", "block_size", "parameters"}
    if not isinstance(found, dict) or found.keys() != names:
        raise FolderError(f"{file} does not describe a study: it must have {sorted(names)}")
    return found


def _check_unused(path: Path) -> None:
    if blocks := sorted(path.glob(BLOCKS)):
        raise FolderError(f"{blocks[0]} is a block of an unknown study: {path} has no {STUDY}")


def _check_same(file: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for name in wanted:
        if found[name] != wanted[name]:
            raise FolderError(
                f"{file} is of another study: {_difference(name, found, wanted)}; give another "
                "folder"
            )


def _difference(name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    other, own = found[name], wanted[name]
    if name == "source":
        return f"the text of {wanted['function']} has changed since"
    if name == "parameters":
        if len(other) != len(own):
            return f"it has {len(other)} scenarios there, and {len(own)} here"
        place = next(i for i, one in enumerate(own) if one != other[i])
        name, other, own = f"parameters[{place}]", other[place], own[place]
    return f"{name} is {other!r} there, and {own!r} here"
