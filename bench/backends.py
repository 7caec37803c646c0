"""The implementations that the suites time, by name.

Those of `easy_marl` come from its own registry; beside them stand floors, the public function,
the earlier study's two algorithms, and what users of NumPy and JAX would write for a batch.
"""

from collections.abc import Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import environments
from bench.cold_start import cold_start
from easy_marl import market
from easy_marl.examples.bidding.train import Learner, Timed
from pytest_duel.catalogue.model import Call

TRAINING_STEPS = 320
THREADS = 2
"""Of the backends that share a batch among several."""

Floats = NDArray[np.float64]


def of_market(name: str) -> Mapping[str, Call]:
    """Return the callables of one of `easy_marl.market`'s backends."""
    backend = market.get_backend(name)
    return {
        **_of_environments(name, threads=1),
        "clear": backend.clear,
        "clear_batch": partial(backend.clear_batch, threads=1),
        "cold_start": partial(cold_start, name),
        "train": partial(_train, backend.clear),
        "train_clearing": partial(_train_clearing, backend.clear),
    }


def parallel(name: str) -> Mapping[str, Call]:
    """Return the same where several threads share the work."""
    return {
        **_of_environments(name, THREADS),
        "clear_batch": partial(market.get_backend(name).clear_batch, threads=THREADS),
    }


def _of_environments(name: str, threads: int) -> Mapping[str, Call]:
    """Return the kernels of environments; a revision from before them has none."""
    step_batch = getattr(market.get_backend(name), "step_batch", None)
    if step_batch is None:
        return {}
    return {
        **environments.of_backend(name, threads),
        "step_batch": environments.stepping(step_batch, threads),
    }


def public() -> Mapping[str, Call]:
    """Return the public functions, which dispatch to the default backend."""
    return {"clear": market.clear, "clear_batch": partial(market.clear_batch, threads=1)}


def floor() -> Mapping[str, Call]:
    """Return Rust functions with the same arguments and outputs that clear nothing."""
    from rust_market import _floor, _floor_batch

    return {"clear": _floor, "clear_batch": partial(_floor_batch, threads=1)}


def rust_portable() -> Mapping[str, Call]:
    """Return Rust with the instructions that every processor of this kind has."""
    from rust_market import _clear_portable

    return {"clear": _clear_portable}


def fill() -> Mapping[str, Call]:
    """Return what makes arrays like the outputs and writes one number everywhere."""

    def fill_batch(bids: Floats, quantities: Floats, demand: Floats) -> tuple[Floats, Floats]:  # noqa: ARG001
        return np.full(demand.size, 1.0), np.full((demand.size, bids.shape[-1]), 1.0)

    return {"clear_batch": fill_batch}


def numpy_argsort() -> Mapping[str, Call]:
    """Return a batch in NumPy without a loop: stable argsort, cumsum, clip, scatter.

    What a user would write: it knows no tolerance, and takes offers of nothing as any other.
    """
    return {"clear_batch": _argsort_batch}


def _argsort_batch(bids: Floats, quantities: Floats, demand: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(bids, axis=-1, kind="stable")
    asked = np.take_along_axis(bids, order, -1)
    if order.ndim == quantities.ndim == 2:
        offered = np.take_along_axis(quantities, order, -1)
    else:
        offered = quantities[..., order]
    supply = np.cumsum(offered, axis=-1)
    before = np.zeros_like(supply)
    before[..., 1:] = supply[..., :-1]
    delivered = np.clip(demand[:, None] - before, 0.0, offered)
    # The first unit that reaches demand, or under scarcity the last.
    short = np.count_nonzero(supply < demand[:, None], axis=-1)
    marginal = np.minimum(short, bids.shape[-1] - 1)
    cleared = np.empty_like(delivered)
    if order.ndim == 1:
        cleared[:, order] = delivered
        return asked[marginal], cleared
    np.put_along_axis(cleared, order, delivered, -1)
    return asked[np.arange(demand.size), marginal], cleared


def jax_vmap() -> Mapping[str, Call]:
    """Return `vmap` over one market in JAX, compiled for the CPU.

    A scan adds up the supply: `jnp.cumsum` adds in pairs, which gives other bits from some ten
    units on. As `numpy_argsort`, it knows no tolerance.
    """
    jax: Any = import_module("jax")
    jnp: Any = import_module("jax.numpy")
    jax.config.update("jax_enable_x64", True)

    def clear(bids: Any, quantities: Any, demand: Any) -> Any:
        order = jnp.argsort(bids, stable=True)
        offered = quantities[order]
        _, before = jax.lax.scan(lambda supply, q: (supply + q, supply), 0.0, offered)
        delivered = jnp.clip(demand - before, 0.0, offered)
        marginal = jnp.minimum((before + offered < demand).sum(), offered.size - 1)
        return bids[order[marginal]], jnp.zeros_like(offered).at[order].set(delivered)

    @cache
    def compiled(*dimensions: int) -> Any:
        rows = tuple(0 if one == 2 else None for one in dimensions)
        return jax.jit(jax.vmap(clear, in_axes=(*rows, 0)))

    def clear_batch(bids: Floats, quantities: Floats, demand: Floats) -> tuple[Floats, Floats]:
        prices, cleared = compiled(bids.ndim, quantities.ndim)(bids, quantities, demand)
        return np.asarray(prices), np.asarray(cleared)

    return {"clear_batch": clear_batch}


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
