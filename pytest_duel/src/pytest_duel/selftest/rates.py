"""Rates of a project's saved trials, with intervals, as tables."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_duel.paired.pytest_worker.slower import REASONS
from pytest_duel.results.provenance import where
from pytest_duel.selftest import records
from pytest_duel.selftest.placement import Drawn
from pytest_duel.selftest.records import (
    Kind,
    Rate,
    SelftestError,
    Trial,
    gates,
    stock_alarms,
    stock_caught,
)
from pytest_duel.selftest.stock import RULES, flagged
from pytest_duel.selftest.trials import unmeasured, unplanted
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import duration, share

UNPLANTED = "no slowdown can be planted"
UNMEASURED = "not measured, in some gates or all"
Told = Callable[[Trial], bool]


@dataclass(frozen=True)
class RateTable:
    """A title, a heading, and rows of as many cells."""

    title: str
    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def load(path: Path) -> dict[str, Any]:
    """Read the saved self-test of a project.

    Raises
    ------
    SelftestError
        Where it is missing, truncated, foreign, of a newer schema, or of a catalogue.
    """
    data = records.load(path)
    if "project" not in data["key"]:
        raise SelftestError(f"{path} is the self-test of a catalogue")
    return data


def planted(trial: Trial) -> str | None:
    """Return the benchmark that was slowed."""
    return next(iter(trial.get("extra", {})), None)


def is_unplanted(trial: Trial) -> bool:
    """Tell whether the slowdown could not be planted; another reason to fail is an outcome."""
    why: str = trial["unmeasured"].get(planted(trial), "")
    return why.startswith(REASONS)


def is_named(trial: Trial) -> bool:
    """Tell whether a gate ended with 1 and named the benchmark that was slowed."""
    name = planted(trial)
    return trial["exit"] == Exit.REGRESSION and name in others(trial, named=True)


def others(trial: Trial, *, named: bool = False) -> set[str]:
    """Return a gate's regressions; without `named` only those that were not slowed."""
    found = {name for name, one in trial["cases"].items() if one["verdict"] == Verdict.REGRESSION}
    found |= {name for name, word in trial["means"].items() if word == Verdict.REGRESSION}
    return found if named else found - {planted(trial)}


def is_undecided(trial: Trial) -> bool:
    """Tell whether a gate ended with 3 because the budget ended first."""
    return trial["exit"] == Exit.INCONCLUSIVE and not trial["void"]


def is_passed(trial: Trial) -> bool:
    """Tell whether a gate passed."""
    return bool(trial["exit"] == Exit.PASS)


def is_alarm(trial: Trial) -> bool:
    """Tell whether a gate ended with 1."""
    return bool(trial["exit"] == Exit.REGRESSION)


def is_error(trial: Trial) -> bool:
    """Tell whether a gate ended with 2."""
    return bool(trial["exit"] == Exit.ERROR)


def is_void(trial: Trial) -> bool:
    """Tell whether a gate was void."""
    return bool(trial["void"]) and trial["exit"] == Exit.INCONCLUSIVE


EQUAL: Mapping[str, Told] = {
    "false alarm (exit 1)": is_alarm,
    "pass (exit 0)": is_passed,
    "void (exit 3)": is_void,
    "inconclusive (exit 3)": is_undecided,
    "error (exit 2)": is_error,
}
SLOWED: Mapping[str, Told] = {
    "caught and named (exit 1)": is_named,
    "caught, and nothing else named": lambda one: is_named(one) and not others(one),
    "something else named": lambda one: is_alarm(one) and bool(others(one)),
    "missed (exit 0)": is_passed,
    "void (exit 3)": is_void,
    "inconclusive (exit 3)": is_undecided,
    "error (exit 2)": is_error,
}


def rate(trials: Sequence[Trial], kind: Kind, told: Told) -> Rate:
    """Return how often something is true of the trials of a kind.

    Where nothing could be planted, a gate tells nothing.
    """
    own = [one for one in gates(trials, kind) if not is_unplanted(one)]
    return Rate(sum(map(told, own)), len(own))


def rules(data: Mapping[str, Any]) -> list[str]:
    """Return the rules of pytest-benchmark: usual ones, and the gate's own threshold."""
    own = f"mean:{100 * data['key']['threshold']:g}%"
    return list(dict.fromkeys([*RULES, own]))


