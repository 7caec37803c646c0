"""What the prose says of figures agrees with the tables made from the study.

A sentence that rests on a table stands here with what must hold for it, on every processor that
the study ran on: where a new study says otherwise, the sentence has to be written anew.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
STUDY = ROOT / "docs" / "performance.md"
LEARNING = ROOT / "docs" / "learning.md"
BACKENDS = ("numpy", "numba", "rust")

Row = Mapping[str, str]


def text(page: Path) -> str:
    """Return a page with its lines joined, as a reader sees its sentences."""
    return " ".join(page.read_text(encoding="utf-8").split())


def part_of(page: Path, part: str) -> str:
    whole = page.read_text(encoding="utf-8")
    (body,) = re.findall(rf"(?s)<!-- generated: {part} -->\n(.*?)<!-- end -->", whole)
    return str(body)


def tables(part: str, page: Path = STUDY) -> list[list[Row]]:
    """Return the rows of a generated part, by column; one table for each processor."""
    found: list[list[Row]] = []
    for block in re.findall(r"(?m)(?:^\|.*\n)+", part_of(page, part)):
        heads, _, *rows = (
            [cell.strip() for cell in line[1:-1].split("|")] for line in block.splitlines()
        )
        found.append([dict(zip(heads, row, strict=True)) for row in rows])
    return found


def processors() -> list[str]:
    """Return what the studies ran on, as the headlines of their tables have it."""
    return re.findall(r"(?m)^(?:<summary>)?On (.+), \d+ cores:", part_of(STUDY, "uniform"))


def table(part: str, page: Path = STUDY) -> list[Row]:
    """Return the rows of a part that has one table, whatever was measured where."""
    (found,) = tables(part, page)
    return found


def number(cell: str) -> float:
    return float(cell.replace(",", "").rstrip(" ×%"))


def column(rows: list[Row], name: str, *, least: int = 0, most: int = 10**9) -> list[float]:
    """Return the numbers of a column, for these sizes."""
    return [number(row[name]) for row in rows if least <= number(row["n"]) <= most]


class Study:
    """The tables of one processor: the first is that of the last study."""

    def __init__(self, place: int, processor: str) -> None:
        self.place = place
        self.is_intel = "Intel" in processor

    def table(self, part: str) -> list[Row]:
        return tables(part)[self.place]

    def rows(self, part: str, **wanted: str) -> list[Row]:
        found = self.table(part)
        return [row for row in found if all(row[name] == one for name, one in wanted.items())]

    def column(self, part: str, name: str, *, least: int = 0, most: int = 10**9) -> list[float]:
        return column(self.table(part), name, least=least, most=most)

    def ratios(
        self, part: str, slow: str, fast: str, *, least: int = 0, most: int = 10**9
    ) -> list[float]:
        pair = (self.column(part, name, least=least, most=most) for name in (slow, fast))
        return [above / below for above, below in zip(*pair, strict=True)]


STUDIES = [Study(*one) for one in enumerate(processors())]


def targets(name: str) -> Iterator[Row]:
    """Yield the rows of a target, one for each size."""
    group = ""
    for row in table("targets"):
        group = row["slow / fast"] or group
        if group == name and row["n"] != "geometric mean":
            yield row


def targeted(name: str, least: int, most: int) -> list[str]:
    """Return the ratios of a target at these sizes, without their intervals."""
    found = (row for row in targets(name) if least <= number(row["n"]) <= most)
    return [row["ratio"].partition(" ")[0] for row in found]


def missed(slow: str, fast: str, kernel: str) -> list[int]:
    """Return the sizes at which a target was missed."""
    found = targets(f"{kernel}: {slow} / {fast}")
    return [int(number(row["n"])) for row in found if row["verdict"] == "missed"]


def ten_thousand(on: Study) -> float:
    """Return how many times as long as Rust numba takes for 10,000 units."""
    (found,) = on.ratios("uniform", "numba", "rust", least=10_000, most=10_000)
    return found


CLAIMS: Mapping[str, Callable[[Study], bool]] = {
    "the study's Rust steps are ahead of its numba function at every one of these sizes": (
        lambda on: min(on.ratios("fresh", "study-numba", "study-views")) > 1
    ),
    "From 50 units on numba's quicksort gains most.": lambda on: all(
        number(row["study-numba"])
        == max(number(cell) for name, cell in row.items() if name != "n")
        for row in on.table("learnt")
        if number(row["n"]) >= 50
    ),
    "they grow with every unit": lambda on: (
        sorted(on.column("repeated", "study-rust")) == on.column("repeated", "study-rust")
    ),
    "reproduces its times on the Intel Xeon": lambda on: (
        not on.is_intel
        or all(0.85 < ratio < 1.15 for ratio in on.ratios("repeated", "Rust then", "study-rust"))
    ),
    "gains little from Rust over numba": lambda on: all(
        number(numba["step, µs"]) / number(rust["step, µs"]) < 1.25
        for numba, rust in zip(
            on.rows("training", backend="numba"), on.rows("training", backend="rust"), strict=True
        )
    ),
    "So Rust's lead shrinks towards 400 units.": lambda on: (
        (leads := on.ratios("uniform", "numba", "rust", most=432)) == sorted(leads, reverse=True)
    ),
    "For batches of markets with hundreds of units numba is nearly as fast on one thread": (
        lambda on: max(on.ratios("batch", "numba", "rust", least=200)) < 1.25
    ),
    "With 5 units most of the time is that floor.": lambda on: (
        max(on.ratios("uniform", "rust", "floor", most=5)) < 2
    ),
    "It needs less time than a sort of as many integers from a few units on": lambda on: (
        max(column(table("native"), "clear / keys", least=5)) < 1
    ),
    "From 10 to 200 units the lead is between 5 and 6": lambda on: all(
        5 <= number(ratio) < 6 for ratio in targeted("clear, uniform: study-numba / rust", 10, 200)
    ),
    "**float32 at 5 units.**": lambda on: missed("float32", "uniform", "clear, rust") == [5],
    "**numba / rust from 500 to 10,000 units.**": lambda on: (
        missed("numba", "rust", "clear, uniform") == [500, 1000, 10_000]
    ),
    "Around 10,000 units a market, numba is as fast or nearly so on the Intel Xeon": lambda on: (
        not on.is_intel or 0.95 < ten_thousand(on) < 1.1
    ),
    "and takes about a seventh longer on the AMD EPYC: in pairs, as the table of targets": (
        lambda on: (
            part_of(STUDY, "targets").startswith("AMD EPYC")
            and all(
                1.12 < number(one) < 1.17
                for one in targeted("clear, uniform: numba / rust", 10_000, 10_000)
            )
        )
    ),
    "The sweep above has a fifth.": lambda on: on.is_intel or 1.15 < ten_thousand(on) < 1.25,
    "numba clears as fast on the Intel Xeon, and faster on the AMD EPYC.": lambda on: all(
        row["fastest"].startswith("too close: " if on.is_intel else "numba, ")
        for row in on.rows("fleet", kernel="`clear_batch`", bids="ACTIVSg2000")
    ),
    "A second thread pays for 4,096 environments of 100 generators, with numba and with Rust": (
        lambda on: all(
            number(row[f"{name}-parallel"]) > 1.2 * number(row[name])
            for row in on.rows("environments", environments="4,096", generators="100")
            for name in ("numba", "rust")
        )
    ),
    "In the largest markets one pass and a register for four powers of two keep Rust ahead": (
        lambda on: min(on.ratios("uniform", "numba", "rust", least=100_000)) > 1.1
    ),
    "Of a fifth of numba's time on the Intel Xeon the additions alone would take about half": (
        lambda on: (
            not on.is_intel
            or all(
                0.35 < additions / (1000 * numba / 5) < 0.65
                for numba, additions in zip(
                    on.column("batch", "numba", least=50),
                    column(table("native_batch"), "additions", least=50),
                    strict=True,
                )
            )
        )
    ),
    "**numba / rust in batches of 50 and 432 units.**": lambda on: (
        missed("numba", "rust", "clear_batch, uniform") == [50, 432]
    ),
    "With numba or Rust the clearing is the smaller part of a step": lambda on: all(
        number(row["share"]) < 50 for row in on.table("training") if row["backend"] != "numpy"
    ),
    "There CartPole is ahead, or level with Rust": lambda on: all(
        number(row["cartpole"]) > 0.95 * number(row[name])
        for row in on.table("gymnasium")
        for name in BACKENDS
    ),
    "What is met by little, if at all, and is more: **sync / rust in environments.**": lambda on: (
        all(
            row["verdict"] in {"met", "open"}
            for row in table("targets")
            if row["slow / fast"].endswith("sync / rust")
        )
    ),
    "In the sweep below, where each is timed for itself, the ratio is several times as large": (
        lambda on: all(
            number(row["rust"]) / number(row["sync"]) > 300
            for row in on.rows("environments", environments="1,024", generators="5")
        )
    ),
}
"""Of docs/performance.md."""


@pytest.mark.parametrize("sentence", CLAIMS)
def test_a_sentence_of_the_study_stands_there_and_holds_on_every_processor(sentence: str) -> None:
    assert sentence in text(STUDY)
    assert [CLAIMS[sentence](study) for study in STUDIES] == [True] * len(STUDIES)


@dataclass(frozen=True)
class Learnt:
    """The lowest and the highest figure of some trainings, relative to another row's."""

    low: float
    high: float


