"""How a judgement is written. A new format is one module with ``render``, and one entry here."""

from collections.abc import Callable, Mapping

from pytest_duel.formats import github, json, junit, markdown, terminal
from pytest_duel.verdicts.model import Judgement

FORMATS: Mapping[str, Callable[[Judgement], str]] = {
    "terminal": terminal.render,
    "markdown": markdown.render,
    "json": json.render,
    "junit": junit.render,
    "github": github.render,
}
"""Each returns the whole text, with a newline at its end."""

ENDINGS: Mapping[str, str] = {
    ".txt": "terminal",
    ".md": "markdown",
    ".json": "json",
    ".xml": "junit",
}
"""The format of a file, by the end of its name; GitHub reads annotations off the log."""
