"""Judgements in every format, held against files in `tests/data/formats`.

After a change that is meant, write them anew and look at the difference before you commit it::

    UPDATE_GOLDEN=1 pytest pytest_duel/tests/formats/test_formats.py
"""

import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from judged import (
    GONE,
    PUBLIC,
    RUST,
    SLOW,
    gate_idle,
    gate_regression,
    gate_void,
    messy,
    several,
    two_backends,
)
from places import DATA
from pytest_duel import formats
from pytest_duel.formats import FORMATS
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.exit_codes import Exit, worst
from pytest_duel.support.terminal import WIDTH
from pytest_duel.verdicts.model import Judgement, Row
from simulated_history import judged_history
from simulated_targets import judged_targets

GOLDEN = DATA / "formats"
REGENERATE = "UPDATE_GOLDEN"
ENDINGS = {
    "terminal": "txt",
    "markdown": "md",
    "json": "json",
    "junit": "xml",
    "github": "log",
}

SITUATIONS: dict[str, Callable[[], Judgement]] = {
    "regression": lambda: several(1.3),
    "improvement": lambda: several(0.5),
    "no-change": several,
    "messy": messy,
    "two-backends": two_backends,
    "gate": gate_regression,
    "gate-void": gate_void,
    "gate-idle": gate_idle,
    "targets": judged_targets,
    "history": judged_history,
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_judgement_reads_as_agreed(situation: str, name: str) -> None:
    rendered = FORMATS[name](SITUATIONS[situation]())
    path = GOLDEN / f"{situation}.{ENDINGS[name]}"
    if REGENERATE in os.environ:
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered, encoding="utf-8")
    assert rendered == path.read_text(encoding="utf-8")
    assert rendered.endswith("\n")
    if name == "terminal":
        assert max(map(len, rendered.splitlines())) <= WIDTH
        assert "\x1b" not in rendered


def test_every_format_has_a_golden_file() -> None:
    assert set(ENDINGS) == set(FORMATS)
    endings = {name: ending.removeprefix(".") for ending, name in formats.ENDINGS.items()}
    assert endings.items() <= ENDINGS.items()


def test_markdown_says_the_verdict_first_and_leaves_out_what_did_not_change() -> None:
    lines = FORMATS["markdown"](several(1.3)).splitlines()
    assert lines[0].startswith("**compare: regression** (1 regression, ")
    table = [line for line in lines if "-uniform-" in line]
    assert len(table) == 1
    assert "clear[rust-uniform-200]" in table[0]
    quiet = FORMATS["markdown"](several())
    assert "-uniform-" not in quiet
    assert "| ~ |" in quiet


def cells_of(line: str) -> list[str]:
    """Return the cells of a table's line, read as GitHub reads it."""
    cells = re.findall(r"((?:\\.|[^\\|])*)\|", line.removeprefix("|"))
    assert sum(map(len, cells)) + len(cells) + 1 == len(line)
    return [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in cells]


HOSTILE = "a | b\n| c \\| [d](e) <img> **f** `g` #1 ~~h~~ &amp;\r\n\n# i \u2028- j"


def test_nothing_from_a_saved_file_is_markup() -> None:
    row = Row(HOSTILE, "group", HOSTILE, (HOSTILE,), "gone", Exit.ERROR, HOSTILE)
    judgement = replace(
        judged(row), title=HOSTILE, columns=(HOSTILE,), means=(row,), warnings=(HOSTILE,),
        notes=(HOSTILE,),
    )  # fmt: skip
    rendered = FORMATS["markdown"](judgement)
    line = " ".join(HOSTILE.split())
    lines = rendered.splitlines()
    # The verdict, the title, the warning, three lines a table, the note; empty lines between.
    assert len(lines) == 15
    tables = [cells_of(one) for one in lines if one.startswith("| ") and ":--" not in one]
    assert [len(cells) for cells in tables] == [3] * 4
    assert [tables[0][1], *tables[1]] == [line, line, line, f"gone: {line}"]
    for markup in ("[d]", "<img", "**f", "`g", "#1", "~~h", "&amp;"):
        assert not re.search(rf"(?<!\\){re.escape(markup)}", rendered)


