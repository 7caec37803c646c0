"""Words from elsewhere, made harmless in one place."""

import json
from collections.abc import Callable

import pytest

from judged import gate_regression, several
from pytest_duel.formats import FORMATS
from pytest_duel.support import harmless
from pytest_duel.verdicts.model import Judgement, Row

CLIPBOARD, CLEAR = "\x1b]52;c;cm0gLXJmIH4=\x07", "\x1b[2J\x1b[H"
FORGED = "a\nverdict: no change (0 cases)\r\n::error::owned\n##[error]owned"
TURNED, HALF = "abc\u202efed\u2066x\u200f", "half \ud800 of it"
ENDS = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g"
UNSEEN = {*"\x1b\x07\x9b\x0b\x0c\x1c\x85\u2028\u2029\u202e\u2066\u200f\ud800\r\0\x7f"}
WORDS = f"{CLIPBOARD}{CLEAR}{FORGED}{TURNED}{HALF}{ENDS}\x9b\0\x7f @team http://evil.example"


def hostile(change: Callable[[str], str] = lambda text: text) -> Judgement:
    text = change(WORDS)
    row = Row(text, text, text, (text,), text, note=text)
    return Judgement("compare", text, (text,), (row, row), (row,), (text,), (text,))


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_lets_them_do_anything(name: str) -> None:
    shown = FORMATS[name](hostile())
    quoted = {one for one in UNSEEN if one.isspace()} if name == "github" else set()
    assert not (UNSEEN - quoted) & {*shown}
    shown.encode()
    lines = [line.strip() for line in shown.split("\n")]
    own = {"::notice", "::warning", "::error"} if name == "github" else set()
    commands = [line for line in lines if line.startswith("::")]
    assert {line.partition(" ")[0] for line in commands} <= own
    assert all(" title=compare" in line for line in commands)
    assert "##[" not in shown or name == "github"  # in one of ours
    assert not [line for line in shown.split("\n") if line.startswith("verdict: no change (0")]
    if name == "terminal":
        assert [line for line in shown.split("\n") if line.startswith("verdict:")][1:] == []


def test_programs_get_the_words_as_they_are() -> None:
    told = json.loads(FORMATS["json"](hostile()))
    assert told["title"] == WORDS
    assert told["cases"][0]["name"] == WORDS


@pytest.mark.parametrize(
    "text",
    [
        "@octocat", "hi @org/team!", "http://x.y", "HTTPS://x.y", "ftp://x.y", "www.x.y",
        "mailto:a@b.c", "a@b.c", "file:///etc",
    ],
)  # fmt: skip
def test_markdown_makes_no_link_and_calls_nobody(text: str) -> None:
    shown = FORMATS["markdown"](hostile(lambda _: f"see {text} there`"))
    assert text.lower() not in shown.lower()
    assert "&#8203;" in shown


@pytest.mark.parametrize("judgement", [several(1.3), gate_regression()], ids=["compare", "gate"])
def test_other_words_stay_as_they_are(judgement: Judgement) -> None:
    assert judgement.harmless() == judgement
    assert harmless.lines("a\tb\nµ × → é 日本 👍 tests/a.py::test_b[x-1]") == (
        "a\tb\nµ × → é 日本 👍 tests/a.py::test_b[x-1]"
    )
