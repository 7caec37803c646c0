"""Build the Rust wheel once and hold all backends against the reference; see bench/plugin.py."""

from collections.abc import Iterator

import pytest

from bench import wheel
from bench.catalogue import catalogue
from bench.registry import Catalogue
from bench.session import SESSION, announcer

pytest_plugins = ["bench.plugin"]


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
        yield build_info
