import toy


def test_busy(benchmark):
    assert benchmark(toy.busy) == 1


def test_quick(benchmark):
    assert benchmark(toy.quick) == 1
