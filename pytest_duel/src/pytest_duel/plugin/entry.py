"""The plugin that pytest loads if the distribution is installed. It does nothing unless asked."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that has the benchmarks gated."""
    group = parser.getgroup("duel", "benchmarks measured in pairs")
    group.addoption(
        "--duel",
        metavar="REV",
        help="measure the benchmarks that are chosen against this revision, as "
        "`pytest-duel gate --base REV` does; the exit code is that command's",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, which projects with strict markers need."""
    config.addinivalue_line(
        "markers",
        "duel(threshold=SHARE, skip=REASON, check=True): how a benchmark is measured in pairs: "
        "from where on a slowdown counts, why it is left out, whether its answers are checked "
        "on both sides before it is timed",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Measure in pairs, in place of running the tests."""
    base = config.getoption("duel")
    if base is None:
        return None
    from pytest_duel.plugin.duel import gated  # NumPy and SciPy, which other runs do without

    return gated(config, base)