def test_the_word_for_the_whole_is_no_markup_either() -> None:
    """It may name an arm, and so a branch."""
    word = "@org/team<b> \x1b[2J faster"
    own = replace(judged(), overall=word)
    assert replace(judged(), words=("slower", word)).harmless().word == own.harmless().word
    assert "**gate: @&#8203;org/team\\<b\\> \\\\x1b\\[2J faster**" in FORMATS["markdown"](own)
    for name in FORMATS:
        assert "\x1b" not in FORMATS[name](own)


def test_markdown_names_are_code_where_they_can_be() -> None:
    rows = [
        replace(ROW, name=name, word="new") for name in ("clear[a_b-c-5]", "a|b", "a`b", "a\nb")
    ]
    lines = FORMATS["markdown"](judged(*rows)).splitlines()
    assert [line.split(" 1 | ")[0] for line in lines[-4:]] == [
        "| `clear[a_b-c-5]` |", "| a\\|b |", "| a\\`b |", "| `a b` |",
    ]  # fmt: skip


def test_markdown_shows_the_gravest_first_and_counts_what_it_leaves_out() -> None:
    new = [replace(ROW, name=f"new {n}", word="new") for n in range(50)]
    open_ = replace(ROW, name="open", word=Verdict.INCONCLUSIVE, exit=Exit.INCONCLUSIVE)
    gone = replace(ROW, name="gone", word="gone", exit=Exit.ERROR)
    slow = replace(ROW, name="slow", word=Verdict.REGRESSION, exit=Exit.REGRESSION)
    rendered = FORMATS["markdown"](judged(*new, open_, gone, slow))
    names = re.findall(r"^\| `(.*?)` \|", rendered, re.MULTILINE)
    assert names == ["slow", "gone", "open", *(f"new {n}" for n in range(37))]
    assert rendered.endswith("\n\n… and 13 more.\n")


@pytest.mark.parametrize(("number", "length"), [(5000, 10), (30, 3000), (200, 100_000), (40, 500)])
def test_markdown_fits_into_a_comment(number: int, length: int) -> None:
    long = "|" * length
    rows = [
        Row(f"{n}{long}", "group", "label", (long,) * 4, long, Exit.ERROR, long)
        for n in range(number)
    ]
    judgement = Judgement(
        "gate", long, (long,) * 4, tuple(rows), tuple(rows), (long,) * number, (long,) * number
    )
    rendered = FORMATS["markdown"](judgement)
    assert len(rendered) < 65_536
    assert rendered.startswith("**gate: error**")
    shown = (
        len(re.findall(r"^> ⚠", rendered, re.MULTILINE)),
        *(len(re.findall(r"^\| \d+", part, re.MULTILINE)) for part in rendered.split("| geom")),
        len(re.findall(r"^- \\", rendered, re.MULTILINE)),
    )
    left = [int(one) for one in re.findall(r"… and (\d+) more\.", rendered)]
    assert all(one > 0 for one in shown)
    assert sum(shown) + sum(left) == 4 * number


