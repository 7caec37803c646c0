"""Runs that public projects keep in their repositories, as pytest-benchmark has saved them.

Each file in `data/published` holds those of one project, of whatever version and machine, older
ones first: as numbers, with the names of its benchmarks. No code of theirs is in there, no host by
its name, and nothing that no reader here looks at. To record others:

    python pytest_duel/tests/shared/published.py NAME RUN.json ...

- cachew: version 5.2.3; groups, `extra_info`, one machine; the last two commits are said to make
  it write faster.
- lagom: versions 3.4.1 and 4.0.0; a new host of a CI service for each run, four Pythons, and
  benchmarks that became a hundred times shorter under the same name.
- pdfminer: version 5.2.3; two runs of one revision that have no benchmark in common.
- pytest-benchmark: version 2.5.0; thirty runs of one benchmark, of which one contradicts itself.
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from places import DATA
from simulated import save

HOME = DATA / "published"
MACHINE = (
    "system", "release", "machine", "python_version", "python_implementation",
)  # fmt: skip
CPU = ("brand_raw", "count")
COMMIT = ("id", "time", "dirty", "project")
ENTRY = ("group", "name", "fullname", "param", "extra_info")
STATS = ("min", "max", "mean", "stddev", "median", "rounds", "iterations")
DIGITS = 6


def documents(name: str) -> list[dict[str, Any]]:
    """Return the runs of a project, older ones first."""
    found: list[dict[str, Any]] = json.loads(
        gzip.decompress((HOME / f"{name}.json.gz").read_bytes())
    )
    return found


def files(name: str, folder: Path) -> list[Path]:
    """Write the runs of a project into a folder, each as a file, older ones first."""
    return [
        save(folder / f"{number:04}_{name}.json", one)
        for number, one in enumerate(documents(name), 1)
    ]


def thin(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what is kept of runs."""
    ordered = sorted(found, key=lambda one: str(one["datetime"]))
    hosts: dict[str, str] = {}
    for one in ordered:
        hosts.setdefault(one["machine_info"]["node"], f"host-{len(hosts) + 1}")
    return [_thin(one, hosts) for one in ordered]


def _thin(one: Mapping[str, Any], hosts: Mapping[str, str]) -> dict[str, Any]:
    machine = one["machine_info"]
    own = {"node": hosts[machine["node"]], **_parts(machine, MACHINE)}
    if "cpu" in machine:
        own["cpu"] = _parts(machine["cpu"], CPU)
    return {
        "machine_info": own,
        "commit_info": _parts(one["commit_info"], COMMIT),
        "datetime": one["datetime"],
        "version": one["version"],
        "benchmarks": [
            {
                **_parts(entry, ENTRY),
                **({"params": _params(entry["params"])} if "params" in entry else {}),
                "stats": {
                    name: _short(value) for name, value in _parts(entry["stats"], STATS).items()
                },
            }
            for entry in one["benchmarks"]
        ],
    }  # fmt: skip


def _parts(whole: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: whole[name] for name in names if name in whole}


def _params(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return parameters without the texts of objects, which are code."""
    if params is None:
        return None
    return {
        name: "UNSERIALIZABLE[...]" if str(one).startswith("UNSERIALIZABLE") else one
        for name, one in params.items()
    }


def _short(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.{DIGITS}e}")


def main(name: str, *paths: str) -> None:
    found = thin(json.loads(Path(path).read_bytes()) for path in paths)
    text = json.dumps(found, separators=(",", ":"))
    HOME.mkdir(exist_ok=True)
    # No time of writing in it: the same runs give the same file.
    (HOME / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
