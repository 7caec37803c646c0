"""How a judgement is written. A new format is one module with ``render``, and one entry here."""

from collections.abc import Callable, Mapping

from pytest_duel.formats import github, json, junit, markdown, terminal
from pytest_duel.verdicts.model import Judgement


def _of_harmless(render: Callable[[Judgement], str]) -> Callable[[Judgement], str]:
    """Return a format that is given no words from elsewhere as they are."""
    return lambda judgement: render(judgement.harmless())


FORMATS: Mapping[str, Callable[[Judgement], str]] = {
    "terminal": _of_harmless(terminal.render),
    "markdown": markdown.render,  # it makes each of them harmless once it is cut short
    "json": json.render,  # it quotes them, so that programs get them as they are
    "junit": _of_harmless(junit.render),
    "github": github.render,  # it quotes line ends, and with them commands
}
"""Each returns the whole text, with a newline at its end."""

ENDINGS: Mapping[str, str] = {
    ".txt": "terminal",
    ".md": "markdown",
    ".json": "json",
    ".xml": "junit",
}
"""The format of a file, by the end of its name; GitHub reads annotations off the log."""
