"""The control of a sweep's kernel: the backend whose own change is the middle one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pytest_duel.catalogue.model import Catalogue, Role
from pytest_duel.compare.matrix import Drifts, SideMatrix
from pytest_duel.statistics import unpaired


@dataclass(frozen=True)
class Control:
    """The control of a kernel."""

    kernel: str
    backend: str | None
    """None: there is none to trust, so the raw change counts."""
    drifts: Mapping[str, float]
    """How much slower each competing backend became, as a fraction."""
    chosen: bool = False
    """The user named it."""

    @property
    def moved(self) -> float:
        """Return how much slower the control itself became, as a fraction."""
        return self.drifts.get(self.backend, 0.0) if self.backend else 0.0

    @property
    def disputed(self) -> bool:
        """Tell whether the control moved far, and not all others with it.

        Either the machine's speed and a backend changed, or most of the backends did: nothing in
        the runs tells which, so nothing relative to it can pass.
        """
        spread = max(self.drifts.values(), default=0.0) - min(self.drifts.values(), default=0.0)
        return not self.chosen and abs(self.moved) > unpaired.MARGIN and spread > unpaired.MARGIN


def control_of(
    matrix: SideMatrix, kernel: str, catalogue: Catalogue, wanted: str | None
) -> Control:
    """Choose the backend whose change over the kernel's cases is the middle one."""
    whole = matrix.of_kernel(kernel)
    known = catalogue.backends
    competing = [
        name
        for name in dict.fromkeys(case.backend for case in whole)
        if name == wanted or (name in known and known[name].role is Role.BACKEND)
    ]
    # Backends are compared on the cases that all of them have.
    sizes = [{(c.scenario, c.n) for c in whole if c.backend == name} for name in competing]
    shared = set.intersection(*sizes) if sizes else set()
    drifts = {
        name: float(
            matrix.change(
                c for c in whole if c.backend == name and (c.scenario, c.n) in shared
            ).mean()
        )
        for name in competing
        if shared
    }
    said = {name: float(np.expm1(value)) for name, value in drifts.items()}
    if wanted is not None:
        there = any(case.backend == wanted for case in whole)
        return Control(kernel, wanted if there else None, said, chosen=True)
    return Control(kernel, unpaired.middle(drifts), said)


def drifts_of(matrix: SideMatrix, control: Control) -> Drifts | None:
    """Return each run's deviation over the control's cases, or None without a control."""
    if control.backend is None:
        return None
    return unpaired.drift(matrix.logs(matrix.of_kernel(control.kernel, control.backend)))


def scales_of(matrix: SideMatrix) -> dict[str, float | None]:
    """Return how far two processes lie apart, by kernel: at least as far as over all kernels.

    None where too few cases tell.
    """
    kernels = list(dict.fromkeys(case.kernel for case in matrix.cases))
    shared = _scale(matrix, kernels)
    own = {kernel: _scale(matrix, [kernel]) for kernel in kernels}
    return {
        kernel: max((one for one in (shared, scale) if one is not None), default=None)
        for kernel, scale in own.items()
    }


def _scale(matrix: SideMatrix, kernels: list[str]) -> float | None:
    cases = [case for kernel in kernels for case in matrix.of_kernel(kernel)]
    if not cases:
        return None
    groups = [(case.kernel, case.backend) for case in cases]
    return unpaired.process_scale(matrix.change(cases), groups)
