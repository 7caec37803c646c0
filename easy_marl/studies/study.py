"""What a study is: a function of parameters and a seed, applied to scenarios, block by block."""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from easy_marl.market.arguments import is_int
from easy_marl.studies.errors import needed

Parameters = Mapping[str, Any]
Function = Callable[[Parameters, int], Any]
"""From the parameters of a scenario and its seed to rows."""

Table = Any
"""A pyarrow.Table, which is not needed to import this."""

SCENARIO = "scenario"
"""The column that tells which scenario a row is of."""

_MOST_BLOCKS = 100
"""So many blocks a study has, unless its `block_size` says otherwise."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Block:
    """Scenarios that follow each other, and all that it takes to compute their rows.

    Attributes
    ----------
    number : int
        Which block of its study it is, from 0 on.
    first : int
        Its first scenario.
    function : callable
        That of the study.
    parameters : sequence of mapping
        Those of its scenarios.
    seeds : sequence of int
        Those of its scenarios.
    """

    number: int
    first: int
    function: Function
    parameters: Sequence[Parameters]
    seeds: Sequence[int]

    def compute(self) -> Table:
        """Return the rows of all scenarios as a pyarrow.Table, the column `scenario` first.

        Whatever the function raises has a note that names the scenario.
        """
        pyarrow = needed("pyarrow")
        tables: list[Table] = []
        for scenario, parameters, seed in zip(
            range(self.first, self.first + len(self.seeds)),
            self.parameters,
            self.seeds,
            strict=True,
        ):
            try:
                # What a function does to its parameters is no business of other scenarios.
                table = _table(scenario, self.function(deepcopy(parameters), seed))
                if tables:
                    check_columns(table, tables[0], f"scenario {self.first}")
            except Exception as fault:
                fault.add_note(f"in scenario {scenario}: parameters {parameters!r}, seed {seed}")
                raise
            tables.append(table)
        return pyarrow.concat_tables(tables).combine_chunks()


def _table(scenario: int, rows: Any) -> Table:
    pyarrow = needed("pyarrow")
    is_mapping = isinstance(rows, Mapping)
    if not is_mapping and not hasattr(rows, "__arrow_c_stream__"):
        raise TypeError(
            f"the study's function returned {type(rows).__name__}: it must return columns by "
            "name, or a table that speaks Arrow"
        )
    table = pyarrow.table(dict(rows) if is_mapping else rows).replace_schema_metadata(None)
    if SCENARIO in table.column_names:
        raise ValueError(
            f"the study's function returned a column {SCENARIO!r}: a study adds one of that name"
        )
    own = pyarrow.array(np.full(table.num_rows, scenario, np.int64))
    return table.add_column(0, SCENARIO, own)


def check_columns(table: Table, other: Table, where: str) -> None:
    """Raise unless two tables have the same columns; `where` says what the other one is."""
    mine, theirs = ({f.name: str(f.type) for f in one.schema} for one in (table, other))
    if list(mine.items()) != list(theirs.items()):
        raise ValueError(f"the columns are {mine}, and {theirs} in {where}: they must be the same")


@dataclass(frozen=True, eq=False, kw_only=True)
class Study:
    """A function of parameters and a seed, and the scenarios that it is applied to.

    Parameters
    ----------
    function : callable
        From the parameters of one scenario and its seed to that scenario's rows: columns by name,
        as arrays of the same length, or a table that speaks Arrow (pyarrow, Polars, pandas). All
        scenarios have the same columns. It should depend on nothing else. For other processes it
        has to stand at the top of a module.
    parameters : sequence of mapping
        Those of each scenario: names, and values that JSON knows.
    seed : int
        From it and the number of a scenario that scenario's seed follows, an int below 2⁶³,
        by `numpy.random.SeedSequence`.
    block_size : int, optional
        Scenarios in a block, which is what is written at once. Unless given, there are at most
        100 blocks.

    Raises
    ------
    TypeError, ValueError
        Where one of them is something else; the message names it.

    Examples
    --------
    >>> def squares(parameters, seed):
    ...     return {"square": [parameters["x"] ** 2]}
    >>> study = Study(function=squares, parameters=[{"x": 3}, {"x": 4}])
    >>> study.block(1).compute().to_pylist()
    [{'scenario': 1, 'square': 16}]
    """

    function: Function
    parameters: Sequence[Parameters]
    seed: int = 0
    block_size: int | None = None
    identity: Mapping[str, Any] = field(init=False, repr=False)
    """What tells this study from others, as JSON has it."""

    def __post_init__(self) -> None:
        name = getattr(self.function, "__qualname__", None)
        if not callable(self.function) or name is None:
            raise TypeError(f"function is {self.function!r}: function must be a function")
        _check_parameters(self.parameters)
        if not is_int(self.seed) or self.seed < 0:
            raise ValueError(f"seed is {self.seed!r}: seed must be an int, and not negative")
        if self.block_size is None:
            size = -(-len(self.parameters) // _MOST_BLOCKS)
            object.__setattr__(self, "block_size", size)
        if not is_int(self.block_size) or self.block_size < 1:
            raise ValueError(f"block_size is {self.block_size!r}: it must be a positive int")
        identity = {
            "function": name,
            "source": _source(self.function),
            "seed": int(self.seed),
            "block_size": int(self.block_size),
            "parameters": [dict(one) for one in self.parameters],
        }
        object.__setattr__(self, "identity", json.loads(json.dumps(identity)))

    @property
    def blocks(self) -> int:
        """Return how many blocks there are."""
        return number_of_blocks(self.identity)

    def block(self, number: int) -> Block:
        """Return a block; negative numbers are none."""
        if not 0 <= number < self.blocks:
            raise IndexError(f"there is no block {number}: there are {self.blocks}")
        size: int = self.identity["block_size"]
        first = number * size
        parameters = self.parameters[first : first + size]
        return Block(
            number=number,
            first=first,
            function=self.function,
            parameters=parameters,
            seeds=[self.scenario_seed(first + i) for i in range(len(parameters))],
        )

    def scenario_seed(self, scenario: int) -> int:
        """Return the seed of a scenario; it does not depend on the blocks."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(scenario,))
        # An int64, so that it fits a column.
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def number_of_blocks(identity: Mapping[str, Any]) -> int:
    """Return how many blocks a study of this identity has."""
    return -(-len(identity["parameters"]) // int(identity["block_size"]))


def digest(identity: Mapping[str, Any]) -> str:
    """Return what stands for an identity in each block."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def _source(function: Function) -> str | None:
    """Return a digest of a function's own text; None where it has none, as when typed in."""
    try:
        return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()
    except (OSError, TypeError):
        return None


def _check_parameters(parameters: Any) -> None:
    if isinstance(parameters, (str, Mapping)) or not isinstance(parameters, Sequence):
        kind = type(parameters).__name__
        raise TypeError(f"parameters is of type {kind}: it must be a sequence, one a scenario")
    if not parameters:
        raise ValueError("parameters is empty: a study needs at least one scenario")
    for scenario, one in enumerate(parameters):
        if not isinstance(one, Mapping):
            raise TypeError(f"parameters[{scenario}] is {one!r}: it must be a mapping")
        for name, value in one.items():
            if not isinstance(name, str):
                raise TypeError(f"parameters[{scenario}] has the key {name!r}: it must be a str")
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError):
                raise TypeError(
                    f"parameters[{scenario}][{name!r}] is {value!r}: it must be a value that "
                    "JSON knows"
                ) from None
