"""Saving a sweep: checked before the measurement, complete, and under a number of its own.

pytest-benchmark decides what a saved run holds and where it goes. What is here decides whether
there is something to save, and sees to it that one save that fails costs neither the other nor
the tables.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.storage.file import FileStorage
from pytest_benchmark.utils import safe_dumps

from pytest_duel.results import commit_info
from pytest_duel.results.storage import create_numbered
from pytest_duel.support import files

ROOM = 1 << 16
"""Bytes that there must be room for before a measurement; a run takes more."""


WAYS = ("json", "save", "autosave")
"""Options that ask for a saved run."""


class Saving:
    """Saves or compares the run of a session."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.begun: set[str] = set()
        self.ended: set[str] = set()
        """Items, by what pytest calls them."""
        self.faults: list[str] = []
        """Why something was not saved."""
        self._commit = self._describe() if self.wanted else {}

    @property
    def wanted(self) -> bool:
        """Tell whether this session is to save anything."""
        return any(
            self.config.getoption(f"benchmark_{one}") for one in ("save", "autosave", "json")
        )

    @property
    def whole(self) -> bool:
        """Tell whether all that was to be measured has been."""
        return self.begun <= self.ended

    def _describe(self) -> dict[str, Any]:
        name = self.config.getoption("benchmark_project_name", None)
        return commit_info.describe(self.config.rootpath, name)

    def commit(self) -> dict[str, Any]:
        """Return the commit that was measured: the one at the start, if it has not changed."""
        now, before = self._describe(), self._commit or self._describe()
        if before["id"] is None:
            return before
        return before | {
            "dirty": bool(before["dirty"] or now["dirty"] or now["id"] != before["id"])
        }

    def watch(self, own: Any) -> None:
        """Take the saving of pytest-benchmark's session over."""
        own.save_json = partial(_save_json, own)
        store: Any = own.storage
        if isinstance(own.storage, FileStorage):  # it may be a database
            store.save = partial(_save, store)
        if own.autosave:
            own.autosave = commit_info.tag(self._commit)
        if self.wanted and not own.disabled:
            for fault in _hindrances(own):
                raise pytest.UsageError(fault)
        own.handle_saving = partial(self._save_each, own, own.handle_saving)

    def _save_each(self, own: Any, stock: Callable[[], None]) -> None:
        """Try each save by itself."""
        wanted = {name: getattr(own, name) for name in WAYS}
        if not any(wanted.values()):
            return
        if own.benchmarks and not self.whole:
            left = len(self.begun - self.ended)
            self.faults.append(
                f"nothing was saved: the run ended with {left} of {len(self.begun)} tests to go"
            )
            return
        for names in ("json",), ("save", "autosave"):
            if any(wanted[name] for name in names):
                vars(own).update(
                    {name: wanted[name] if name in names else None for name in wanted}
                )
                try:
                    stock()
                except Exception as error:  # whatever a disk, a database or a hook raises
                    place = own.json if names == ("json",) else own.storage
                    self.faults.append(f"not saved in {place}: {_reason(error)}")
        vars(own).update(wanted)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


def _save_json(own: Any, output_json: dict[str, Any]) -> None:
    """Write a run where ``--benchmark-json`` says."""
    files.write(own.json, safe_dumps(output_json, ensure_ascii=True, indent=4))
    own.logger.info(f"Wrote benchmark data in: {own.json}", purple=True)


def _save(storage: Any, output_json: dict[str, Any], save: str) -> None:
    """Write a run under the next number."""
    content = safe_dumps(output_json, ensure_ascii=True, indent=4)
    path = create_numbered(storage.get(""), save, content)
    storage.logger.info(f"Saved benchmark data in: {path}")


def _hindrances(own: Any) -> Iterator[str]:
    """Yield what will keep a run from being saved, as far as that can be known."""
    if own.json and not own.json.parent.is_dir():
        yield f"--benchmark-json: {own.json} is in a folder that does not exist"
    if own.json and own.json.is_dir():
        yield f"--benchmark-json: {own.json} is a folder"
    if own.json and (own.json.is_file() or not own.json.exists()):
        yield from _unwritable("--benchmark-json", files.real(own.json).parent)
    if (own.save or own.autosave) and isinstance(own.storage, FileStorage):
        yield from _unwritable("--benchmark-storage", own.storage.get(""))


def _unwritable(option: str, folder: Path) -> Iterator[str]:
    """Tell why no file can be written in a folder, by writing one."""
    trial = folder / f".room-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with trial.open("xb") as file:
            file.write(b"\0" * ROOM)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        yield f"{option}: nothing can be saved in {folder}: {error.strerror or error}"
    finally:
        files.discard(trial)


SAVING = pytest.StashKey[Saving]()
"""Where a pytest configuration keeps what saves its run."""
