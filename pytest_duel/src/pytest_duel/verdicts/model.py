"""The conclusion of a comparison, a duel or a gate, for any format. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_duel.statistics.paired import Verdict
from pytest_duel.support import harmless
from pytest_duel.support.exit_codes import Exit, worst

RANKING = (Verdict.REGRESSION, Verdict.INCONCLUSIVE, Verdict.IMPROVEMENT, Verdict.NO_CHANGE)
QUIET = (Verdict.NO_CHANGE, Verdict.INCONCLUSIVE, "control", "steady", "too short")
"""Words of rows that a short report leaves out."""


@dataclass(frozen=True)
class Row:
    """A case, or a mean over cases."""

    name: str
    """In full, and unique: ``clear[rust-uniform-200]``."""
    group: str
    """The heading that it stands under."""
    label: str
    """Its name under that heading."""
    cells: tuple[str, ...]
    """The texts in the judgement's columns."""
    word: str
    """Its verdict, or what else there is to say: ``gone``, ``new``."""
    exit: Exit = Exit.PASS
    """The exit code that this row alone would give."""
    note: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The same for machines: numbers in SI units, None where unknown."""

    def harmless(self) -> "Row":
        """Return the same with words from elsewhere made harmless; numbers and `data` stay."""
        return replace(
            self,
            name=harmless.line(self.name),
            group=harmless.line(self.group),
            label=harmless.line(self.label),
            cells=tuple(map(harmless.line, self.cells)),
            word=harmless.line(self.word),
            note=harmless.lines(self.note),
        )

    @property
    def notable(self) -> bool:
        """Tell whether a short report must show it."""
        return self.exit is not Exit.PASS or self.word not in QUIET


@dataclass(frozen=True)
class Judgement:
    """All findings of a command."""

    command: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    """One for each case."""
    means: tuple[Row, ...] = ()
    """Means over the cases, in the same columns."""
    warnings: tuple[str, ...] = ()
    """Doubts about the verdict, to be shown prominently."""
    notes: tuple[str, ...] = ()
    """How to read it."""
    void: bool = False
    """The measurement cannot be trusted; its rows do not count."""
    words: tuple[str, ...] = tuple(map(str, RANKING))
    """The words of rows, gravest first. The last is used if no row has another."""
    overall: str = ""
    """The verdict on the whole, if that is not the gravest of the rows."""
    data: Mapping[str, Any] = field(default_factory=dict)

    def harmless(self) -> "Judgement":
        """Return the same with words from elsewhere made harmless."""
        return replace(
            self,
            title=harmless.line(self.title),
            columns=tuple(map(harmless.line, self.columns)),
            rows=tuple(row.harmless() for row in self.rows),
            means=tuple(row.harmless() for row in self.means),
            warnings=tuple(map(harmless.paragraph, self.warnings)),
            notes=tuple(map(harmless.paragraph, self.notes)),
            words=tuple(map(harmless.line, self.words)),
            overall=harmless.line(self.overall),
        )

    @property
    def word(self) -> str:
        """Return the verdict on the whole."""
        said = {row.word for row in (*self.rows, *self.means)}
        gravest, *others, least = self.words
        if not self.void and not self.overall and gravest in said:
            return gravest
        if any(row.exit is Exit.ERROR for row in self.rows):
            return "error"
        if self.void:
            return "void"
        if self.overall:
            return self.overall
        return next((word for word in others if word in said), least)

    @property
    def exit(self) -> Exit:
        """Return the command's exit code."""
        own = Exit.INCONCLUSIVE if self.void else Exit.PASS
        return worst([own, *(row.exit for row in (*self.rows, *self.means))])

    @property
    def counts(self) -> dict[str, int]:
        """Return how many cases have which verdict, the gravest first."""
        order = (Verdict.REGRESSION, "gone", Verdict.IMPROVEMENT, "new", Verdict.INCONCLUSIVE)
        words = [row.word for row in self.rows]
        known = [str(word) for word in (*order, Verdict.NO_CHANGE)]
        kinds = [*known, *sorted(set(words) - set(known))]
        return {word: words.count(word) for word in kinds if word in words}
