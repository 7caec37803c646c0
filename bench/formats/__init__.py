"""How a judgement is written. A new format is one module with ``render``, and one entry here."""

from collections.abc import Callable, Mapping

from bench.formats import json, junit, markdown, terminal
from bench.judgement import Judgement

FORMATS: Mapping[str, Callable[[Judgement], str]] = {
    "terminal": terminal.render,
    "markdown": markdown.render,
    "json": json.render,
    "junit": junit.render,
}
"""Each returns the whole text, with a newline at its end."""
