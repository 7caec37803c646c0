"""Annotations for GitHub Actions: a workflow command a line, the verdict and the gravest first.

As https://docs.github.com/actions/reference/workflow-commands-for-github-actions has it, and
``packages/core/src/command.ts`` of https://github.com/actions/toolkit.
"""

from collections import Counter
from collections.abc import Sequence

from pytest_duel.formats.terminal import counts
from pytest_duel.support import harmless
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement, Row

SHOWN = 10
"""Annotations of each kind that GitHub shows for a step; its log has all of them."""
_KINDS = {
    Exit.REGRESSION: "error",
    Exit.ERROR: "error",
    Exit.INCONCLUSIVE: "warning",
    Exit.PASS: "notice",
}
_GRAVEST_FIRST = tuple(_KINDS)


def render(judgement: Judgement) -> str:
    """Return an annotation for the whole, each warning, and each row that a reader must see."""
    rows = [row for row in (*judgement.rows, *judgement.means) if row.notable]
    found = [
        *((Exit.INCONCLUSIVE, "warning", warning) for warning in judgement.warnings),
        *((row.exit, row.word, _message(row, judgement.columns)) for row in rows),
    ]
    found.sort(key=lambda one: _GRAVEST_FIRST.index(one[0]))
    whole = f"{judgement.word} ({counts(judgement)}): {judgement.title}"
    whole += _hidden([judgement.exit, *(code for code, _, _ in found)])
    found.insert(0, (judgement.exit, judgement.word, whole))
    return "".join(
        f"::{_KINDS[code]} title={_property(f'{judgement.command}: {word}')}::{_data(message)}\n"
        for code, word, message in found
    )


def _message(row: Row, columns: Sequence[str]) -> str:
    """Say all of it: the log shows no titles."""
    cells = zip(columns, row.cells, strict=True)
    known = [f"{column} {cell}" for column, cell in cells if cell != "–"]
    return f"{row.name}: " + ", ".join([row.word, *known, *([row.note] if row.note else [])])


def _hidden(codes: Sequence[Exit]) -> str:
    kinds = Counter(_KINDS[code] for code in codes)
    left = {kind: number - SHOWN for kind, number in kinds.items() if number > SHOWN}
    said = [f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in left.items()]
    return f"; only in the log: {', '.join(said)}" if said else ""


def _data(text: str) -> str:
    return harmless.message(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