LAST, BEST = "exploitability after the last round", "after the best"


def learnt(
    market: str, name: str, column: str = LAST, *, to: str = "bid cost", of: str = LAST
) -> Learnt:
    """Return what agents come to in a market.

    `name` and `to` are how rows of what they do begin, `column` and `of` what is looked at there.
    """

    def cells(begin: str, title: str) -> list[float]:
        return [
            number(one)
            for row in table("schedules", LEARNING)
            if row["market"] == market and row["what agents do"].startswith(begin)
            for one in row[title].split(" to ")
        ]

    found, (base,) = cells(name, column), cells(to, of)
    return Learnt(min(found) / base, max(found) / base)


def saved() -> dict[str, Any]:
    """Return the trainings and speeds that the page's tables are made from."""
    found: dict[str, Any] = json.loads(
        (ROOT / "docs/runs/learning.json").read_text(encoding="utf-8")
    )
    return found


def rates(library: str) -> list[float]:
    """Return how fast a library lets five agents learn: the median, lowest, highest."""
    (cell,) = (
        row["steps of five learning agents"]
        for row in table("learners", LEARNING)
        if row["library"].startswith(library)
    )
    return [number(one) for one in re.findall(r"[\d,]+", cell)]


OWN = [f"learn, {schedule} (each its own)" for schedule in ("simultaneous", "ibr", "sbr")]
ONE = "learn, simultaneous (one policy)"
LEARNT: Mapping[str, Callable[[], bool]] = {
    "after the last round less than a fifth of what bidding cost leaves": lambda: (
        max(learnt("duopoly", own).high for own in OWN) < 0.2
    ),
    "and after the best one less than a tenth": lambda: (
        max(learnt("duopoly", own, BEST).high for own in OWN) < 0.1
    ),
    "With one policy for both, more than a third is left at the end": lambda: (
        learnt("duopoly", ONE).low > 1 / 3
    ),
    "and more than a fifth after the best round": lambda: learnt("duopoly", ONE, BEST).low > 0.2,
    "even after the best round, at least half of what bidding cost leaves is still": lambda: (
        learnt("default", "learn", BEST).low >= 0.5
    ),
    "after the last one in some trainings more than all of it": lambda: (
        max(learnt("default", own).high for own in OWN) > 1
    ),
    "With one policy, all trainings end further from rest than where all bid cost,": lambda: (
        learnt("default", ONE).low > 1
    ),
    "though they have been nearer": lambda: learnt("default", ONE, BEST).high < 1,
    "earn about what they do in the equilibrium, or up to a fifth more": lambda: (
        (
            earned := learnt(
                "default", "learn", "profit of all", to="equilibrium", of="profit of all"
            )
        ).low
        > 0.9
        and 1 < earned.high <= 1.2
    ),
    "Exploitability goes up and down from round to round": lambda: any(
        min(one["exploitability"]) < 0.8 * one["exploitability"][-1]
        for one in saved()["trainings"]
    ),
    "All trainings together took about 1,300 seconds of processor time.": lambda: (
        1250 < sum(one["cpu_seconds"] for one in saved()["trainings"]) < 1350
    ),
    "five agents learn from more steps than Stable-Baselines3 in each sample": lambda: (
        min(rates("TorchRL ") + rates("TorchRL,")) > max(rates("Stable-Baselines3"))
    ),
    "from more than a hundred times as many as RLlib": lambda: (
        min(rates("TorchRL ") + rates("TorchRL,")) > 100 * max(rates("RLlib"))
    ),
    "trains five generators, in less than two minutes on two cores": lambda: (
        saved()["command"]["seconds"] < 120 and saved()["machine"]["usable_cores"] == 2
    ),
}
"""Of docs/learning.md."""


