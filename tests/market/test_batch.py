"""Batches: shapes, `out`, and nothing written on bad input."""

import re
from typing import Any

import numpy as np
import pytest

from easy_marl.market import Backend

BIDS = np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]])
QUANTITIES = np.array([[10.0, 20.0, 30.0], [10.0, 20.0, 30.0]])
DEMAND = np.array([25.0, 45.0])


def test_own_bids_and_quantities(backend: Backend) -> None:
    prices, cleared = backend.clear_batch(BIDS, QUANTITIES, DEMAND)
    assert prices.tolist() == [2.0, 3.0]
    assert cleared.tolist() == [[0.0, 20.0, 5.0], [10.0, 20.0, 15.0]]
    assert prices.dtype == cleared.dtype == np.float64
    assert prices.flags.c_contiguous
    assert cleared.flags.c_contiguous


def test_shared_bids_and_quantities(backend: Backend) -> None:
    prices, cleared = backend.clear_batch(BIDS[0], QUANTITIES[0], DEMAND)
    assert prices.tolist() == [2.0, 2.0]
    assert cleared.tolist() == [[0.0, 20.0, 5.0], [0.0, 20.0, 25.0]]


def test_options_apply_to_all_rows(backend: Backend) -> None:
    prices, cleared = backend.clear_batch(
        [1, 1], [4, 12], [4, 99, 0], ties="pro_rata", scarcity_price=3000, threads=2
    )
    assert prices.tolist() == [1.0, 3000.0, 1.0]
    assert cleared.tolist() == [[1.0, 3.0], [4.0, 12.0], [0.0, 0.0]]


@pytest.mark.parametrize("threads", [None, 1, 2, 64, 10**30])
def test_threads_change_nothing(backend: Backend, threads: int | None) -> None:
    rng = np.random.default_rng(2)
    bids, quantities = rng.integers(0, 9, (200, 70)), rng.uniform(0, 9, (200, 70))
    demand = quantities.sum(axis=1) * rng.uniform(0, 1.2, 200)
    prices, cleared = backend.clear_batch(bids, quantities, demand, threads=threads)
    expected = backend.clear_batch(bids, quantities, demand)
    assert prices.tobytes() == expected[0].tobytes()
    assert cleared.tobytes() == expected[1].tobytes()


@pytest.mark.parametrize("bids", [np.ones(3), np.ones((0, 3))])
@pytest.mark.parametrize("quantities", [np.ones(3, np.float32), np.ones((0, 3), np.float32)])
def test_no_markets(backend: Backend, bids: Any, quantities: Any) -> None:
    out = np.empty(0), np.empty((0, 3), np.float32)
    for result in (
        backend.clear_batch(bids, quantities, np.ones(0)),
        backend.clear_batch(bids, quantities, [], out=out),
    ):
        assert (result[0].shape, result[0].dtype) == ((0,), np.float64)
        assert (result[1].shape, result[1].dtype) == ((0, 3), np.float32)


def test_no_markets_are_checked_all_the_same(backend: Backend) -> None:
    with pytest.raises(ValueError, match=r"^bids\[1\] is nan"):
        backend.clear_batch([1.0, np.nan], [1.0, 1.0], [])
    with pytest.raises(ValueError, match=r"^scarcity_price is inf"):
        backend.clear_batch([1.0], [1.0], [], scarcity_price=np.inf)
    with pytest.raises(ValueError, match=r"^bids has shape"):
        backend.clear_batch(np.ones((0, 0)), np.ones((0, 0)), [])


@pytest.mark.parametrize("dtype", ["f4", ">f4", "f8", ">f8", "i2", "u8"])
def test_kinds_and_strides(backend: Backend, dtype: str) -> None:
    expected = backend.clear_batch(BIDS, QUANTITIES, DEMAND)
    for layout in (
        lambda array: array.astype(dtype),
        lambda array: np.asfortranarray(array.astype(dtype)),
        lambda array: np.repeat(array.astype(dtype), 2, axis=-1)[..., ::2],
        lambda array: array.astype(dtype)[..., ::-1].copy()[..., ::-1],
        lambda array: array.astype(dtype).tolist(),
    ):
        prices, cleared = backend.clear_batch(layout(BIDS), layout(QUANTITIES), layout(DEMAND))
        assert prices.tolist() == expected[0].tolist()
        assert cleared.tolist() == expected[1].tolist()


