"""The one place that makes words from elsewhere harmless, for every format.

Names of files, branches, benchmarks and scenarios, subjects of commits and texts in saved runs
come from others. On a terminal they could move the cursor, forge a line or fill the clipboard. In
a log of GitHub they could be commands. Characters that an encoding lacks would end the program
that writes them.
"""

import json
import re
import unicodedata

_CONTROL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Of Unicode's categories, those that are seen only by what they do: control and format
characters, among them escapes and all that turns the direction of text; halves of surrogate pairs;
line and paragraph separators."""
_COMMAND = re.compile(r"(?<!\S)::|##\[")
"""The starts of commands in a log of GitHub: at the start of a line, or anywhere."""


class _Escapes(dict[int, str]):
    """By code point, what to write in its place; `str.translate` asks."""

    def __init__(self, kept: str) -> None:
        super().__init__()
        self.kept = kept

    def __missing__(self, point: int) -> str:
        one = chr(point)
        if one not in self.kept and unicodedata.category(one) in _CONTROL:
            one = repr(one)[1:-1]
        self[point] = one
        return one


_LINE, _LINES = _Escapes(""), _Escapes("\n\t")


_MESSAGE = _Escapes("".join(one for one in map(chr, range(0x2030)) if one.isspace()))


class _JsonEscapes(_Escapes):
    def __missing__(self, point: int) -> str:
        one = chr(point)
        if one not in self.kept and unicodedata.category(one) in _CONTROL:
            one = json.dumps(one)[1:-1]
        self[point] = one
        return one


_JSON = _JsonEscapes("\n")


def line(text: str) -> str:
    """Return text that stays within its line: a name, a cell."""
    return _uncommanding(_translated(text, _LINE))


def paragraph(text: str) -> str:
    """Return text whose lines do not matter, on one line."""
    return line(" ".join(text.split()))


def message(text: str) -> str:
    """Return text for what quotes the ends of lines itself."""
    return _translated(text, _MESSAGE)


def lines(text: str) -> str:
    """Return a text that may have several lines, such as a compiler's output."""
    return _uncommanding(_translated(text.replace("\r\n", "\n"), _LINES))


def whole(text: str) -> str:
    """Return a text of ours, made of such parts, fit for any stream."""
    return _translated(text, _LINES)


def json_text(text: str) -> str:
    """Return JSON that says the same with nothing in it but what can be seen."""
    return _translated(text, _JSON).replace("##[", "##\\u005b")


def _translated(text: str, escapes: _Escapes) -> str:
    return text if text.isprintable() else text.translate(escapes)  # most is, and long at times


def _uncommanding(text: str) -> str:
    if "::" not in text and "##[" not in text:
        return text
    return _COMMAND.sub(lambda found: f"{found[0][:-1]} {found[0][-1]}", text)
