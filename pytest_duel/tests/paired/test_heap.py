"""What other tests left behind is not looked through while a benchmark is timed."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from pytest_duel.paired.pytest_worker.heap import THAWED_AFTER, Heap


class Node:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self
        self.more: list[list[object]] = []


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_live_objects_are_not_looked_through() -> None:
    heap = Heap()
    for _ in range(2):
        kept: list[list[object]] = [[] for _ in range(1000)]
        assert len(gc.get_objects()) > 1000
        heap.freeze()
        assert len(gc.get_objects()) < 100
        assert kept


def test_garbage_that_was_frozen_goes_after_some_benchmarks() -> None:
    heap = Heap()
    heap.freeze()
    node = Node()
    heap.freeze()
    seen = weakref.ref(node)
    del node
    for _ in range(THAWED_AFTER):
        heap.freeze()
    assert seen() is None


def test_much_garbage_goes_soon() -> None:
    heap = Heap()
    heap.freeze()
    node = Node()
    node.more = [[] for _ in range(gc.get_freeze_count())]
    heap.freeze()
    seen = weakref.ref(node)
    del node
    more: list[list[object]] = [[] for _ in range(gc.get_freeze_count())]
    heap.freeze()
    assert seen() is None
    assert more
