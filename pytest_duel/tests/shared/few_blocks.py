"""Judging arms that lie far apart after few blocks: they are plain by then."""

from functools import partial

import pytest

from pytest_duel.gate import findings, measure
from pytest_duel.paired import cores, engine, sampling

LOOKS = (2, 6, 12, 24)
"""Toys with a clock of their own differ by the same in every block. For other benchmarks the later
looks count."""

FEW_BLOCKS = f"""
import runpy, sys
from functools import partial
from pytest_duel.gate import findings, measure
from pytest_duel.paired import sampling
findings.LOOKS = measure.LOOKS = {LOOKS}
sampling.Looks = partial(sampling.Looks, looks={LOOKS})
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""For ``python -c``: runs the module that is named first so, with the arguments behind it."""


def take_few(patch: pytest.MonkeyPatch, looks: tuple[int, ...] = LOOKS) -> None:
    """Do the same in this process."""
    for module in (findings, measure):
        patch.setattr(module, "LOOKS", looks)
    patch.setattr(sampling, "Looks", partial(sampling.Looks, looks=looks))


def one_by_one(patch: pytest.MonkeyPatch) -> None:
    """Run one block after the other: where one is enough, those beside it are for nothing."""
    patch.setattr(engine, "lanes", lambda: cores.usable_cpus()[:1])
