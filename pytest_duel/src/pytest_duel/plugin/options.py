"""The harness's pytest options, read and checked once."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from pytest_duel.catalogue.model import DEFAULT, TIERS, Catalogue, Tier
from pytest_duel.paired.pytest_worker.arguments import expanded

OF_TABLES = (
    "--benchmark-columns", "--benchmark-sort", "--benchmark-group-by", "--benchmark-verbose",
    "--benchmark-name", "--benchmark-compare", "--benchmark-cprofile",
)  # fmt: skip
"""Options of pytest-benchmark that are about its tables; who gives one wants to see them."""
STOCK_MAX_TIME = 1.0
"""pytest-benchmark's own default for --benchmark-max-time."""


@dataclass(frozen=True)
class Options:
    """The user's options."""

    tier: Tier
    backends: tuple[str, ...]
    scenarios: tuple[str, ...]
    sizes: tuple[int, ...]
    seconds: float
    """The time for the rounds of a case."""


def add_options(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("bench", "sweep")
    group.addoption(
        "--bench-tier", default=DEFAULT.name, choices=list(TIERS),
        help="how much to measure: smoke (seconds), default (minutes) or full (longer)",
    )  # fmt: skip
    for name, what in (("backends", "one,another"), ("scenarios", "small"), ("sizes", "5,200")):
        group.addoption(
            f"--bench-{name}", metavar="LIST", default="",
            help=f"measure only these {name}, for instance {what}",
        )  # fmt: skip


def read_options(config: pytest.Config, catalogue: Catalogue) -> Options:
    """Return the checked options.

    Raises
    ------
    pytest.UsageError
        Where an option names something that is not there.
    """
    tier = TIERS[config.getoption("--bench-tier")]
    max_time = float(config.getoption("benchmark_max_time"))
    return Options(
        tier=tier,
        backends=_names(config, "backends", list(catalogue.backends)),
        scenarios=_names(config, "scenarios", list(catalogue.scenarios)),
        sizes=_sizes(config),
        seconds=tier.seconds if max_time == STOCK_MAX_TIME else max_time,
    )


def _list(config: pytest.Config, name: str) -> list[str]:
    text: str = config.getoption(f"--bench-{name}")
    return [part.strip() for part in text.split(",") if part.strip()]


def _names(config: pytest.Config, kind: str, known: Sequence[str]) -> tuple[str, ...]:
    names = _list(config, kind)
    for name in names:
        if name not in known:
            raise pytest.UsageError(
                f"--bench-{kind}: unknown {name!r}; choose from {', '.join(known)}"
            )
    return tuple(names)


def _sizes(config: pytest.Config) -> tuple[int, ...]:
    sizes = []
    for text in _list(config, "sizes"):
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise pytest.UsageError(f"--bench-sizes: {text!r} is no positive whole number")
        sizes.append(int(text))
    return tuple(dict.fromkeys(sizes))


def given(config: pytest.Config) -> tuple[str, ...]:
    """Return pytest's arguments: of its variable, then of the command line."""
    variable = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    return tuple(expanded([*variable, *map(str, config.invocation_params.args)]))


def wants_all_rows(config: pytest.Config) -> bool:
    """Tell whether somebody has asked for more than the answer: with -v, or for a table."""
    told = (*map(str, config.getini("addopts")), *given(config))
    is_asked = any(one.startswith(OF_TABLES) for one in told)
    return is_asked or bool(config.getoption("verbose") > 0)


def calls_tests(config: pytest.Config) -> bool:
    """Tell whether tests are called, and not only listed or set up."""
    asked = config.option
    return not (asked.collectonly or asked.setuponly or asked.setupplan)
