"""What happened in each hour, as Parquet files.

PyArrow writes them; it is imported when first needed, because it is an extra.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.error import DependencyNotInstalled

from easy_marl.envs.parameters import RANDOM
from easy_marl.envs.simulation import Hour, Simulation
from easy_marl.files import write_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

Folder = str | Path

ROWS = 1_000_000
"""Rows that are kept before a file is written."""

COLUMNS = {
    "environment": ("int32", ""),
    "episode": ("int32", ""),
    "start": ("int32", ""),
    "hour": ("int32", ""),
    "agent": ("int32", ""),
    "demand": ("float64", "MW"),
    "shortage": ("float64", "MW"),
    "price": ("float64", "currency/MWh"),
    "bid": ("float64", "currency/MWh"),
    "offer": ("float64", "MW"),
    "dispatch": ("float64", "MW"),
    "profit": ("float64", "currency"),
    "reward": ("float64", ""),
}
"""The columns with their types, and their units where they have one."""


class Recorder:
    """Follows the hours of a simulation, and writes them: a row for each environment and agent.

    Each file appears whole, under its last name; what is not written yet is lost if the process is
    killed. Together the files `part-00000.parquet`, … are one table, which Polars, pandas, DuckDB
    and PyArrow read as such.

    Parameters
    ----------
    simulation
        Whose hours to follow; it keeps them (`detailed`) where there is something to follow.
    folder
        Where to write; it is made, and must not be there. None: nowhere.
    details
        Whether `follow` tells of the hour.

    Raises
    ------
    gymnasium.error.DependencyNotInstalled
        Where PyArrow is missing.
    FileExistsError
        If there is something of that name.
    """

    def __init__(self, simulation: Simulation, folder: Folder | None, details: bool) -> None:
        self._simulation, self._details = simulation, details
        self._folder = None if folder is None else _made(folder)
        self._episodes = np.full(simulation.environments, -1)
        self._kept: list[dict[str, NDArray[Any]]] = []
        self._rows = self._parts = 0

    def follow(self) -> Hour | None:
        """Record the hour that has passed; return it, if details are to be told."""
        if not self._details and self._folder is None:
            return None
        hour = self._simulation.hour()
        if self._folder is not None:
            self._keep(hour)
            if self._rows >= ROWS:
                self._write(self._folder)
        return hour if self._details else None

    def close(self) -> None:
        """Write what is left."""
        if self._folder is not None and self._rows:
            self._write(self._folder)

    def _keep(self, hour: Hour) -> None:
        rows = np.flatnonzero(hour.active)
        self._episodes[rows] += hour.number[rows] == 0
        start = self._simulation.parameters.start
        starts = self._simulation.starts if start == RANDOM else np.full(len(hour.active), start)
        agents = hour.bids.shape[1]
        of_environment = {
            "environment": rows,
            "episode": self._episodes[rows],
            "start": starts[rows],
            "hour": hour.number[rows],
            "demand": hour.demand[rows],
            "shortage": hour.shortage[rows],
            "price": hour.prices[rows],
        }
        of_agent = {
            "bid": hour.bids[rows],
            "offer": hour.offers[rows],
            "dispatch": hour.dispatch[rows],
            "profit": hour.profits[rows],
            "reward": hour.rewards[rows],
        }
        self._kept.append(
            {name: np.repeat(values, agents) for name, values in of_environment.items()}
            | {"agent": np.tile(np.arange(agents), len(rows))}
            | {name: values.reshape(-1) for name, values in of_agent.items()}
        )
        self._rows += len(rows) * agents

    def _write(self, folder: Path) -> None:
        pyarrow = _pyarrow()
        fields, columns = [], []
        for name, (kind, unit) in COLUMNS.items():
            metadata = {"unit": unit} if unit else None
            fields.append(pyarrow.field(name, kind, nullable=False, metadata=metadata))
            values = np.concatenate([kept[name] for kept in self._kept])
            columns.append(pyarrow.array(values.astype(kind, copy=False)))
        table = pyarrow.table(columns, schema=pyarrow.schema(fields))
        parquet = import_module("pyarrow.parquet")
        path = folder / f"part-{self._parts:05}.parquet"
        write_whole(path, lambda stream: parquet.write_table(table, stream))
        self._kept, self._rows = [], 0
        self._parts += 1

    def __getstate__(self) -> dict[str, Any]:
        if self._folder is not None:
            raise TypeError("an environment that records cannot be copied: both would write")
        return self.__dict__


def _made(folder: Folder) -> Path:
    """Return the new folder."""
    if not isinstance(folder, str | Path):
        kind = type(folder).__name__
        raise TypeError(f"record has type {kind}: it must be the path of a folder")
    _pyarrow()
    made = Path(folder)
    try:
        made.mkdir(parents=True)
    except FileExistsError:
        raise FileExistsError(
            f"record is {str(folder)!r}, which is there already: name a folder that is not"
        ) from None
    return made


def _pyarrow() -> Any:
    try:
        return import_module("pyarrow")
    except ImportError as error:
        raise DependencyNotInstalled(
            f"recording needs pyarrow, which does not import ({error}): `pip install pyarrow`"
        ) from error
