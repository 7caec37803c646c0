"""The implementations that the suites time, by name.

Those of `easy_marl` come from its own registry; beside them stand the floor, the public
function, and the earlier study's two algorithms.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from bench.cold_start import cold_start
from bench.registry import Call
from easy_marl import market
from easy_marl.examples.bidding.train import Learner, Timed

TRAINING_STEPS = 320


def of_market(name: str) -> Mapping[str, Call]:
    """Return the callables of one of `easy_marl.market`'s backends."""
    backend = market.get_backend(name)
    return {
        "clear": backend.clear,
        "clear_batch": partial(backend.clear_batch, threads=1),
        "cold_start": partial(cold_start, name),
        "train": partial(_train, backend.clear),
        "train_clearing": partial(_train_clearing, backend.clear),
    }


def public() -> Mapping[str, Call]:
    """Return the public functions, which dispatch to the default backend."""
    return {"clear": market.clear, "clear_batch": partial(market.clear_batch, threads=1)}


def floor() -> Mapping[str, Call]:
    """Return Rust functions with the same arguments and outputs that clear nothing."""
    from rust_market import _floor, _floor_batch

    return {"clear": _floor, "clear_batch": partial(_floor_batch, threads=1)}


def study_rust() -> Mapping[str, Call]:
    """Return the study's Rust function: an index vector sorted with `partial_cmp`.

    Its arguments are `Vec<f64>`, copied element by element, which is what reproduces its times.
    """
    from rust_market import _study_clear_copying

    return {"clear": _study_clear_copying}


def study_views() -> Mapping[str, Call]:
    """Return the study's Rust steps on the arrays as they lie in memory."""
    from rust_market import _study_clear

    return {"clear": _study_clear}


def study_numba() -> Mapping[str, Call]:
    """Return the study's numba function: argsort, gather, cumsum, searchsorted, scatter."""
    import numba

    @numba.njit
    def study_clear(bids: Any, quantities: Any, demand: float) -> Any:
        order = np.argsort(bids)
        sorted_bids = bids[order]
        sorted_quantities = quantities[order]
        supply = np.cumsum(sorted_quantities)
        cleared = np.zeros(len(bids))
        marginal = np.searchsorted(supply, demand)
        cleared[order[:marginal]] = sorted_quantities[:marginal]
        before = supply[marginal - 1] if marginal else 0.0
        cleared[order[marginal]] = demand - before
        return sorted_bids[marginal], cleared

    return {"clear": study_clear}


def _train(clear: Call, n: int, seed: int) -> Any:
    return Learner(n, clear, seed).train(TRAINING_STEPS)


def _train_clearing(clear: Call, n: int, seed: int) -> float:
    """Return the seconds that a training spent in the clearing call."""
    timed = Timed(clear)
    Learner(n, timed, seed).train(TRAINING_STEPS)
    return timed.seconds
