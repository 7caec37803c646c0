"""Which of several runs may be shown as one: those of the newest code, on the newest machine."""

import json
from collections.abc import Collection, Sequence

from pytest_duel.results.provenance import HOST, facts_of, machine_of
from pytest_duel.results.runs import Run


def alike(runs: Sequence[Run], ignore: Collection[str] = ()) -> list[Run]:
    """Return the runs of the code, the machine and the versions that the last one is of.

    Parameters
    ----------
    runs
        At least one, in the order in which they were measured.
    ignore
        Facts of `provenance.FACTS` that do not tell machines apart.
    """
    newest = _origin(runs[-1], ignore)
    return [run for run in runs if _origin(run, ignore) == newest]


def mixed(runs: Sequence[Run], ignore: Collection[str] = ()) -> str:
    """Say how many runs are left out; nothing if none is."""
    shown = len(alike(runs, ignore))
    if len(runs) == shown:
        return ""
    more = len(alike(runs, {*ignore, *HOST})) - shown
    asked = ",".join(sorted({*ignore, *HOST}))
    hint = (
        f" {more} of them are of another host of the same kind: --ignore {asked} includes them."
        if more
        else ""
    )
    return (
        f"{len(runs) - shown} of the {len(runs)} runs are of another machine, of other versions "
        "or of another revision than the newest, and are left out: times of different "
        f"machines or code must not be mixed.{hint}"
    )


def _origin(run: Run, ignore: Collection[str]) -> tuple[str, ...]:
    """Return what two runs must have in common: machine, versions and code."""
    # Nothing says that two sweeps of an unknown commit are of one code. Where another project's
    # runs do not tell, who names them together says so, and the page says that nothing else does.
    known = run.commit.id is not None or not run.section
    parts = (
        machine_of(facts_of(run), ignore), run.machine.get("versions"),
        run.commit.id, run.commit.dirty, run.section.get("sources"), known or run.when,
        run.section.get("build_info"), run.section.get("tier"),
        run.section.get("without") or [],
    )  # fmt: skip
    return tuple(json.dumps(part, sort_keys=True) for part in parts)
