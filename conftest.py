"""Build the Rust wheel once and hold all backends against the reference; see bench/plugin.py."""

from collections.abc import Iterator

import pytest

from bench import wheel
from bench.catalogue import catalogue
from bench.registry import Catalogue
from bench.session import SESSION, announcer

pytest_plugins = ["bench.plugin", "pytester"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that runs the slow tests."""
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the slow tests unless they were asked for."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


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
