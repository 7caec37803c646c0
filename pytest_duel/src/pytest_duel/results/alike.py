"""Which of several runs may be shown as one: those of the newest code, on the newest machine."""

import json
from collections.abc import Sequence

from pytest_duel.results.runs import Run

VARYING = ("hz_actual", "hz_actual_friendly")
"""Of a CPU, what differs from one moment to the next."""


def alike(runs: Sequence[Run]) -> list[Run]:
    """Return the runs of the code, the machine and the versions that the last one is of.

    Parameters
    ----------
    runs
        At least one, in the order in which they were measured.
    """
    newest = _origin(runs[-1])
    return [run for run in runs if _origin(run) == newest]


def mixed(runs: int, shown: int) -> str:
    """Say how many runs are left out; nothing if none is."""
    if runs == shown:
        return ""
    return (
        f"{runs - shown} of the {runs} runs are of another machine, of other versions or of "
        "another revision than the newest, and take no part in its figures: times of different "
        "machines or code must not be mixed."
    )


def _origin(run: Run) -> tuple[str, ...]:
    """Return what two runs must have in common: machine, versions and code."""
    machine = run.machine
    # Nothing says that two sweeps of an unknown commit are of one code. Where another project's
    # runs do not tell, who names them together says so, and the page says that nothing else does.
    known = run.commit.id is not None or not run.section
    cpu = {
        name: value for name, value in (machine.get("cpu") or {}).items() if name not in VARYING
    }
    parts = (
        machine.get("node_hash"), cpu, machine.get("versions"),
        run.commit.id, run.commit.dirty, run.section.get("sources"), known or run.when,
        run.section.get("build_info"), run.section.get("tier"),
        run.section.get("without") or [],
    )  # fmt: skip
    return tuple(json.dumps(part, sort_keys=True) for part in parts)
