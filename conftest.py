"""Build the Rust wheel once, and tell the harness what this project measures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import wheel
from bench.catalogue import catalogue
from pytest_duel.catalogue.model import Catalogue
from pytest_duel.plugin.arm import measured_code
from pytest_duel.plugin.session import SESSION, announcer

BESIDE = ("test_settlement.py", "test_tables.py")
"""Suites of `bench` that time what stands around the kernels."""

pytest_plugins = ["pytest_duel.plugin.sweep", "pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare this project's own options."""
    for name, where in ("slow", ""), ("browser", ", in Chromium"):
        # The short name too, unless a plugin has it.
        own = [one for one in (f"--bench-{name}", f"--{name}") if one not in _taken(parser)]
        parser.addoption(
            *own, action="store_true", dest=f"bench_{name}",
            help=f"run the tests marked {name} as well{where}",
        )  # fmt: skip
    parser.addoption(
        "--bench-wheel", metavar="FILE", type=Path,
        help="use this prebuilt rust_market wheel and build none; write it with =, or pytest "
        "takes the file for a test",
    )  # fmt: skip
    parser.addoption(
        "--bench-no-rust", action="store_true", help="leave out all that needs rust_market"
    )


def _taken(parser: pytest.Parser) -> set[str]:
    """Return the options that plugins have declared so far."""
    groups = [*parser._groups, parser._anonymous]
    return {name for group in groups for option in group.options for name in option.names()}


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what needs Rust, where that is asked for."""
    if config.getoption("--bench-no-rust"):
        if config.getoption("--bench-wheel"):
            raise pytest.UsageError("--bench-wheel and --bench-no-rust exclude each other")
        config.stash[SESSION].without["rust_wheel"] = "--bench-no-rust"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave suites that choose no backend to those who name them: the sweep's answer is brief."""
    is_named = config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    is_beside = collection_path.parent.name == "bench" and collection_path.name in BESIDE
    return True if is_beside and not is_named else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the slow tests, and those in a browser, unless they were asked for."""
    for name in "slow", "browser":
        if not config.getoption(f"bench_{name}"):
            for item in items:
                if item.get_closest_marker(name):
                    item.add_marker(pytest.mark.skip(reason=f"{name}: run with --bench-{name}"))


def pytest_duel_catalogue() -> Catalogue:
    """Return what this project measures."""
    return catalogue()


@pytest.fixture(scope="session")
def rust_wheel(request: pytest.FixtureRequest) -> Iterator[dict[str, str] | None]:
    """Make a release wheel of rust_market importable for this session.

    Yields its `build_info()`, or None where Rust was left out.
    """
    session = request.config.stash[SESSION]
    code = measured_code(request.config)
    if code and code.modules:  # one side of a gate, which has it installed
        yield wheel.installed() if wheel.MODULE in code.modules else None
        return
    if "rust_wheel" in session.without:
        yield None
        return
    given: Path | None = request.config.getoption("--bench-wheel")
    if given is None and not wheel.is_cached():
        announcer(request.config)("building the rust_market wheel, once; a minute or two ...")
    path = given or wheel.build()
    with wheel.importable(path) as build_info:
        session.build_info = build_info
        if build_info["source_hash"] != wheel.source_hash():
            if given is None:
                raise wheel.WheelError(
                    f"{path} holds other sources than it was built from: remove {path.parent}, "
                    "and try again"
                )
            session.details["rust_market"] = f"{path} was built from other sources than these"
        yield build_info
