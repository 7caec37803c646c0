"""The market of the bidding study: its import path and its signature."""

from easy_marl.market import BackendUnavailable, get_backend

try:
    market_clearing = get_backend("numba").clear
except BackendUnavailable:  # slower, and the same to the last bit
    market_clearing = get_backend("numpy").clear

__all__ = ["market_clearing"]
