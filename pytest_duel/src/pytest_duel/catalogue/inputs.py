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
        seen = {} if known is None else known
        self._arguments = arguments if type(arguments) is tuple else None
        self._before: list[Argument] = []
        self.added = 0
        """Bytes of the arguments that were not known."""
        for one in arguments:
            before = seen.get(id(one))
            if before is None:
                before = seen[id(one)] = Argument(one)
                self.added += before.exact.size
            self._before.append(before)
        self._changeable = [one for one in self._before if not one.is_fixed]

    def exactly(self) -> list[Exact]:
        """Return what each argument was to the last bit."""
        return [one.exact for one in self._before]

    def differ_from(self, arguments: Arguments) -> bool:
        """Tell whether a call has changed its arguments: these, or others made as they were."""
        if arguments is self._arguments:  # the same tuple, in which some may have been changed
            return any(before.is_changed for before in self._changeable)
        if len(arguments) != len(self._before):
            return True
        pairs = zip(arguments, self._before, strict=True)
        return any(not before.is_like(value) for value, before in pairs)

    def mend(self, arguments: Arguments) -> None:
        """Undo a call's changes of its arguments, which the next call is to see as they were."""
        for value, before in zip(arguments, self._before, strict=False):
            _restore(value, before.copy)


class Argument:
    """One argument as it was."""

    __slots__ = ("_bytes", "_copy", "_dtype", "_is_array", "_shape", "_value", "exact", "is_fixed")

    def __init__(self, value: Any) -> None:
        self._value = value  # which keeps its `id` from being another's
        self.exact = Exact(value)
        self._is_array = type(value) is np.ndarray and not value.dtype.hasobject
        self.is_fixed = not self._is_array and (
            type(value) in _FIXED or isinstance(value, np.generic)
        )
        """No call can change it."""
        if self._is_array:
            self._shape, self._dtype, self._bytes = value.shape, value.dtype, self.exact.parts[1]
        else:
            self._copy = value if self.is_fixed else deepcopy(value)

    @property
    def copy(self) -> Any:
        """Return it as it was."""
        if self._is_array:
            return np.ndarray(self._shape, self._dtype, self._bytes)
        return self._copy

    @property
    def is_changed(self) -> bool:
        """Tell whether it is not what it was."""
        value = self._value
        if self._is_array:  # the same as below, in a tenth of the time
            is_like = value.shape == self._shape and value.dtype == self._dtype
            return not (is_like and value.tobytes() == self._bytes)
        return not self.is_like(value)

    def is_like(self, value: Any) -> bool:
        """Tell whether a value, this one or another, is what this one was."""
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
