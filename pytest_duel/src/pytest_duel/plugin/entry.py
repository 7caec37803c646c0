"""The plugin that pytest loads if the distribution is installed. It does nothing unless asked."""

import argparse

import pytest

from pytest_duel.paired.pytest_worker import WORKER
from pytest_duel.plugin.import_time import benchmark_import as benchmark_import  # a fixture
from pytest_duel.support.memory import TRACERS
from pytest_duel.verdicts.noted import NotedError, keys_of

MOST_BLOCKS = 1000
BLOCKS_PLUGIN = "pytest-duel-blocks"
"""The name of what measures where blocks are asked for."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that has the benchmarks gated."""
    group = parser.getgroup("duel", "benchmarks measured in pairs")
    group.addoption(
        "--duel",
        metavar="REV",
        help="measure the benchmarks that -k, -m and paths choose against this revision, as "
        "`pytest-duel gate --base REV` does; the exit code is that command's",
    )
    group.addoption(
        "--duel-blocks",
        metavar="N",
        type=_blocks,
        help="time each benchmark in N fresh processes, those of one group in turns; the interval "
        "is over processes, and saved runs hold the rounds of all of them; 0 is this process",
    )

    group.addoption(
        "--duel-memory",
        dest="duel_memory",
        action="store_const",
        const="tracemalloc",
        help="call each benchmark once more after it was timed, and tell the peak of its memory, "
        "by tracemalloc; saved runs have it in `extra_info`",
    )
    group.addoption(
        "--duel-memory-by",
        dest="duel_memory",
        metavar="TRACER",
        choices=TRACERS,
        help=f"the same by another tracer: {' or '.join(TRACERS)}; the latter sees what native "
        "code allocates, and needs the extra `memory`",
    )
    group.addoption(
        "--duel-columns",
        metavar="KEYS",
        type=_keys,
        default=(),
        help="show entries of each benchmark's `extra_info` as columns of a table, for instance "
        "accuracy,queries",
    )
    group.addoption(
        "--duel-baseline",
        metavar="PATTERN",
        help="show how long each benchmark of a group takes, relative to the one that this "
        "matches; * stands for anything",
    )


def _keys(text: str) -> tuple[str, ...]:
    try:
        return keys_of(text)
    except NotedError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _blocks(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_BLOCKS):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of blocks: a whole number from 0 to {MOST_BLOCKS}"
        )
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, which projects with strict markers need, and prepare what was asked."""
    config.addinivalue_line(
        "markers",
        "duel(threshold=SHARE, skip=REASON, check=True, cpus=NUMBER): how a benchmark is measured "
        "in pairs: the smallest slowdown that counts, why it is left out, whether its answers are "
        "checked on both sides before it is timed, how many CPUs it needs",
    )
    measure_in_blocks(config)
    tracer = config.getoption("duel_memory", default=None)
    if tracer and not config.pluginmanager.hasplugin(WORKER):
        from pytest_duel.plugin import memory  # other runs do without

        memory.check(tracer)
        config.pluginmanager.register(memory.PeakMemory(tracer), "pytest-duel-memory")
    keys, baseline = config.getoption("duel_columns"), config.getoption("duel_baseline")
    if (keys or baseline is not None) and not config.pluginmanager.hasplugin(WORKER):
        from pytest_duel.plugin.columns import Columns  # NumPy and SciPy, as below

        config.pluginmanager.register(Columns(keys, baseline), "pytest-duel-columns")


def measure_in_blocks(config: pytest.Config, number: int = 0) -> None:
    """Have benchmarks timed in the blocks that were asked for.

    Parameters
    ----------
    config
        Of this pytest.
    number
        Of blocks where nobody asked; none is this process, as pytest-benchmark has it.
    """
    asked = config.getoption("duel_blocks", default=None)
    blocks = number if asked is None else asked
    known = config.pluginmanager
    if blocks and not known.hasplugin(WORKER) and not known.hasplugin(BLOCKS_PLUGIN):
        from pytest_duel.plugin.blocks import Blocks  # NumPy and SciPy, as below

        known.register(Blocks(blocks), BLOCKS_PLUGIN)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have a worker tell the groups of its benchmarks, which may have a threshold of their own."""
    if not session.config.pluginmanager.hasplugin(WORKER):
        return
    for item in session.items:
        marker = item.get_closest_marker("benchmark")
        if marker and isinstance(marker.kwargs.get("group"), str):
            item.add_marker(pytest.mark.duel(group=marker.kwargs["group"]))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Measure in pairs, in place of running the tests."""
    base = config.getoption("duel")
    if base is None:
        return None
    from pytest_duel.plugin.duel import gated  # NumPy and SciPy, which other runs do without

    return gated(config, base)
