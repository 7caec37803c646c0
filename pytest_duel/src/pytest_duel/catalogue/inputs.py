"""The arguments of a call as they were before it: whether it has changed them; mending them."""

from copy import deepcopy
from typing import Any

import numpy as np

from pytest_duel.catalogue.exact import Exact, fields, is_record
from pytest_duel.catalogue.model import Arguments


class Inputs:
    """What a call is given.

    Parameters
    ----------
    arguments
        Of the call, before it is made.
    known
        Arguments of other calls, by `id`, which this one may share; its own are added.
    """

    def __init__(self, arguments: Arguments, known: "dict[int, Argument] | None" = None) -> None:
        known = {} if known is None else known
        self._before = [
            known.get(id(one)) or known.setdefault(id(one), Argument(one)) for one in arguments
        ]

    def exactly(self) -> list[Exact]:
        """Return what each argument was to the last bit."""
        return [one.exact for one in self._before]

    def differ_from(self, arguments: Arguments) -> bool:
        """Tell whether a call has changed its arguments: these, or others made as they were."""
        if len(arguments) != len(self._before):
            return True
        for value, before in zip(arguments, self._before, strict=True):
            if not before.is_still(value):
                return True
        return False

    def mend(self, arguments: Arguments) -> None:
        """Undo a call's changes of its arguments, which the next call is to see as they were."""
        for value, before in zip(arguments, self._before, strict=False):
            _restore(value, before.copy)


class Argument:
    """One argument as it was."""

    __slots__ = ("_is_array", "_is_fixed", "_value", "copy", "exact")

    def __init__(self, value: Any) -> None:
        self._value = value  # which keeps its `id` from being another's
        self.exact = Exact(value)
        self._is_fixed = type(value) in _FIXED or isinstance(value, np.generic)
        """No call can change it."""
        self._is_array = type(value) is np.ndarray and not value.dtype.hasobject
        self.copy = (
            value if self._is_fixed else value.copy() if self._is_array else deepcopy(value)
        )

    def is_still(self, value: Any) -> bool:
        """Tell whether a value, this one or another, is what this one was."""
        if value is self._value:
            if self._is_fixed:
                return True
            if self._is_array:  # the same as below, in a tenth of the time
                copy = self.copy
                is_like = value.shape == copy.shape and value.dtype == copy.dtype
                return bool(is_like and value.tobytes() == self.exact.parts[1])
        return Exact(value).parts == self.exact.parts


def _restore(changed: Any, before: Any) -> None:
    """Undo changes of a value in place, as far as it can be written to."""
    if changed is before:  # a constant, of which there is one, as `numpy.ma.masked`
        return
    if isinstance(changed, np.ndarray):
        if changed.flags.writeable:
            changed[...] = before
    elif isinstance(changed, list):
        changed[:] = before
    elif is_record(changed):
        for name in fields(type(changed)):
            _restore(getattr(changed, name), getattr(before, name))
    elif isinstance(changed, tuple):
        for part, old in zip(changed, before, strict=True):
            _restore(part, old)


_FIXED = frozenset({bool, int, float, complex, str, bytes, type(None)})