def test_rows_that_are_one_row_in_memory(backend: Backend) -> None:
    bids = np.broadcast_to(BIDS[0], (2, 3))
    prices, _ = backend.clear_batch(bids, np.broadcast_to(5.0, (2, 3)), DEMAND)
    assert prices.tolist() == [3.0, 3.0]


# out=


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_out_receives_the_results_and_is_returned(backend: Backend, dtype: type) -> None:
    prices: Any = np.full(2, np.nan)
    cleared: Any = np.full((2, 3), np.nan, dtype)
    quantities: Any = QUANTITIES.astype(dtype)
    result = backend.clear_batch(BIDS, quantities, DEMAND, out=(prices, cleared))
    assert result[0] is prices
    assert result[1] is cleared
    assert prices.tolist() == [2.0, 3.0]
    assert cleared.tolist() == [[0.0, 20.0, 5.0], [10.0, 20.0, 15.0]]


def test_out_in_one_block_and_of_a_subclass(backend: Backend, tmp_path: Any) -> None:
    block = np.memmap(tmp_path / "out", np.float64, "w+", shape=(8,))
    prices, cleared = block[:2], block[2:].reshape(2, 3)
    result = backend.clear_batch(BIDS, QUANTITIES, DEMAND, out=(prices, cleared))
    assert result[1] is cleared
    assert block.tolist() == [2.0, 3.0, 0.0, 20.0, 5.0, 10.0, 20.0, 15.0]


def test_memory_nearby_is_no_overlap(backend: Backend) -> None:
    block = np.zeros((2, 6))
    block[:, ::2], block[:, 1::2] = BIDS, QUANTITIES  # interleaved
    table = np.zeros(9)
    table[::3] = 1.0, 2.0, 3.0
    prices = table[1:3]  # between the bids
    backend.clear_batch(table[::3], block[:, 1::2], DEMAND, out=(prices, np.empty((2, 3))))
    assert prices.tolist() == [2.0, 3.0]
    assert table[::3].tolist() == [1.0, 2.0, 3.0]


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def unaligned(shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape))
    return np.zeros(8 * size + 1, np.uint8)[1:].view(np.float64).reshape(shape)


KIND = "out must be a tuple (prices, cleared) of two NumPy arrays"
P, C = np.zeros(2), np.zeros((2, 3))
BAD_OUT = [
    ([P, C], f"out has type list: {KIND}"),
    (P, f"out has type ndarray: {KIND}"),
    ((), f"out has type tuple: {KIND}"),
    ((P,), f"out has type tuple: {KIND}"),
    ((P, C, C), f"out has type tuple: {KIND}"),
    (([0.0, 0.0], C), f"out has type tuple: {KIND}"),
    ((P, None), f"out has type tuple: {KIND}"),
    ((P.astype("f4"), C), "out[0] has dtype float32: prices must be float64"),
    ((P.astype(">f8"), C), "out[0] has dtype >f8: prices must be float64"),
    ((P, C.astype("f4")), "out[1] has dtype float32: cleared must be float64"),
    ((P, C.astype(int)), "out[1] has dtype int64: cleared must be float64"),
    ((np.empty(3), C), "out[0] has shape (3,): prices must have shape (2,)"),
    ((np.empty((2, 1)), C), "out[0] has shape (2, 1): prices must have shape (2,)"),
    ((P, np.empty((3, 5))), "out[1] has shape (3, 5): cleared must have shape (2, 3)"),
    ((P, np.empty(6)), "out[1] has shape (6,): cleared must have shape (2, 3)"),
    ((np.empty(4)[::2], C), "out[0] is not C-contiguous: prices must be C-contiguous"),
    ((P, np.empty((3, 2)).T), "out[1] is not C-contiguous: cleared must be C-contiguous"),
    ((unaligned((2,)), C), "out[0] is not aligned: prices must be aligned"),
    ((P, unaligned((2, 3))), "out[1] is not aligned: cleared must be aligned"),
    ((read_only(np.empty(2)), C), "out[0] is read-only: prices must be writeable"),
    ((P, read_only(np.empty((2, 3)))), "out[1] is read-only: cleared must be writeable"),
    # The first fault wins: out[0] before out[1], each in the order above.
    ((read_only(np.empty(3)), C.astype("f4")), "out[0] has shape (3,): prices must have shape"
     " (2,)"),
    ((read_only(np.empty(4)[::2]), C), "out[0] is not C-contiguous: prices must be C-contiguous"),
]  # fmt: skip


