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
        self._before: list[Argument] = []
        self.added = 0
        """Bytes of the arguments that were not known."""
        for one in arguments:
            before = seen.get(id(one))
            if before is None:
                before = seen[id(one)] = Argument(one)
                self.added += before.exact.size
            self._before.append(before)

    def exactly(self) -> list[Exact]:
        """Return what each argument was to the last bit."""
        return [one.exact for one in self._before]

    def differ_from(self, arguments: Arguments) -> bool:
        """Tell whether a call has changed its arguments: these, or others made as they were."""
        if len(arguments) != len(self._before):
            return True
        return not all(map(_is_still, self._before, arguments))

    def mend(self, arguments: Arguments) -> None:
        """Undo a call's changes of its arguments, which the next call is to see as they were."""
        for value, before in zip(arguments, self._before, strict=False):
            _restore(value, before.copy)


class Argument:
    """One argument as it was."""

    __slots__ = (
        "_bytes", "_dtype", "_is_array", "_is_fixed", "_shape", "_value", "copy", "exact",
    )  # fmt: skip

    def __init__(self, value: Any) -> None:
        self._value = value  # which keeps its `id` from being another's
        self.exact = Exact(value)
        self._is_array = type(value) is np.ndarray and not value.dtype.hasobject
        self._is_fixed = not self._is_array and (
            type(value) in _FIXED or isinstance(value, np.generic)
        )
        """No call can change it."""
        if self._is_array:
            self.copy, self._shape, self._dtype = value.copy(), value.shape, value.dtype
            self._bytes = self.exact.parts[1]
        else:
            self.copy = value if self._is_fixed else deepcopy(value)

    def is_still(self, value: Any) -> bool:
        """Tell whether a value, this one or another, is what this one was."""
        if value is self._value:
            if self._is_fixed:
                return True
            if self._is_array:  # the same as below, in a tenth of the time
                is_like = value.shape == self._shape and value.dtype == self._dtype
                return bool(is_like and value.tobytes() == self._bytes)
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


_is_still = Argument.is_still
_FIXED = frozenset({bool, int, float, complex, str, bytes, type(None)})
