from app import twice


def test_twice(benchmark):
    assert benchmark(twice) == 999000