@pytest.mark.parametrize(("out", "message"), BAD_OUT)
def test_bad_out(backend: Backend, out: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        backend.clear_batch(BIDS, QUANTITIES, DEMAND, out=out)


def test_out_of_the_wrong_precision_for_float32(backend: Backend) -> None:
    message = r"^out\[1\] has dtype float64: cleared must be float32$"
    with pytest.raises(ValueError, match=message):
        backend.clear_batch(BIDS, np.float32(QUANTITIES), DEMAND, out=(P, C))


def test_overlaps(backend: Backend) -> None:
    block = np.zeros(30)
    prices, cleared = block[:2], block[2:8].reshape(2, 3)
    bids, quantities, demand = (
        block[8:14].reshape(2, 3),
        block[14:20].reshape(2, 3),
        block[20:22],
    )
    bids[:], quantities[:], demand[:] = BIDS, QUANTITIES, DEMAND
    before = block.copy()
    both, inputs = "outputs must not overlap", "outputs must not overlap inputs"
    for out, message in [
        ((block[7:9], cleared), f"out[0] overlaps out[1]: {both}"),
        ((block[8:10], cleared), f"out[0] overlaps bids: {inputs}"),
        ((block[14:16], bids), f"out[0] overlaps quantities: {inputs}"),
        ((demand, bids), f"out[0] overlaps demand: {inputs}"),
        ((prices, block[9:15].reshape(2, 3)), f"out[1] overlaps bids: {inputs}"),
        ((prices, quantities), f"out[1] overlaps quantities: {inputs}"),
        ((prices, block[21:27].reshape(2, 3)), f"out[1] overlaps demand: {inputs}"),
    ]:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            backend.clear_batch(bids, quantities, demand, out=out)
    assert block.tobytes() == before.tobytes()


def test_inputs_of_other_dtypes_overlap_too(backend: Backend) -> None:
    block = np.zeros(6)
    with pytest.raises(ValueError, match=r"^out\[1\] overlaps bids"):
        backend.clear_batch(
            block.view(np.int64).reshape(2, 3), QUANTITIES, DEMAND, out=(P, block.reshape(2, 3))
        )


@pytest.mark.parametrize(
    "bad",
    [
        {"bids": [[1, 2, 3], [4, 5, np.nan]]},
        {"quantities": [[1, 2, 3], [4, 5, -6.0]]},
        {"demand": [1.0, -1.0]},
        {"scarcity_price": np.inf},
        {"ties": "x"},
        {"threads": 0},
    ],
)
def test_nothing_is_written_on_bad_input(backend: Backend, bad: dict[str, Any]) -> None:
    out = np.full(2, 7.0), np.full((2, 3), 7.0)
    good: dict[str, Any] = {"bids": BIDS, "quantities": QUANTITIES, "demand": DEMAND}
    with pytest.raises(ValueError, match=next(iter(bad))):
        backend.clear_batch(**{**good, **bad}, out=out)
    assert (out[0] == 7.0).all()
    assert (out[1] == 7.0).all()


def test_nothing_is_written_where_one_output_is_bad(backend: Backend) -> None:
    prices = np.full(2, 7.0)
    with pytest.raises(ValueError, match="cleared"):
        backend.clear_batch(BIDS, QUANTITIES, DEMAND, out=(prices, np.empty((3, 2))))
    assert (prices == 7.0).all()


@pytest.mark.parametrize(
    ("module", "step"), [("reference", "check_values"), ("numba_backend", "_all_good")]
)
def test_no_array_is_resized_meanwhile(
    module: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = pytest.importorskip(f"easy_marl.market.{module}")
    bids, quantities, demand = np.ones((3, 2)), np.ones((3, 2)), np.ones(3)
    refused = []

    def attack(*arguments: Any) -> Any:
        for array in bids, quantities, demand:
            with pytest.raises(ValueError, match="resize"):
                array.resize(7, refcheck=False)
            refused.append(array)
        return true(*arguments)

    true = getattr(own, step)
    monkeypatch.setattr(own, step, attack)
    own.clear_batch(bids, quantities.ravel()[:].reshape(3, 2), demand)
    assert len(refused) == 3
    bids.resize(7, refcheck=False)  # afterwards it may be
