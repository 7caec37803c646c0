"""Judgements in every format, held against files in `data/formats`.

After a change that is meant, write them anew and look at the difference before you commit it::

    UPDATE_GOLDEN=1 pytest tests/bench/test_formats.py
"""

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from bench import runs
from bench.compare import compare
from bench.compare_judgement import Fail, judge
from bench.exits import Exit, worst
from bench.formats import FORMATS
from bench.judgement import Judgement, Row
from bench.registry import Case
from bench.text import WIDTH
from bench.verdict import Verdict
from tests.bench.simulated import CATALOGUE, MACHINE, SECTION, document, run_of, times_of

GOLDEN = Path(__file__).parent / "data" / "formats"
REGENERATE = "UPDATE_GOLDEN"
ENDINGS = {"terminal": "txt", "markdown": "md", "json": "json", "junit": "xml"}
FAILS = (Fail.REGRESSION, Fail.MISSING)

CASES = tuple(
    Case("clear", name, "uniform", n) for n in (5, 200) for name in ("numpy", "numba", "rust")
)
SLOW = Case("clear", "rust", "uniform", 200)
GONE = Case("clear", "floor", "uniform", 5)
ADDED = Case("clear", "floor", "uniform", 200)


def several(by: float = 1.0, noise: float = 0.0005) -> Judgement:
    """Compare five runs with five, in which one case may be slower."""
    rng = np.random.default_rng(20)
    old = [run_of(times_of(rng, cases=CASES, noise=noise)) for _ in range(5)]
    new = [
        run_of(
            times_of(rng, cases=CASES, noise=noise, factor=lambda c: by if c == SLOW else 1.0),
            commit="2" * 40,
        )
        for _ in range(5)
    ]
    return judge(compare(old, new, CATALOGUE), old, new, FAILS)


def messy() -> Judgement:
    """Compare one run with one of another machine, with cases gone and new."""
    rng = np.random.default_rng(21)
    old = [run_of(times_of(rng, cases=(*CASES, GONE)))]
    machine = {
        **MACHINE,
        "cpu": {"brand_raw": "Another CPU"},
        "versions": {"python": "3.13.1", "numpy": "2.4.6"},
    }
    section = {
        **SECTION,
        "build_info": {"profile": "debug", "version": "0.1.0"},
        "missing": {"gpu": "no driver\nand more"},
    }
    saved = document(
        times_of(
            rng, cases=(*CASES, ADDED), noise=0.002,
            factor=lambda c: 1.5 if c.backend == "rust" else 1.2,
        ),
        machine=machine, section=section, commit="2" * 40, raw=False,
    )  # fmt: skip
    saved["commit_info"]["dirty"] = True
    saved["benchmarks"][0]["extra_info"]["seed"] = 9
    new = [runs.from_json(saved)]
    return judge(compare(old, new, CATALOGUE), old, new, FAILS)


def two_backends() -> Judgement:
    """Compare runs in which nothing can be the control."""
    rng = np.random.default_rng(22)
    cases = [case for case in CASES if case.backend != "numpy"]
    old, new = ([run_of(times_of(rng, cases=cases, noise=0.01)) for _ in "123"] for _ in "12")
    return judge(compare(old, new, CATALOGUE), old, new, FAILS)


SITUATIONS: dict[str, Callable[[], Judgement]] = {
    "regression": lambda: several(1.3),
    "improvement": lambda: several(0.5),
    "no-change": several,
    "messy": messy,
    "two-backends": two_backends,
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


def test_markdown_says_the_verdict_first_and_leaves_out_what_did_not_change() -> None:
    lines = FORMATS["markdown"](several(1.3)).splitlines()
    assert lines[0].startswith("**compare: regression** (1 regression, ")
    table = [line for line in lines if "-uniform-" in line]
    assert len(table) == 1
    assert "clear[rust-uniform-200]" in table[0]
    quiet = FORMATS["markdown"](several())
    assert "-uniform-" not in quiet
    assert "| ~ |" in quiet


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
