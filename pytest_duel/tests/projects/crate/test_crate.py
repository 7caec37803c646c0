import toy


def test_busy(benchmark):
    assert benchmark(toy.busy) > 0


def test_quick(benchmark):
    assert benchmark(toy.quick) > 0
