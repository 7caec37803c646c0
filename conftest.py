"""Build the Rust wheel once and hold all backends against the reference; see bench/plugin.py."""

from collections.abc import Iterator

import pytest

from bench import wheel
from bench.catalogue import catalogue
from bench.registry import Catalogue
from bench.session import SESSION, announcer

pytest_plugins = ["bench.plugin", "pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options that run what is left out otherwise."""
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")
    parser.addoption(
        "--browser", action="store_true", help="run the tests marked browser as well, in Chromium"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the slow tests, and those in a browser, unless they were asked for."""
    for name in "slow", "browser":
        if not config.getoption(f"--{name}"):
            for item in items:
                if item.get_closest_marker(name):
                    item.add_marker(pytest.mark.skip(reason=f"{name}: run with --{name}"))


def pytest_bench_catalogue() -> Catalogue:
    """Return what this project measures."""
    return catalogue()


@pytest.fixture(scope="session")
def rust_wheel(request: pytest.FixtureRequest) -> Iterator[dict[str, str] | None]:
    """Make a release wheel of rust_market importable for this session.

    Yields its `build_info()`, or None where Rust was left out.
    """
    session = request.config.stash[SESSION]
    if session.options.no_rust:
        yield None
        return
    path = session.options.wheel
    if path is None:
        if not wheel.is_cached():
            announcer(request.config)("building the rust_market wheel, once; a minute or two ...")
        path = wheel.build()
    with wheel.importable(path) as build_info:
        session.build_info = build_info
        if build_info["source_hash"] != wheel.source_hash():
            session.details["rust_market"] = f"{path} was built from other sources than these"
        yield build_info
