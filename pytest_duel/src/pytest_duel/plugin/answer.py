"""What a person came for: the first kernel's table once it is known, the rest at the end."""

from typing import Any

import pytest

from pytest_duel.plugin.options import wants_all_rows
from pytest_duel.plugin.saving import SAVING
from pytest_duel.plugin.session import SESSION, announcer
from pytest_duel.results.runs import SCHEMA, SECTION, Run, from_json
from pytest_duel.results.summary import summarise
from pytest_duel.verdicts import text

TOLD = pytest.StashKey[bool]()
"""Whether the first kernel's table was shown already."""


def timed(config: pytest.Config) -> list[Any]:
    """Return the cases that pytest-benchmark timed without an error."""
    own: Any = getattr(config, "_benchmarksession", None)
    found = own.benchmarks if own else []
    return [one for one in found if one and not one.has_error and one.extra_info.get("kernel")]


def is_brief(config: pytest.Config) -> bool:
    """Tell whether the answer is all that is shown: the rest can be had from the saved run."""
    own: Any = getattr(config, "_benchmarksession", None)
    return (
        own is not None
        and not wants_all_rows(config)
        and not config.stash[SAVING].faults
        and len(timed(config)) == len(own.benchmarks)
    )


def tell_early(config: pytest.Config) -> None:
    """Show the table of the first kernel, if all of its cases are through."""
    own, run = config.stash[SESSION], _so_far(config)
    first = text.first(summarise(run, own.catalogue))
    if first is None or len(first.sizes) < 2 or config.getoption("benchmark_quiet"):
        return
    cases = {one for one in own.selected if one.kernel == first.kernel}
    if {one for one in cases if own.is_timed(one)} <= {one.case for one in run.results}:
        announcer(config)("\n".join(["", *text.table(first), ""]))
        config.stash[TOLD] = True


def told(config: pytest.Config) -> str:
    """Return what is shown at the end."""
    own = config.stash[SESSION]
    summaries, notes = summarise(_so_far(config), own.catalogue), own.catalogue.notes
    if not is_brief(config):
        return text.render(summaries, notes)
    return text.brief(summaries, notes, with_table=not config.stash.get(TOLD, False))


def _so_far(config: pytest.Config) -> Run:
    """Return what was timed, as a saved run has it."""
    return from_json(
        {
            "benchmarks": [one.as_dict(include_data=True) for one in timed(config)],
            SECTION: {"schema": SCHEMA, **config.stash[SESSION].as_dict()},
            "machine_info": {},
            "commit_info": {},
            "datetime": "",
        }
    )
