"""Reading the benchmarks of a saved run, one by one.

A case of a sweep is held to all that this harness writes: where it lacks something the file was
damaged or altered, and is refused. Any other benchmark that cannot be read is left out, with the
reason, and costs the others nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from pytest_duel.catalogue.model import Case
from pytest_duel.results import contradictions
from pytest_duel.results.benchmarks import Benchmark, Result, SavedTimes, Unread
from pytest_duel.support import schema
from pytest_duel.support.errors import DuelError
from pytest_duel.support.schema import COUNT, OBJECT, SECONDS, SPREAD, TEXT, WHOLE

BLOCKS = "duel_blocks"
"""The key in a benchmark's `extra_info`: the number of rounds that each block gave, in order."""

_CASE = {
    "kernel": TEXT,
    "backend": TEXT,
    "scenario": TEXT,
    "n": COUNT,
    "distinct": COUNT,
    "seed?": WHOLE,
    f"{BLOCKS}?": [COUNT],
}
_STATS = {
    "median": SECONDS,
    "mean": SECONDS,
    "min": SECONDS,
    "max?": SECONDS,
    "stddev": SPREAD,
    "rounds": COUNT,
    "data?": [SECONDS],
}
_BENCHMARK = {
    "fullname": TEXT,
    "group?": TEXT,
    "param?": TEXT,
    "params?": OBJECT,
    "extra_info?": {f"{BLOCKS}?": [COUNT]},
    "stats": _STATS,
}


class EntryError(DuelError):
    """A benchmark is not as it must be; the message names it."""


def is_case(saved: Any, at: int) -> bool:
    """Tell whether a benchmark of a file of ours is a case of a sweep.

    Raises
    ------
    SchemaError
        Where nothing tells.
    """
    schema.check(saved, {"extra_info": OBJECT}, f"benchmarks[{at}]")
    return "kernel" in saved["extra_info"]


def result(saved: Mapping[str, Any], at: int) -> Result:
    """Read a case of a sweep.

    Raises
    ------
    EntryError, SchemaError
        Where it is none.
    """
    place, info = f"benchmarks[{at}]", saved["extra_info"]
    schema.check(info, _CASE, f"{place}.extra_info")
    case = Case(info["kernel"], info["backend"], info["scenario"], info["n"])
    place = f"{place}, {case.id}"
    schema.check(saved, {"params?": OBJECT, "stats": _STATS}, f"{place}: ")
    for fault in (
        *contradictions.of_case(info, saved.get("params") or {}),
        *contradictions.of_stats(saved["stats"]),
    ):
        raise EntryError(f"{place}: {fault}")
    return Result(
        case=case,
        benchmark=_benchmark({"fullname": case.id, **saved}),
        distinct=info["distinct"],
        seed=info.get("seed"),
        **_stats(saved["stats"], info.get(BLOCKS) or [], f"{place}: "),
    )


def others(saved: Mapping[int, Any]) -> tuple[tuple[SavedTimes, ...], tuple[Unread, ...]]:
    """Read benchmarks that are no cases, given by their place in the file.

    Two of one name are both left out: nothing tells which is the one of that name in another run.

    Returns
    -------
    Those that can be read, and the others with what is wrong.
    """
    read: dict[int, SavedTimes] = {}
    unread: list[Unread] = []
    for at, one in saved.items():
        try:
            read[at] = _times(one, at)
        except DuelError as error:
            unread.append(Unread(_id(one), f"benchmarks[{at}]", str(error)))
    number = Counter([_id(one) for one in saved.values()])
    unread += [
        Unread(
            name, f"benchmarks[{at}]", f"{number[name]} benchmarks of the run have this name",
            is_ambiguous=True,
        )
        for at, one in read.items()
        if number[name := one.benchmark.id] > 1
    ]  # fmt: skip
    return tuple(one for one in read.values() if number[one.benchmark.id] == 1), tuple(unread)


def _id(saved: Any) -> str | None:
    """Return the id of a benchmark; None where the file does not tell it."""
    name = saved.get("fullname") if isinstance(saved, dict) else None
    return str(name) if TEXT.tell(name) else None


def _times(saved: Any, at: int) -> SavedTimes:
    schema.check(saved, OBJECT, f"benchmarks[{at}]")
    if saved.get("stats") is None:
        raise EntryError("it has no times: it failed, or was not timed")
    schema.check(saved, _BENCHMARK)
    for fault in contradictions.of_stats(saved["stats"]):
        raise EntryError(fault)
    benchmark = _benchmark(saved)
    blocks = benchmark.extra_info.get(BLOCKS) or []
    return SavedTimes(benchmark=benchmark, **_stats(saved["stats"], blocks, ""))


def _benchmark(saved: Mapping[str, Any]) -> Benchmark:
    return Benchmark(
        id=saved["fullname"],
        group=saved.get("group"),
        param=saved.get("param"),
        params=saved.get("params") or {},
        extra_info=saved.get("extra_info") or {},
    )


def _stats(stats: Mapping[str, Any], blocks: Sequence[int], place: str) -> dict[str, Any]:
    data = tuple(stats.get("data") or ())
    named = {name: stats[name] for name in ("median", "mean", "min", "stddev", "rounds")}
    return {**named, "data": data, "blocks": _blocks(data, blocks, place)}


def _blocks(
    data: tuple[float, ...], rounds: Sequence[int], place: str
) -> tuple[tuple[float, ...], ...]:
    """Return the rounds of each process, where several gave them and they were saved."""
    if not data or len(rounds) < 2:
        return ()
    if sum(rounds) != len(data):
        raise EntryError(
            f"{place}extra_info.{BLOCKS} tells of {sum(rounds)} rounds, stats.data has {len(data)}"
        )
    ends = list(accumulate(rounds))
    return tuple(data[end - own : end] for end, own in zip(ends, rounds, strict=True))
