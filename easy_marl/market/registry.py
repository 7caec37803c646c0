"""Which backends there are, which of them are installed, and which is the default.

A new backend is a module with `clear`, `clear_batch`, `step_batch` and `version`, and an entry in
the table below. Modules are imported when first asked for, so that `easy_marl.market` needs NumPy
only.
"""

import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from easy_marl.market import errors

VARIABLE = "EASY_MARL_BACKEND"
"""Environment variable that names the default backend."""


@dataclass(frozen=True, slots=True)
class _Entry:
    module: str
    needs: str
    how_to_get: str


# In the order in which the default is looked for.
_TABLE = {
    "rust": _Entry(
        "easy_marl.market.rust_backend",
        "rust_market",
        "pip install the wheel of a release, or the one that "
        "`cd rust_market && maturin build --release` builds in a clone",
    ),
    "numba": _Entry("easy_marl.market.numba_backend", "numba", "`pip install numba`"),
    "numpy": _Entry("easy_marl.market.numpy_backend", "numpy", "`pip install numpy`"),
}


@dataclass(frozen=True, slots=True)
class Backend:
    """One implementation of every kernel.

    Attributes
    ----------
    name : str
        `"rust"`, `"numba"` or `"numpy"`.
    version : str
        Version of the package that does the work.
    clear, clear_batch : callable
        As in `easy_marl.market`, without `backend`.
    step_batch : callable
        A step of environments; see `easy_marl.market.stepping`.
    """

    name: str
    version: str
    clear: Callable[..., Any]
    clear_batch: Callable[..., Any]
    step_batch: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """Whether a backend can be used.

    Attributes
    ----------
    name : str
        Name of the backend.
    version : str or None
        Version of the package that does the work, None where the backend is missing.
    reason : str or None
        Why the backend is missing and how to get it, None where it is there.
    """

    name: str
    version: str | None = None
    reason: str | None = None

    @property
    def available(self) -> bool:
        """Whether the backend can be used."""
        return self.reason is None


class BackendUnavailable(ImportError):  # noqa: N818, a state of the machine, not a mistake
    """A known backend cannot be used here; the message says why and how to get it.

    Attributes
    ----------
    backend : str
        Name of the backend.
    reason : str
        Why it is missing and how to get it.
    installed : bool
        Whether it is there, but does not work.
    """

    def __init__(self, backend: str, reason: str, installed: bool = False) -> None:
        super().__init__(f"backend {backend!r} is not available: {reason}")
        self.backend = backend
        self.reason = reason
        self.installed = installed


loaded: dict[str | None, Backend] = {}
"""Backends in use by name, and the default as None. `get_backend` fills it."""


def get_backend(name: str | None = None) -> Backend:
    """Return a backend, importing it when it is first asked for.

    Parameters
    ----------
    name : {"rust", "numba", "numpy"}, optional
        None is the default: what the environment variable ``EASY_MARL_BACKEND`` names (it is
        read once; empty means unset), else the first that is installed, in the order above.
        One that is installed but does not import is skipped with a `RuntimeWarning`.

    Returns
    -------
    Backend
        Its kernels take the arguments of `clear` and `clear_batch` without `backend`.

    Raises
    ------
    ValueError
        If the name, or the one in the environment, is unknown.
    BackendUnavailable
        If the backend is not installed or does not import.
    """
    if name is None:
        if None not in loaded:
            loaded[None] = _default()
        return loaded[None]
    if not isinstance(name, str) or name not in _TABLE:
        raise errors.bad_backend("backend", name, _TABLE)
    return _load(name)


def backends() -> tuple[BackendStatus, ...]:
    """Return the status of every known backend, in order of preference.

    This imports all of them.
    """
    return tuple(_status(name) for name in _TABLE)


def _status(name: str) -> BackendStatus:
    try:
        return BackendStatus(name, version=_load(name).version)
    except BackendUnavailable as error:
        return BackendStatus(name, reason=error.reason)


def _default() -> Backend:
    name = os.environ.get(VARIABLE)
    if name:
        if name not in _TABLE:
            raise errors.bad_backend(VARIABLE, name, _TABLE)
        return _load(name)
    for name in _TABLE:
        try:
            return _load(name)
        except BackendUnavailable as error:
            if error.installed:
                message = f"backend {name!r} is skipped as the default: {error.reason}"
                warnings.warn(message, RuntimeWarning, stacklevel=_level_of_user())
    raise AssertionError("the numpy backend is always there")


def _level_of_user() -> int:
    """Return how far above its caller the code is that uses this package, from 1 on."""
    frame, level = sys._getframe(1), 1
    package = __name__.partition(".")[0]
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level


def _load(name: str) -> Backend:
    if name in loaded:
        return loaded[name]
    entry = _TABLE[name]
    try:
        module = import_module(entry.module)
    except Exception as error:  # whatever a broken installation raises
        installed = not (isinstance(error, ModuleNotFoundError) and error.name == entry.needs)
        if installed:
            reason = f"{entry.needs} does not import: {type(error).__name__}: {error}"
        else:
            reason = f"{entry.needs} is not installed; to get it, {entry.how_to_get}"
        raise BackendUnavailable(name, reason, installed) from error
    loaded[name] = Backend(
        name, module.version(), module.clear, module.clear_batch, module.step_batch
    )
    return loaded[name]
