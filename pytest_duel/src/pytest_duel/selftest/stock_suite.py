"""A suite for pytest-benchmark alone: the batches that the gate's engine times; see `stock`."""

import json
import os
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_duel.catalogue.model import make_pool
from pytest_duel.selftest.stock import TASK

task = json.loads(os.environ[TASK])
catalogue = pkgutil.resolve_name(task["catalogue"])()


@pytest.mark.parametrize("name", list(task["cases"]))
def test_case(benchmark: Callable[..., Any], name: str) -> None:
    """Time one batch, over and over."""
    (kernel, backend, scenario, n), calls = task["cases"][name]
    call = catalogue.backends[backend].load()[kernel]
    pool = make_pool(catalogue.kernels[kernel], catalogue.scenarios[scenario], n)
    _pass(call, pool)  # compiles
    benchmark(_pass, call, [pool[place % len(pool)] for place in range(calls)])


def _pass(call: Callable[..., Any], calls: Sequence[Any]) -> None:
    for arguments in calls:
        call(*arguments)