@pytest.mark.parametrize("sentence", LEARNT)
def test_a_sentence_on_learning_stands_there_and_holds(sentence: str) -> None:
    assert sentence in text(LEARNING)
    assert LEARNT[sentence]()


def duelled(page: str, part: str) -> list[float]:
    """Return the ratios of a duel."""
    return [number(row["ratio"].partition(" ")[0]) for row in table(part, ROOT / "docs" / page)]


DUELS: Mapping[tuple[str, str], Callable[[], bool]] = {
    ("frames.md", "It takes at most half as long again:"): lambda: (
        max(duelled("frames.md", "tables_of_offers")) <= 1.5
    ),
    ("settlement.md", "and less time than `settle`"): lambda: (
        max(duelled("settlement.md", "totals_of_year")) < 1
    ),
}
"""Of pages with a duel of two benchmarks."""


@pytest.mark.parametrize(("page", "sentence"), DUELS)
def test_a_sentence_on_a_duel_stands_there_and_holds(page: str, sentence: str) -> None:
    assert sentence in text(ROOT / "docs" / page)
    assert DUELS[page, sentence]()


@pytest.mark.parametrize(
    ("page", "recommended"),
    [
        ("docs/choosing.md", "Use `(\\w+)` where its wheel can be installed\\."),
        ("README.md", "\\| `(\\w+)` \\|[^|]*\\| speed, at once"),
        ("docs/choosing.md", "\\| `(\\w+)` \\|[^|]*\\| speed, at once"),
    ],
)
def test_the_backend_that_is_recommended_is_the_fastest_of_the_study(
    page: str, recommended: str
) -> None:
    (found,) = re.findall(recommended, text(ROOT / page))
    for study in STUDIES:
        for part in "uniform", "batch":
            means = {name: geometric_mean(study.column(part, name)) for name in BACKENDS}
            assert found == min(means, key=means.__getitem__)