def test_junit_read_back_shows_the_failure() -> None:
    root = ET.fromstring(FORMATS["junit"](several(1.3)))  # noqa: S314
    (suite,) = root.findall("testsuite")
    failed = [case for case in suite.iter("testcase") if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == [SLOW.id, "clear[rust]"]
    (failure,) = failed[0].findall("failure")
    assert failure.get("message") == f"{SLOW.id}: regression"
    assert "trusted [95 %]: 1.3" in str(failure.text)
    assert (suite.get("failures"), suite.get("errors")) == ("2", "0")
    assert suite.get("tests") == str(len(list(suite.iter("testcase")))) == root.get("tests")


def test_junit_read_back_shows_a_missing_case_and_what_was_skipped() -> None:
    root = ET.fromstring(FORMATS["junit"](messy()))  # noqa: S314
    errors = [case.get("name") for case in root.iter("testcase") if case.find("error") is not None]
    assert errors == [GONE.id]
    skipped = root.findall(".//testcase/skipped")
    assert skipped
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert root.get(name) == str(len(root.findall(f".//testcase/{tag}")))
    assert "debug build" in str(root.findtext(".//system-err"))


def test_junit_read_back_shows_what_a_gate_found() -> None:
    root = ET.fromstring(FORMATS["junit"](gate_regression()))  # noqa: S314
    found = {
        tag: [case.get("name") for case in root.iter("testcase") if case.find(tag) is not None]
        for tag in ("failure", "error")
    }
    assert found == {
        "failure": [RUST[0]],
        "error": [PUBLIC, "bench/test_train.py::train[rust-bidding-5]"],
    }
    (failure,) = root.iter("failure")
    assert failure.get("message") == f"{RUST[0]}: regression, instructions +4.81%"
    assert "change [95 %]: +5." in str(failure.text)
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("1", "2", "0")


def test_junit_read_back_shows_that_a_gate_is_void() -> None:
    root = ET.fromstring(FORMATS["junit"](gate_void()))  # noqa: S314
    errors = {case.get("name"): case.find("error") for case in root.iter("testcase")}
    assert "equal code differed on this machine" in str(getattr(errors["gate"], "text", ""))
    assert "where the reference has 2.5" in str(getattr(errors[RUST[0]], "text", ""))
    assert (root.get("failures"), root.get("errors")) == ("0", "3")


def test_json_tells_machines_the_same() -> None:
    said = json.loads(FORMATS["json"](several(1.3)))
    assert (said["schema"], said["verdict"], said["exit_code"]) == (1, "regression", 1)
    assert said["controls"]["clear"]["backend"] in ("numpy", "numba")
    (slow,) = [case for case in said["cases"] if case["verdict"] == "regression"]
    assert slow["name"] == SLOW.id
    assert slow["new"] / slow["old"] == pytest.approx(1.3, rel=0.01)
    assert slow["relative"]["low"] < 1.3 < slow["relative"]["high"]


ROW = Row("a", "group", "a", ("1",), Verdict.NO_CHANGE)


def judged(*rows: Row, void: bool = False) -> Judgement:
    return Judgement("gate", "a title", ("time",), rows, void=void)


def annotations(rendered: str) -> list[tuple[str, str, str]]:
    """Return kind, title and message of each line, read as GitHub's runner reads a log."""
    found = []
    for line in re.split("\r\n|\r|\n", rendered.removesuffix("\n")):
        match = re.fullmatch("::([^ :]+)(?: (.*?))?::(.*)", line)
        assert match, line
        kind, properties, message = match.groups()
        named = dict(pair.split("=", 1) for pair in properties.split(","))
        for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n")):
            named = {key: value.replace(code, character) for key, value in named.items()}
            message = message if character in ":," else message.replace(code, character)
        assert named.keys() == {"title"}
        found.append((kind, named["title"].replace("%25", "%"), message.replace("%25", "%")))
    return found


def test_github_annotates_the_whole_and_what_matters_the_gravest_first() -> None:
    slow = replace(ROW, name="slow", word=Verdict.REGRESSION, exit=Exit.REGRESSION)
    gone = replace(ROW, name="gone", word="gone", exit=Exit.ERROR, cells=("–",), note="it is not")
    fast = replace(ROW, name="fast", word=Verdict.IMPROVEMENT, cells=("5 %",))
    open_ = replace(ROW, name="open", word=Verdict.INCONCLUSIVE, exit=Exit.INCONCLUSIVE)
    quiet = replace(ROW, name="quiet", word=Verdict.INCONCLUSIVE)
    judgement = judged(ROW, fast, open_, quiet, gone, slow)
    whole, *rest = annotations(FORMATS["github"](replace(judgement, warnings=("beware",))))
    assert whole[:2] == ("error", "gate: regression")
    assert whole[2].startswith("regression (1 regression, 1 gone, 1 improvement, 2 inconclusive")
    assert rest == [
        ("error", "gate: regression", "slow: regression, time 1"),
        ("error", "gate: gone", "gone: gone, it is not"),
        ("warning", "gate: warning", "beware"),
        ("warning", "gate: inconclusive", "open: inconclusive, time 1"),
        ("notice", "gate: improvement", "fast: improvement, time 5 %"),
    ]


@pytest.mark.parametrize(
    ("judgement", "kind", "title"),
    [
        (judged(ROW), "notice", "gate: no change"),
        (judged(ROW, void=True), "warning", "gate: void"),
        (judged(replace(ROW, word="gone", exit=Exit.ERROR)), "error", "gate: error"),
    ],
)
def test_github_annotates_the_whole_as_the_exit_code_has_it(
    judgement: Judgement, kind: str, title: str
) -> None:
    assert annotations(FORMATS["github"](judgement))[0][:2] == (kind, title)


def test_github_says_what_it_will_not_show() -> None:
    slow = [
        replace(ROW, name=str(n), word=Verdict.REGRESSION, exit=Exit.REGRESSION) for n in range(12)
    ]
    whole, *rest = annotations(FORMATS["github"](judged(*slow)))
    assert whole[2].endswith("; only in the log: 3 errors")  # 13 with this one; it shows 10
    assert len(rest) == 12
    at_most = annotations(FORMATS["github"](judged(*slow[:9])))
    assert len(at_most) == 10
    assert "only in the log" not in at_most[0][2]


@pytest.mark.parametrize(
    "hostile",
    [
        "a\n::error::b",
        "a\r\n::stop-commands::b",
        "::add-mask::b",
        "a::error title=x,file=y::b",
        "##[error]b",
        "%0A::error::b%25",
        "a\u2028\x85\x0b::error::b",
    ],
)
def test_a_name_from_a_saved_file_is_no_command_to_github(hostile: str) -> None:
    row = replace(ROW, name=hostile, word=hostile, exit=Exit.ERROR, note=hostile, cells=(hostile,))
    judgement = replace(judged(row), title=hostile, warnings=(hostile,))
    (whole, error, warning) = annotations(FORMATS["github"](judgement))
    assert (whole[0], error[0], warning[0]) == ("error", "error", "warning")
    assert whole[2].endswith(f": {hostile}")
    assert error[1:] == (f"gate: {hostile}", f"{hostile}: {hostile}, time {hostile}, {hostile}")
    assert warning[2] == hostile


@pytest.mark.parametrize("name", FORMATS)
def test_odd_judgements_can_be_written(name: str) -> None:
    odd = Row(
        "k[a|b<\x00`é]", "a group", "a label " * 20, ("1|2",), "new", note="<&> \x1b[31m|",
        data={"low": -math.inf, "high": math.nan, "sides": (1, 2)},
    )  # fmt: skip
    for judgement in (judged(), judged(odd), judged(ROW, void=True)):
        rendered = FORMATS[name](judgement)
        if name == "junit":
            ET.fromstring(rendered)  # noqa: S314
        elif name == "json":
            json.loads(rendered, parse_constant=pytest.fail)


def test_verdict_on_the_whole_is_the_gravest() -> None:
    slow = replace(ROW, word=Verdict.REGRESSION, exit=Exit.REGRESSION)
    fast = replace(ROW, word=Verdict.IMPROVEMENT)
    open_ = replace(ROW, word=Verdict.INCONCLUSIVE)
    gone = replace(ROW, word="gone", exit=Exit.ERROR)
    for rows, word, code in (
        ((ROW,), "no change", 0),
        ((ROW, fast), "improvement", 0),
        ((ROW, fast, open_), "inconclusive", 0),
        ((ROW, replace(open_, exit=Exit.INCONCLUSIVE)), "inconclusive", 3),
        ((gone, open_), "error", 2),
        ((slow, gone, open_), "regression", 1),
    ):
        assert (judged(*rows).word, judged(*rows).exit) == (word, code)
    assert (judged(ROW, void=True).word, judged(ROW, void=True).exit) == ("void", 3)
    assert judged(slow, fast, ROW, ROW).counts == {
        "regression": 1, "improvement": 1, "no change": 2,
    }  # fmt: skip


def test_exit_codes_are_those_of_the_table() -> None:
    assert [int(one) for one in (Exit.PASS, Exit.REGRESSION, Exit.ERROR, Exit.INCONCLUSIVE)] == [
        0, 1, 2, 3,
    ]  # fmt: skip
    assert worst([]) is Exit.PASS
    assert worst([Exit.PASS, Exit.INCONCLUSIVE, Exit.ERROR]) is Exit.ERROR
    assert worst([Exit.ERROR, Exit.REGRESSION]) is Exit.REGRESSION
