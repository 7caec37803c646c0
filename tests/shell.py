"""Look at shell commands without running them: that the program, its options and files exist.

`problems` splits a block as a shell would, and has every command looked at by the function that
knows its program. A program that none knows is a problem; a new one is an entry in `PROGRAMS`.
"""

import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.__main__ import PROGRAM as OWN
from pytest_duel.cli.main import PROGRAM, Program

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DUEL: dict[str, Any] = tomllib.loads(
    (ROOT / "pytest_duel" / "pyproject.toml").read_text(encoding="utf-8")
)
OPERATORS = {";", "&&", "||", "|", "(", ")", "do", "done", "then", "fi"}
Words = Sequence[str]


def commands(block: str) -> Iterator[list[str]]:
    """Yield the words of each command; prompts, comments and loops are taken off."""
    text = re.sub(r"(?m)^\$ ", "", block).replace("\\\n", " ")
    text = re.sub(r"\$\([^()]*\)", "VALUE", text)  # what a command prints is not known here
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word not in OPERATORS:
                words.append(word)
            elif words:
                if words[0] != "for":
                    yield words
                words = []


def problems(block: str, options: set[str]) -> list[str]:
    """Return what is wrong with a block; `options` are those that pytest knows here."""
    found = []
    for words in commands(block):
        known = PROGRAMS.get(words[0])
        said = known(words[1:], options) if known else f"nobody knows {words[0]!r}"
        if said:
            found.append(f"{shlex.join(words)}: {said}")
    return found


def _command(program: Program, words: Words) -> str:
    """Have the program's own parser read the words."""
    if words[0] not in program.commands:
        return f"{program.name} has no {words[0]}"
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            program.parser(words).parse_args(words)
    except SystemExit as ended:
        return said.getvalue().strip() if ended.code else ""
    return ""


def _python(words: Words, _: set[str]) -> str:
    if words[0] != "-m":
        return "it is no module"
    if words[1] == "bench":
        return _command(OWN, words[2:])
    if words[1] == "pip":
        return _pip(words[2:], _)
    path = ROOT.joinpath(*words[1].split("."))
    return "" if path.with_suffix(".py").is_file() else f"there is no module {words[1]}"


def _pytest(words: Words, options: set[str]) -> str:
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("-") and name not in options:
            return f"pytest has no {name}"
        if "/" in word and not word.startswith("-") and not _will_be(word):
            return f"there is no {word}"
    return ""


def _will_be(path: str) -> bool:
    """Tell whether a file is there, or comes to be: a page says what to write into it."""
    written = f"This is `{path}`"
    return (ROOT / path).exists() or any(
        written in page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md")
    )


def _make(words: Words, options: set[str]) -> str:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z ]+):(?!=)", makefile))
    if words[0] not in {name for some in targets for name in some.split()}:
        return f"make has no {words[0]}"
    given = [word.removeprefix("ARGS=") for word in words[1:] if word.startswith("ARGS=")]
    arguments = shlex.split(given[0]) if given else []
    if words[0] in ("bench", "test"):
        return _pytest(arguments, options)
    return _command(PROGRAM, [words[0], *arguments])


def _tox(words: Words, _: set[str]) -> str:
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    known = set(re.findall(r"(?m)^\[testenv:(\w+)\]", text))
    if "-e" not in words:
        return ""
    asked = words[words.index("-e") + 1].split(",")
    missing = [name for name in asked if name not in known and not re.match(r"py\d*$", name)]
    if missing:
        return f"tox has no {', '.join(missing)}"
    rest = words[words.index("--") + 1 :] if "--" in words else []
    return _command(PROGRAM, [asked[0], *rest]) if asked[0] in PROGRAM.commands else ""


def _pip(words: Words, _: set[str]) -> str:
    asked = re.findall(r"(\.|\./pytest_duel|pytest_duel-\S*\.whl)\[([\w,]+)\]", " ".join(words))
    for what, extra in asked:
        own = DUEL if "pytest_duel" in what else PROJECT
        if missing := set(extra.split(",")) - set(own["project"]["optional-dependencies"]):
            return f"there is no extra {', '.join(missing)}"
    return "" if words[0] == "install" else f"pip {words[0]}"


def _git(words: Words, _: set[str]) -> str:
    return "" if words[0] in ("clone", "fetch") else f"a page has no use for git {words[0]}"


def _cargo(words: Words, _: set[str]) -> str:
    if words[0] != "bench":
        return ""
    names = [words[place + 1] for place, word in enumerate(words) if word == "--bench"]
    missing = [one for one in names if not (ROOT / f"rust_market/core/benches/{one}.rs").is_file()]
    return f"cargo has no bench {', '.join(missing)}" if missing else ""


def _cd(words: Words, _: set[str]) -> str:
    return "" if (ROOT / words[0]).is_dir() else f"there is no folder {words[0]}"


PROGRAMS: dict[str, Callable[[Words, set[str]], str]] = {
    "make": _make,
    "python": _python,
    "pytest": _pytest,
    "tox": _tox,
    ".tox-runner/bin/tox": _tox,
    "pytest-duel": lambda words, _: _command(PROGRAM, words),
    "pip": _pip,
    "git": _git,
    "cargo": _cargo,
    "maturin": lambda words, _: "" if words[0] in ("build", "develop") else "maturin has no such",
    "cd": _cd,
    "gzip": lambda *_: "",
    ".ci/run": lambda *_: "" if (ROOT / ".ci/run").is_file() else "it is not there",
}