@pytest.mark.parametrize("page", ["README.md", "docs/choosing.md", "docs/performance.md"])
def test_what_sweeps_said_of_the_largest_market_stands_there_and_holds(page: str) -> None:
    assert (
        "At 100,000 units three of ten sweeps on the AMD EPYC called rust the winner, and seven "
        "called none, though numba took 1.3 to 2.5 times as long as rust in them"
        in text(ROOT / page)
    )
    saved = json.loads((ROOT / "docs/runs/repeat-amd-epyc.json").read_text(encoding="utf-8"))
    sweeps = [one["questions"]["clear, uniform"] for one in saved["sweeps"]]
    assert (saved["machine"]["cpu"], saved["beside"], len(sweeps)) == ("AMD EPYC", 0, 10)
    called = Counter(one["winners"]["100000"] for one in sweeps)
    assert called == {"rust": 3, None: 7}
    relative = [one["relative"]["100000"] for one in sweeps]
    ratios = [one["numba"] / one["rust"] for one in relative]
    assert f"{min(ratios):.1f} to {max(ratios):.1f}" == "1.3 to 2.5"


def test_only_generated_text_tells_who_wins_where() -> None:
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        whole = page.read_text(encoding="utf-8")
        prose = re.sub(r"(?s)<!-- generated: \w+ -->.*?<!-- end -->", "", whole)
        claims = (
            r"Crossover:|fastest at (every|all)|Use rust|\d[\d.]*× (as fast|faster|numba|rust)"
        )
        assert not re.findall(claims, prose), page.name
