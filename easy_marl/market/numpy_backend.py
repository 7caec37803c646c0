"""The NumPy backend: the specification in code."""

from easy_marl.market.reference import clear, clear_batch, version
from easy_marl.market.reference_step import step_batch

__all__ = ["clear", "clear_batch", "step_batch", "version"]
