"""The Rust backend: the functions of `rust_market`, which obey all of the semantics themselves."""

from importlib import import_module
from typing import Any

_module: Any = import_module("rust_market")
if not hasattr(_module, "build_info"):
    # The source folder rust_market/ imports as an empty namespace package.
    raise ModuleNotFoundError("No module named 'rust_market'", name="rust_market")

clear = _module.clear
clear_batch = _module.clear_batch
step_batch = _module.step_batch


def version() -> str:
    """Return the version of `rust_market`."""
    return str(_module.__version__)
