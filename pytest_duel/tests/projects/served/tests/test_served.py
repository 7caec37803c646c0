import asyncio
import gc
import subprocess
import sys
import threading
import time

import pytest
import toy


def test_plain(benchmark):
    assert benchmark(toy.step, 1, option=2) > 1


def test_decorated(benchmark):
    @benchmark
    def result():
        return toy.step()

    assert result > 1


class TestClass:
    def test_method(self, benchmark):
        benchmark(toy.step)


def test_through_a_fixture(measure):
    measure(toy.step)


def test_session_fixture(benchmark, expensive):
    benchmark(toy.step)
    assert expensive["number"] == 1


def test_session_fixture_again(benchmark, expensive):
    benchmark(toy.step)


@pytest.mark.parametrize("rounds", [1, 2, 7])
@pytest.mark.parametrize("iterations", [1, 3])
def test_pedantic(benchmark, rounds, iterations):
    calls = []
    result = benchmark.pedantic(
        lambda value: calls.append(value) or len(calls),
        args=(1,),
        rounds=rounds,
        iterations=iterations,
    )
    extra = 1 if iterations > 1 else 0  # pytest-benchmark's own, for the result
    assert len(calls) <= rounds * iterations + extra
    assert result == len(calls)


def test_setup_and_teardown(benchmark):
    log = []

    def setup():
        log.append("setup")
        return (len(log),), {}

    def target(value):
        assert log[-1] == "setup"
        log.append("call")

    def teardown(value):
        assert log[-1] == "call"
        log.append("teardown")

    benchmark.pedantic(target, setup=setup, teardown=teardown, rounds=5)
    assert log.count("call") == log.count("setup") == log.count("teardown") <= 5


def test_what_is_read_afterwards(benchmark):
    benchmark.extra_info["answer"] = 42
    benchmark.group = "mine"
    benchmark(toy.step)
    assert benchmark.stats.stats.mean > 0
    assert benchmark.stats["min"] > 0
    assert benchmark.extra_info == {"answer": 42}


@pytest.mark.benchmark(disable_gc=True)
def test_without_gc(benchmark):
    states = set()
    benchmark(lambda: states.add(gc.isenabled()))
    assert False in states


def test_with_gc(benchmark):
    states = []
    benchmark.pedantic(lambda: states.append(gc.isenabled()), rounds=5)
    assert states
    assert all(states)


@pytest.mark.benchmark(timer=time.process_time)
def test_another_timer(benchmark):
    benchmark(lambda: sum(range(3000)))


def test_prints(benchmark, capfd):
    print("to be captured")
    benchmark(print, end="")
    assert "captured" in capfd.readouterr().out


def test_reads_stdin(benchmark):
    benchmark(toy.step)
    with pytest.raises(OSError, match="reading from stdin"):
        sys.stdin.read()


def test_children(benchmark):
    benchmark(toy.step)
    code = "import toy; print(toy.__file__)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == toy.__file__


def test_threads(benchmark):
    def work():
        thread = threading.Thread(target=toy.step)
        thread.start()
        thread.join()

    benchmark(work)


def test_asyncio(benchmark):
    async def work():
        await asyncio.sleep(0)
        return toy.step()

    with asyncio.Runner() as runner:
        assert benchmark(lambda: runner.run(work())) > 1


@pytest.mark.parametrize("name", ["a/b", "c::d", "[e]", "f g", "é", "", "x" * 300])
def test_odd_ids(benchmark, name):
    benchmark(toy.step)


@pytest.mark.parametrize("value", [object(), object()], ids=repr)  # noqa: PT014
def test_addresses(benchmark, value):
    benchmark(toy.step, value)


def test_state(benchmark):
    benchmark(toy.step)
    assert toy.CALLS["number"] > 0


def test_grows(benchmark):
    toy.GROWING.clear()
    benchmark.pedantic(toy.grow, rounds=400)


@pytest.mark.skip(reason="not today")
def test_skipped(benchmark):
    benchmark(toy.step)


@pytest.mark.xfail(reason="not yet", raises=ZeroDivisionError)
def test_expected_to_fail(benchmark):
    benchmark(lambda: 1 / 0)


def test_call_raises(benchmark):
    benchmark(lambda: 1 / 0)


def test_unused(benchmark):
    pass


def test_twice(benchmark):
    benchmark(toy.step)
    benchmark(toy.step)


def test_raises_at_the_end(benchmark):
    benchmark(toy.step)
    raise RuntimeError("after the benchmark")


def test_not_a_benchmark():
    raise AssertionError("only benchmarks run")
