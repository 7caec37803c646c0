"""Runs of public projects' benchmarks, recorded as numbers: what real noise looks like.

Each file in `data/suites` holds many runs of one project's benchmarks, from a shared virtual
machine of two CPUs: of equal code, and with one function of the project made slower on purpose.
No code of theirs is in there, and no name of a host. To record others, save runs with
``--benchmark-json``, in turns, named ``VARIANT-NUMBER.json``; then

    python pytest_duel/tests/shared/recorded.py NAME RUN.json ...

writes ``data/suites/NAME.json.gz``.
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from places import DATA
from pytest_duel.results import runs
from pytest_duel.results.runs import Run

HOME = DATA / "suites"
SAME = "same"
"""The variant of runs of equal code."""
STATS = ("median", "mean", "min", "max", "stddev", "rounds")
DIGITS = 5


def variants(name: str) -> dict[str, list[Run]]:
    """Return the runs of a suite by variant, older ones first."""
    saved = json.loads(gzip.decompress((HOME / f"{name}.json.gz").read_bytes()))
    found: dict[str, list[Run]] = {}
    for one in saved["runs"]:
        document = _document(saved, one["when"], one["times"])
        found.setdefault(one["variant"], []).append(runs.from_json(document))
    return found


def _document(
    saved: Mapping[str, Any], when: str, times: Iterable[Sequence[float]]
) -> dict[str, Any]:
    """Return a run as pytest-benchmark has saved it, but for what no comparison reads."""
    return {
        "machine_info": saved["machine_info"],
        "datetime": when,
        "version": saved["version"],
        "benchmarks": [
            {"fullname": name, "stats": dict(zip(STATS, own, strict=True))}
            for name, own in zip(saved["names"], times, strict=True)
        ],
    }


def thin(paths: Iterable[Path]) -> dict[str, Any]:
    """Return what is kept of the runs in files, in the order of their measurement."""
    documents = [(path.stem.rpartition("-")[0], json.loads(path.read_bytes())) for path in paths]
    documents.sort(key=lambda one: str(one[1]["datetime"]))
    _, first = documents[0]
    info = first["machine_info"]
    return {
        "machine_info": {
            "system": info["system"],
            "python_version": info["python_version"],
            "cpu": {"brand_raw": info["cpu"].get("brand_raw")},
        },
        "version": first["version"],
        "names": [one["fullname"] for one in first["benchmarks"]],
        "runs": [
            {
                "variant": variant,
                "when": document["datetime"],
                "times": [_times(one["stats"]) for one in document["benchmarks"]],
            }
            for variant, document in documents
        ],
    }


def _times(stats: Mapping[str, float]) -> list[float]:
    return [float(f"{stats[name]:.{DIGITS}e}") for name in STATS[:-1]] + [stats["rounds"]]


def main(name: str, *paths: str) -> None:
    text = json.dumps(thin(map(Path, paths)), separators=(",", ":"))
    HOME.mkdir(exist_ok=True)
    # No time of writing in it: the same runs give the same file.
    (HOME / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
