"""Markdown for a pull request: short, the verdict first, ``~`` for no change."""

import re
from collections.abc import Sequence

from pytest_duel.formats.terminal import counts
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support import harmless
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.markdown import LEFT, RIGHT, line, table
from pytest_duel.verdicts.model import Judgement, Row

MOST = 40
"""Lines of a kind; the rest is counted."""
LENGTH = 12_000
"""Characters of a kind: four kinds, with their headings, stay below the 65,536 of a comment."""
LONGEST = 600
"""Characters of a text, before it is escaped, which makes it some times longer at most."""
_APART = "&#8203;"
"""A space of no width: sites make links of what is not marked up, and this parts it."""
_LINKED = re.compile(r"@|:(?=//)|\b(?:mailto|xmpp):|\bwww\.", re.IGNORECASE)
"""The starts of mentions and of bare links."""
_GRAVEST_FIRST = (Exit.REGRESSION, Exit.ERROR, Exit.INCONCLUSIVE, Exit.PASS)
_WORDS = {Verdict.NO_CHANGE: "~", Verdict.REGRESSION: f"**{Verdict.REGRESSION}**"}


def render(judgement: Judgement) -> str:
    """Return the verdict, the warnings, the means, and the cases that changed, gravest first."""
    changed = [row for row in judgement.rows if row.notable]
    changed.sort(key=lambda row: _GRAVEST_FIRST.index(row.exit))
    heading = (
        f"**{judgement.command}: {_escaped(judgement.word)}** ({_escaped(counts(judgement))})"
    )
    blocks = [
        [heading],
        [_escaped(judgement.title)],
        _fitting([f"> ⚠ {_escaped(warning)}  " for warning in judgement.warnings], "> "),
        _table("case", judgement.columns, changed),
        _table("geometric mean", judgement.columns, judgement.means),
        _fitting([f"- {_escaped(note)}" for note in judgement.notes], "- "),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block).rstrip() + "\n"


def _fitting(lines: Sequence[str], mark: str) -> list[str]:
    """Return the first lines, as many as there is room for, and how many more there are."""
    shown: list[str] = []
    room = LENGTH
    for one in lines[:MOST]:
        room -= len(one) + 1
        if room < 0:
            break
        shown.append(one)
    left = len(lines) - len(shown)
    return [*shown, f"{mark}… and {left} more."] if left else shown


def _table(name: str, columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    align = [LEFT, *[RIGHT] * len(columns), LEFT]
    heading = table([name, *map(_escaped, columns), "verdict"], [], align)
    lines = [line([_code(row.name), *map(_escaped, row.cells), _said(row)]) for row in rows]
    # An empty line ends the table: what follows is no row.
    return [*heading, *_fitting(lines, "\n")]


def _said(row: Row) -> str:
    known = {str(verdict): word for verdict, word in _WORDS.items()}
    word = known.get(row.word) or _escaped(row.word)
    return f"{word}: {_escaped(row.note)}" if row.note else word


def _code(text: str) -> str:
    """Return a name as code, unless something in it would end that, or the table's cell."""
    plain = _plain(text)
    return _escaped(text) if not plain or set(plain) & set("`|\\") else f"`{plain}`"


def _escaped(text: str) -> str:
    """Return one line of text without markup: names come from saved files."""
    escaped = "".join(f"\\{one}" if one in "\\`*_[]<>|~#&$" else one for one in _plain(text))
    return _LINKED.sub(lambda found: f"{found[0]}{_APART}", escaped)


def _plain(text: str) -> str:
    plain = " ".join(text[: 4 * LONGEST].split())
    return harmless.line(plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…")
