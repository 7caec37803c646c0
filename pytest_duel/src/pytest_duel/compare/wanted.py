"""What a user names as control: a backend of sweeps, and patterns of other benchmarks' names."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pytest_duel.catalogue.model import Case
from pytest_duel.results.benchmarks import Key
from pytest_duel.results.runs import RunError

NO_CONTROL = "none"


class Wanted(NamedTuple):
    """What the user named as control."""

    none: bool = False
    """The raw times count."""
    backend: str | None = None
    """The control of every kernel that has it; no kernel has `NO_CONTROL`."""
    patterns: tuple[str, ...] = ()
    """Of the names of benchmarks that belong to no sweep: their middle is the control."""


def wanted(control: Sequence[str], keys: Iterable[Key]) -> Wanted:
    """Sort what was named into a backend and patterns of other benchmarks' names.

    Parameters
    ----------
    control
        What was named; empty where nothing was.
    keys
        The benchmarks there are.

    Raises
    ------
    RunError
        Where no control is named beside others, or several backends.
    """
    if NO_CONTROL in control:
        if len(control) > 1:
            raise RunError(f"--control {NO_CONTROL} cannot be given with other controls")
        return Wanted(none=True, backend=NO_CONTROL)
    known = {one.backend for one in keys if isinstance(one, Case)}
    backends = [one for one in dict.fromkeys(control) if one in known]
    if len(backends) > 1:
        raise RunError(
            f"--control: only one backend can be the control, not {', '.join(backends)}"
        )
    patterns = tuple(one for one in dict.fromkeys(control) if one not in known)
    return Wanted(backend=next(iter(backends), None), patterns=patterns)