def tables(data: Mapping[str, Any]) -> list[RateTable]:
    """Return all that a file of trials says."""
    trials, slowdown = data["trials"], share(data["key"]["slowdown"])
    limited = bool(gates(trials, Kind.PLACEMENT)) and _lie(data) is Drawn.ONE
    stock = {rule: stock_alarms(trials, rule) for rule in rules(data)}
    found = [
        RateTable(
            "equal code on both sides",
            ("", "gates", "95 %"),
            (
                *_counted(trials, Kind.SAME, EQUAL),
                *_rows({f"pytest-benchmark, {rule}: alarm": one for rule, one in stock.items()}),
            ),
        ),
        RateTable(
            f"one benchmark slowed by {slowdown}",
            ("", "gates", "95 %"),
            (
                *_counted(trials, Kind.SLOWED, SLOWED),
                *_rows(dict(_stock_caught(data))),
            ),
        ),
        RateTable(
            f"two builds of equal code{', with the limits below' * limited}",
            ("", "gates", "95 %"),
            tuple(_counted(trials, Kind.REBUILT, EQUAL)),
        ),
        RateTable(
            f"two builds, one benchmark slowed by {slowdown}"
            + ", or a point beyond its limit" * limited,
            ("", "gates", "95 %"),
            tuple(_counted(trials, Kind.REBUILT_SLOWED, SLOWED)),
        ),
        RateTable(
            f"{len(gates(trials, Kind.PLACEMENT))} builds against another of equal code",
            ("", "least", "largest", "a slowdown counts from"),
            tuple(_bounds(data)),
        ),
        RateTable(
            "by benchmark; false: called a regression where it was not slowed",
            ("", "a call", "slowed", "caught", "false"),
            tuple(_benchmarks(data)),
        ),
        RateTable(UNPLANTED, ("", "why"), tuple(unplanted(trials).items())),
        RateTable(UNMEASURED, ("", "why"), tuple(unmeasured(trials).items())),
    ]
    return [one for one in found if one.rows]


def _counted(
    trials: Sequence[Trial], kind: Kind, what: Mapping[str, Told]
) -> list[tuple[str, ...]]:
    return _rows({name: rate(trials, kind, told) for name, told in what.items()})


def _rows(rates: Mapping[str, Rate]) -> list[tuple[str, ...]]:
    return [(name, of(one), interval(one)) for name, one in rates.items() if one.of]


def of(one: Rate) -> str:
    """Return a rate as its counts."""
    return f"{one.happened} of {one.of}"


def interval(one: Rate) -> str:
    """Return the 95 % interval of a rate."""
    low, high = one.interval
    return f"[{low:.1%}, {high:.1%}]"


def _stock_caught(data: Mapping[str, Any]) -> Iterator[tuple[str, Rate]]:
    trials, slowdown = data["trials"], data["key"]["slowdown"]
    for rule in rules(data):
        own = stock_caught(trials, rule)
        yield f"pytest-benchmark, {rule}: caught", own.get(slowdown, Rate(0, 0))
        runs = [one for one in gates(trials, Kind.STOCK) if planted(one)]
        wrong = sum(
            bool(flagged(one["runs"][1], one["runs"][2], rule) - {planted(one)}) for one in runs
        )
        yield f"pytest-benchmark, {rule}: something else named", Rate(wrong, len(runs))


