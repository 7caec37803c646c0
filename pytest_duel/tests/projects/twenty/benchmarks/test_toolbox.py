import pytest
import toolbox

SIZES = pytest.mark.parametrize("size", [10, 100])
TEXT = "the quick brown fox jumps over the lazy dog and runs away from the other dog "


@SIZES
def test_points(benchmark, size):
    assert len(benchmark(toolbox.points, size)) == size


@SIZES
def test_length(benchmark, size):
    assert benchmark(toolbox.length, toolbox.points(size)) > size


@SIZES
def test_words(benchmark, size):
    assert benchmark(toolbox.words, TEXT * (size // 10))[0] == "the"


@SIZES
def test_frequent(benchmark, size):
    assert benchmark(toolbox.frequent, TEXT * (size // 10))[0] == "the"


@SIZES
def test_copied(benchmark, size):
    data = {str(key): [key, {"half": key / 2}] for key in range(size)}
    assert benchmark(toolbox.copied, data) == data


@SIZES
def test_inverted(benchmark, size):
    assert len(benchmark(toolbox.inverted, {key: key % 7 for key in range(size)})) == 7


@SIZES
def test_primes(benchmark, size):
    assert benchmark(toolbox.primes, size * 10)[:3] == [2, 3, 5]


@SIZES
def test_reachable(benchmark, size):
    graph = {node: [node * 2 % size, (node * 3 + 1) % size] for node in range(size)}
    assert benchmark(toolbox.reachable, graph, 1)


@SIZES
def test_product(benchmark, size):
    square = [[float(i == j) for j in range(size // 5)] for i in range(size // 5)]
    assert benchmark(toolbox.product, square, square) == square


@SIZES
def test_ordered(benchmark, size):
    rows = [(key, key * 37 % size) for key in range(size)]
    assert benchmark(toolbox.ordered, rows)[0][1] == size - 1
