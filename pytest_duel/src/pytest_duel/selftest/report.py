"""The self-test of a catalogue as Markdown, and the sentence that a gate quotes.

The self-test of a project is in `rates` and `said`.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_duel.results.provenance import where
from pytest_duel.selftest.records import (
    CAUGHT,
    Kind,
    Rate,
    Trial,
    caught,
    caught_beyond_bounds,
    exits,
    gates,
    measuring_code,
    placement_bounds,
    smallest_caught,
    stock_alarms,
    stock_caught,
)
from pytest_duel.selftest.stock import RULES
from pytest_duel.selftest.trials import MEASURING
from pytest_duel.support import markdown
from pytest_duel.support.exit_codes import Exit

_ALIGN = (markdown.LEFT, *[markdown.RIGHT] * 5)
NAMES = {
    Kind.SAME: "one wheel on both sides",
    Kind.PLACEMENT: "a wheel that was only rebuilt",
    Kind.REBUILT: "two rebuilt wheels, with the placement bounds below",
}


def render(data: Mapping[str, Any]) -> str:
    """Return the whole report."""
    trials = data["trials"]
    parts = [_in_short(data), _alarms(trials), _slowdowns(trials), _beyond(trials), _bounds(data)]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def quote(data: Mapping[str, Any], machine: Mapping[str, Any]) -> str:
    """Return the sentence that a gate on `machine` quotes, and whether it is up to date."""
    trials = data["trials"]
    same = exits(trials, Kind.SAME)
    if not same[Exit.REGRESSION].of:
        return ""
    where = "this machine" if machine == data["machine"] else "another machine"
    key = data["key"]
    if key.get("code") != measuring_code(MEASURING):
        where += ", of other measuring code"
    said = [
        f"self-test on {where} ({data['when'][:10]}, "
        f"{len(key.get('benchmarks') or key['cases'])} benchmarks): a false alarm in "
        f"{_rate(same[Exit.REGRESSION])} gates"
    ]
    slowed = {extra: rate for extra, rate in caught(trials).items() if extra}
    said += [f"{extra:.0%} caught in {_rate(rate)}" for extra, rate in slowed.items()]
    beyond = caught_beyond_bounds(trials).get(True)
    if beyond:
        said.append(f"with another wheel, a point beyond the placement bound in {_rate(beyond)}")
    return "; ".join(said)


def _of(rate: Rate) -> str:
    return f"{rate.happened} of {rate.of}"


def _rate(rate: Rate) -> str:
    if not rate.of:
        return "–"
    low, high = rate.interval
    return f"{_of(rate)} [{low:.1%}, {high:.1%}]"


def _in_short(data: Mapping[str, Any]) -> Iterator[str]:
    looks = ", ".join(map(str, data["key"]["looks"]))
    yield (
        f"{where(data)}. A threshold of {data['key']['threshold']:.1%}, a level of "
        f"{data['key']['alpha']:.1%} for all cases of a gate together, looks at {looks} blocks. "
        "Brackets hold 95 % intervals (Clopper and Pearson)."
    )
    least = smallest_caught(data["trials"])
    if least:
        yield (
            f"The smallest slowdown tried that was caught at least {CAUGHT:.0%} of the time: "
            f"{least:.0%}."
        )


def _alarms(trials: Sequence[Trial]) -> Iterator[str]:
    rows = []
    for kind, name in NAMES.items():
        own = gates(trials, kind)
        if own:
            ended = exits(trials, kind)
            took = statistics.median(one["seconds"] for one in own)
            rows.append(
                [
                    name,
                    _rate(ended[Exit.REGRESSION]),
                    _rate(ended[Exit.PASS]),
                    _of(ended[Exit.INCONCLUSIVE]),
                    _of(ended[Exit.ERROR]),
                    f"{took:.0f} s",
                ]
            )
    for rule in RULES:
        alarms = stock_alarms(trials, rule)
        if alarms.of:
            left = Rate(alarms.of - alarms.happened, alarms.of)
            name = f"pytest-benchmark, `{rule}`, one wheel"
            rows.append([name, _rate(alarms), _rate(left), "–", "–", "–"])
    head = ("nothing differs", "false alarm", "exit 0", "inconclusive or void", "error", "took")
    yield from markdown.table(head, rows, _ALIGN[: len(head)])


def _slowdowns(trials: Sequence[Trial]) -> Iterator[str]:
    found = caught(trials)
    if not found:
        return
    stock = {rule: stock_caught(trials, rule) for rule in RULES}
    none = Rate(0, 0)
    rows = [
        [
            f"{extra:.0%}" if extra else "none, in the same gates",
            _rate(rate),
            *(_rate(stock[rule].get(extra, none)) for rule in RULES),
        ]
        for extra, rate in found.items()
    ]
    head = ("slowdown of a case", "called a regression", *(f"`{rule}`" for rule in RULES))
    yield from markdown.table(head, rows, _ALIGN[: len(head)])


def _beyond(trials: Sequence[Trial]) -> Iterator[str]:
    found = caught_beyond_bounds(trials)
    if not found:
        return
    names = {
        True: "by 3 %, or a point beyond the placement bound where that is more",
        False: "not at all, in the same gates",
    }
    rows = [[names[slowed], _rate(rate)] for slowed, rate in found.items()]
    yield from markdown.table(
        ("two rebuilt wheels, one slowed", "called a regression"), rows, _ALIGN[:2]
    )


def _bounds(data: Mapping[str, Any]) -> Iterator[str]:
    trials, threshold = data["trials"], data["key"]["threshold"]
    own, bounds = gates(trials, Kind.PLACEMENT), placement_bounds(trials)
    if not bounds:
        return
    changes = [
        one["cases"][name]["change"] for one in own for name in bounds if name in one["cases"]
    ]
    beyond = sorted(one for one in bounds.values() if one > threshold)
    limits = f"{beyond[0]:.1%} to {beyond[-1]:.1%} on, by case; " if beyond else ""
    yield (
        f"{len(own)} rebuilt wheels moved cases by {min(changes):+.1%} to {max(changes):+.1%}. "
        f"Where code cannot be placed anew for each block, a slowdown counts from {limits}"
        f"from the threshold on in {len(bounds) - len(beyond)} of {len(bounds)} cases."
    )
