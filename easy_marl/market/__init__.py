"""Merit-order clearing of electricity markets, on one of several backends.

`docs/semantics.md` is the specification; all backends agree to the last bit.
"""

from easy_marl.market.api import Options, clear, clear_batch
from easy_marl.market.registry import (
    Backend,
    BackendStatus,
    BackendUnavailable,
    backends,
    get_backend,
)
from easy_marl.market.settlement import Settlement, Sums, Totals, settle, totals

__all__ = [
    "Backend",
    "BackendStatus",
    "BackendUnavailable",
    "Options",
    "Settlement",
    "Sums",
    "Totals",
    "backends",
    "clear",
    "clear_batch",
    "get_backend",
    "settle",
    "totals",
]