def _benchmarks(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    trials = [*gates(data["trials"], Kind.SAME), *gates(data["trials"], Kind.SLOWED)]
    for name in data["key"]["benchmarks"]:
        own = [one["cases"][name] for one in trials if name in one["cases"]]
        slowed = [one for one in trials if planted(one) == name and not is_unplanted(one)]
        plain = [one for one in trials if planted(one) != name]
        wrong = sum(is_alarm(one) and name in others(one) for one in plain)
        seconds = [one["seconds"] for one in own]
        yield (
            name,
            duration(statistics.median(seconds)) if seconds else "–",
            f"{len(slowed)} times",
            str(sum(map(is_named, slowed))),
            f"{wrong} of {len(plain)}",
        )


def _bounds(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield by how much code placement has moved each benchmark, and its placement bound."""
    own = gates(data["trials"], Kind.PLACEMENT)
    for name, bound in records.placement_bounds(own).items():
        changes = [one["cases"][name]["change"] for one in own if name in one["cases"]]
        limit = data["key"]["thresholds"].get(name, data["key"]["threshold"])
        told = f"{bound:.1%}" if bound > limit else "the threshold"
        yield name, f"{min(changes):+.1%}", f"{max(changes):+.1%}", told


def intro(data: Mapping[str, Any]) -> str:
    """Say of what, where and how."""
    key = data["key"]
    took = [one["seconds"] for one in data["trials"] if "seconds" in one]
    typical = f" A gate took {statistics.median(took):.0f} s." if took else ""
    return (
        f"{key['project']}: {len(key['benchmarks'])} benchmarks, a threshold of "
        f"{share(key['threshold'])}, at most {key['budget']:.0f} s a gate.{typical} "
        f"{where(data)}. Brackets hold 95 % intervals (Clopper and Pearson)."
    )


def summary(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row of the table that compares projects; `HEADING` says of what."""
    trials, rule = data["trials"], RULES[-1]
    alarms, own = stock_alarms(trials, rule), dict(_stock_caught(data))
    rates = (
        *(rate(trials, Kind.SAME, told) for told in (is_alarm, is_passed, is_void)),
        rate(trials, Kind.SLOWED, is_named),
        alarms,
        own[f"pytest-benchmark, {rule}: caught"],
    )
    said = (f"{of(one)} {interval(one)}" if one.of else "–" for one in rates)
    project = f"{data['key']['project']} ({len(data['key']['benchmarks'])})"
    return (project, share(data["key"]["slowdown"]), *said)


HEADING = (
    "project (benchmarks)", "slowdown", "equal code: alarm", "pass", "void", "slowed: named",
    f"`{RULES[-1]}`, equal code: alarm", f"`{RULES[-1]}`, slowed: caught",
)  # fmt: skip


BUILDS = (
    "two builds; in each block their code lies", "equal code: alarm", "pass",
    "changes", "slowed: named", "something else named", "a gate", "of it linking",
)  # fmt: skip
"""The heading of a table about two builds of one source."""
_LIES = {
    Drawn.ONE: "where it was built to lie",
    Drawn.INDEPENDENT: "in a random order of functions, each side its own",
    Drawn.COMMON: "in a random order of functions, alike on both sides",
}


def builds(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a row of that table: what gates of two builds said."""
    trials, key = data["trials"], data["key"]
    own = gates(trials, Kind.REBUILT)
    both = (*own, *gates(trials, Kind.REBUILT_SLOWED))
    took = [one["seconds"] for one in both]
    linking = [one["placements"]["seconds"] for one in both if "placements" in one]
    said = (
        f"{of(one)} {interval(one)}" if one.of else "–"
        for one in (
            rate(trials, Kind.REBUILT, is_alarm),
            rate(trials, Kind.REBUILT, is_passed),
            rate(trials, Kind.REBUILT_SLOWED, is_named),
            rate(trials, Kind.REBUILT_SLOWED, lambda one: is_alarm(one) and bool(others(one))),
        )
    )
    alarm, passed, named, other = said
    project = f"{key['project']} ({len(key['benchmarks'])}, {share(key['slowdown'])})"
    return (
        f"{project}: {_LIES[_lie(data)]}",
        alarm, passed, _spread(own), named, other,
        f"{statistics.median(took):.0f} s" if took else "–",
        f"at most {duration(max(linking))}" if any(linking) else "–",
    )  # fmt: skip


def _lie(data: Mapping[str, Any]) -> Drawn:
    """Return where native code lay in gates of two builds; earlier files do not say it."""
    return Drawn(data["key"].get("placements", Drawn.ONE))


def _spread(trials: Sequence[Trial]) -> str:
    """Return the standard deviations of what benchmarks have changed by in equal code."""
    changes: dict[str, list[float]] = {}
    for trial in trials:
        for name, one in trial["cases"].items():
            changes.setdefault(name, []).append(one["change"])
    found = sorted(statistics.stdev(own) for own in changes.values() if len(own) > 1)
    return f"{found[0]:.1%} to {found[-1]:.1%}" if found else "–"
