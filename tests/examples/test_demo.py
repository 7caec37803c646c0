"""The demonstration: its text is kept in golden files, its timings are only looked at for form."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from easy_marl.examples.bidding import demo
from easy_marl.market import Backend, BackendStatus, get_backend

HERE = Path(__file__).parent
NUMPY, NUMBA = BackendStatus("numpy", version="2.4.0"), BackendStatus("numba", version="0.63.0")
RUST = BackendStatus("rust", version="0.1.0")
NO_RUST = BackendStatus(
    "rust", reason="rust_market is not installed; to get it, pip install its wheel"
)
NO_NUMBA = BackendStatus("numba", reason="numba does not import: ImportError: Numba needs NumPy")

REFERENCE = get_backend("numpy")


def named(name: str) -> Backend:
    return replace(REFERENCE, name=name)


@pytest.mark.parametrize(
    ("golden", "statuses"),
    [
        ("demo_all.txt", [RUST, NUMBA, NUMPY]),
        ("demo_without_rust.txt", [NO_RUST, NUMBA, NUMPY]),
        ("demo_numpy_only.txt", [NO_RUST, NO_NUMBA, NUMPY]),
    ],
)
def test_text(golden: str, statuses: list[BackendStatus]) -> None:
    found = [named(status.name) for status in statuses if status.available]
    lines = list(demo.text(statuses, found))
    assert lines == (HERE / golden).read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 80


def off_by(change: Any) -> Backend:
    def clear(*market: Any) -> tuple[float, Any]:
        return change(*REFERENCE.clear(*market))  # type: ignore[no-any-return]

    return replace(named("numba"), clear=clear)


@pytest.mark.parametrize(
    "change",
    [
        lambda price, cleared: (math.nextafter(price, 0), cleared),
        lambda price, cleared: (price, np.nextafter(cleared, 99)),
        lambda price, cleared: (price, np.where(cleared == 0.0, -0.0, cleared)),
        lambda price, cleared: (price, cleared.astype(np.float32)),
    ],
    ids=["price", "cleared", "sign of zero", "dtype"],
)
def test_backends_that_disagree_are_an_error(change: Any) -> None:
    with pytest.raises(SystemExit, match="disagree"):
        list(demo.text([NUMBA, NUMPY], [off_by(change), REFERENCE]))


def test_timings_have_a_row_for_each_size_and_a_column_for_each_backend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo, "POOL", 2)
    found = [named("rust"), named("numba"), named("numpy")]
    lines = list(demo.timings(found))
    assert max(map(len, lines)) <= 80
    assert any("make bench" in line for line in lines)
    header, *rows = [line.split() for line in lines[-1 - len(demo.SIZES) :]]
    assert header == ["units", "rust", "numba", "numpy"]
    assert [row[0] for row in rows] == [str(n) for n in demo.SIZES]
    assert all(float(cell) > 0.0 for row in rows for cell in row[1:])


def test_main_prints_what_is_installed_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "POOL", 2)
    demo.main()
    printed = capsys.readouterr().out
    assert f"  numpy  {np.__version__}\n" in printed
    assert "price 40, 70 MW." in printed
    assert "\033" not in printed
