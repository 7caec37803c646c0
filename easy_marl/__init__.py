"""Electricity markets for multi-agent reinforcement learning.

`easy_marl.market` clears markets, on the fastest installed backend.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("easy_marl")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
