"""``pytest-duel report`` in a project without settings, of what pytest-benchmark has saved."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.utils import get_machine_id

from pages import Page
from pytest_duel.cli.main import main
from pytest_duel.cli.report import LARGEST
from pytest_duel.support.exit_codes import Exit
from simulated import save
from stock_files import MACHINE, document, entry, times

Capture = pytest.CaptureFixture[str]
Keep = Callable[..., Path]
OURS = ("market", "kernel", "backend", "units", "catalogue", "easy_marl", "clear[", "parity")
"""Words of the repository that this harness comes from, or of sweeps."""


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """Return a function that saves a run in the storage of an empty folder."""
    monkeypatch.chdir(tmp_path)
    number = 0

    def write(*benchmarks: Any, name: str = "run", **more: Any) -> Path:
        nonlocal number
        number += 1
        folder = Path(".benchmarks") / str(get_machine_id())
        more.setdefault("datetime", f"2026-01-01T00:00:{number:02}+00:00")
        return save(folder / f"{number:04}_{name}.json", document(*benchmarks, **more))

    return write


def page_of(*arguments: str) -> Page:
    assert main(["report", *arguments, "-o", "page.html"]) == Exit.PASS
    return Page(Path("page.html").read_text(encoding="utf-8"))


def said(page: Page) -> str:
    return " ".join(" ".join(page.texts).split())


def sorts(speed: float = 1.0) -> list[dict[str, Any]]:
    """Return two functions at three sizes; no two processes have the same times."""
    return [
        times(f"t.py::test_{name}[{n}]", per * n * speed, group="sort", params={"n": n})
        for name, per in (("quick", 1e-8), ("simple", 3e-8))
        for n in (10, 100, 1000)
    ]


SORTS = sorts()


def figures(page: Page) -> list[dict[str, Any]]:
    return [json.loads(text) for kind, text in page.scripts if kind == "application/json"]


def test_without_arguments_it_is_the_last_run_of_this_folder(keep: Keep, capsys: Capture) -> None:
    keep(times("t.py::test_old", 1e-6))
    keep(times("t.py::test_new", 2e-6))
    assert main(["report"]) == Exit.PASS
    out = capsys.readouterr().out
    assert "test_new" in out
    assert "2.00 µs" in out
    assert "test_old" not in out


def test_without_a_run_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == Exit.ERROR
    assert ".benchmarks holds no saved runs" in capsys.readouterr().err


def test_runs_are_named_by_number_name_and_pattern(keep: Keep, capsys: Capture) -> None:
    keep(times("t.py::test_a", 1e-6), name="one")
    keep(times("t.py::test_a", 2e-6), name="two")
    for names in (["1", "2"], ["one", "two"], [".benchmarks/*/*.json"]):
        assert main(["report", *names]) == Exit.PASS
        assert "over 2 processes" in capsys.readouterr().out


def test_the_page_of_a_stranger_says_nothing_of_sweeps_or_markets(keep: Keep) -> None:
    for speed in (1.0, 1.1):
        keep(*sorts(speed), times("t.py::test_alone", 1e-3))
    for names in (["latest"], ["1", "2"]):
        text = said(page_of(*names)).lower()
        assert [word for word in OURS if word in text] == []


def test_neither_does_one_with_a_history(keep: Keep) -> None:
    for number in range(8):
        commit = {"id": f"{number:x}" * 40, "dirty": False, "time": f"2026-01-0{number + 1}"}
        keep(*sorts(1 + 0.01 * number), commit_info=commit)
    page = page_of(".benchmarks/*/*.json")
    assert "history" in page.ids
    assert [word for word in OURS if word in said(page).lower()] == []


def test_the_page_opens_with_what_is_fastest(keep: Keep) -> None:
    """Asked of pytest-benchmark in its issues 48 and 166: alternatives in one table, compared."""
    keep(*SORTS)
    page = page_of()
    text = said(page)
    assert text.index("test_quick is 3.00× as fast as test_simple") < text.index("sort: the fast")
    assert page.ids.index("in-short") < page.ids.index("group-1")


def test_a_number_becomes_a_curve_on_log_axes(keep: Keep) -> None:
    keep(*SORTS)
    (chart,) = figures(page_of())
    marks = [layer["mark"]["type"] for layer in chart["layer"]]
    assert "line" in marks
    (line,) = [layer for layer in chart["layer"] if layer["mark"]["type"] == "line"]
    for axis in "x", "y":
        assert line["encoding"][axis]["scale"]["type"] == "log"
    assert line["encoding"]["x"]["title"] == "n"


def test_numbers_that_lie_close_together_have_a_plain_axis(keep: Keep) -> None:
    keep(*[times(f"t.py::test_a[{n}]", 1e-6 * n, params={"n": n}) for n in (0, 1, 2, 3)][1:])
    (chart,) = figures(page_of())
    (line,) = [layer for layer in chart["layer"] if layer["mark"]["type"] == "line"]
    for axis in "x", "y":
        assert line["encoding"][axis]["scale"].get("type") != "log"


def test_a_category_becomes_a_row_of_bars(keep: Keep) -> None:
    keep(*[times(f"t.py::test_a[{k}]", 1e-6, params={"kind": k}) for k in ("up", "down")])
    (chart,) = figures(page_of())
    assert chart["layer"][0]["mark"]["type"] == "bar"
    (rows,) = chart["datasets"].values()
    assert [one["row"] for one in rows] == ["up", "down"]


def test_groups_are_those_that_are_asked_for(keep: Keep) -> None:
    """Asked of pytest-benchmark in its issue 195: to group by several parameters, and more."""
    keep(*SORTS)
    page = page_of("--group-by", "func,param:n")
    assert {"test_quick n=10", "test_simple n=1,000"} <= set(page.texts)
    page = page_of("--group-by", "param:n")
    assert {"n=10", "n=100", "n=1,000"} <= set(page.texts)
    with pytest.raises(SystemExit) as ended:
        main(["report", "--group-by", "size"])
    assert ended.value.code == Exit.ERROR


def test_two_sides_open_with_what_has_changed(keep: Keep) -> None:
    for _ in range(4):
        for name, slow in (("before", 1.0), ("after", 1.5)):
            keep(
                *[times(f"t.py::test_{at}", 1e-6 * at) for at in range(1, 10)],
                times("t.py::test_slow", 1e-6 * slow),
                name=name,
            )
    page = page_of("after", "--compare", "before")
    text = said(page)
    assert "t.py::test_slow 50.0% slower" in text
    assert page.ids.index("in-short") < page.ids.index("compare-1") < page.ids.index("group-1")


def test_two_sides_are_shown_on_a_page_only(keep: Keep, capsys: Capture) -> None:
    keep(times("t.py::test_a", 1e-6))
    assert main(["report", "--compare", "1"]) == Exit.ERROR
    assert "give --output FILE.html too: pytest-duel compare prints it" in capsys.readouterr().err


def test_several_machines_are_told_and_not_mixed(keep: Keep) -> None:
    keep(*SORTS)
    keep(*sorts(1.1), machine_info={**MACHINE, "node": "another"})
    text = said(page_of("1,2"))
    assert "1 of the 2 runs are of another machine" in text


@pytest.mark.parametrize("rate", ["hz_actual", "hz_advertised"])
def test_the_clock_rate_does_not_make_another_machine(keep: Keep, rate: str) -> None:
    """Asked of pytest-benchmark in its issue 255; on hosts of clouds both differ by the hour."""
    for speed in (1.0, 1.1):
        cpu = {**MACHINE["cpu"], rate: [speed, 0], f"{rate}_friendly": f"{speed} GHz"}
        keep(*sorts(speed), machine_info={**MACHINE, "cpu": cpu})
    assert "2 processes" in said(page_of("1,2"))


def test_what_cannot_be_read_is_named_and_the_rest_is_shown(keep: Keep, capsys: Capture) -> None:
    zero = entry("t.py::test_zero")
    zero["stats"] = {**zero["stats"], "median": 0.0, "min": 0.0}
    keep(*SORTS, zero)
    assert "t.py::test_zero" in said(page_of())
    capsys.readouterr()
    assert main(["report"]) == Exit.PASS
    assert "WARNING: the run: 1 benchmark cannot be read: t.py::test_zero" in " ".join(
        capsys.readouterr().out.split()
    )


@pytest.mark.parametrize("raw", [True, False])
def test_a_single_benchmark_makes_a_page(keep: Keep, raw: bool) -> None:
    one = times("t.py::test_a", 1e-6)
    if not raw:
        del one["stats"]["data"]
    keep(one)
    page = page_of()
    assert "benchmark-1" in page.ids
    assert page.tags.count("figure") == 1


HOSTILE = [
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>",
    "\u202egnp.exe",
    "{{ 7 * 7 }}",
    "x" * 5000,
    "-",
    " ",
    "\x1b[2J\nforged",
]


def test_no_name_can_break_the_page(keep: Keep) -> None:
    keep(
        *[
            times(f"{name}::{name}[{at}-{name}]", 1e-6, group=name, params={name: at, "k": name})
            for name in HOSTILE
            for at in range(3)
        ]
    )
    page = page_of()
    assert "img" not in page.tags
    assert page.sources == []
    assert len(set(page.ids)) == len(page.ids)
    assert {link for link in page.links if link.removeprefix("#") not in page.ids} == set()
    whole = Path("page.html").read_text(encoding="utf-8")
    assert "\u202e" not in whole
    assert "\x1b" not in whole
    for by in "group", "func", "param":
        assert main(["report", "--group-by", by]) == Exit.PASS


def test_hundreds_of_benchmarks_fit_into_a_mail(keep: Keep) -> None:
    keep(
        *[
            times(f"tests/test_{at % 2}.py::test_{at}[{kind}]", 1e-6 * at, params={"kind": kind})
            for at in range(1, 14)
            for kind in map(str, range(25))
        ]
    )
    page = page_of()
    assert Path("page.html").stat().st_size < LARGEST
    assert len([one for one in page.ids if one.startswith("benchmark-")]) == 325
    assert page.tags.count("input") == 2  # to look for a row, in each file's table


def test_what_is_not_drawn_is_said(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_duel.page.groups.FIGURES", 1)
    keep(*[times(f"t.py::test_{at}[{k}]", 1e-6, params={"k": k}) for at in "abc" for k in "xy"])
    page = page_of()
    assert page.tags.count("figure") == 1
    assert "2 figures left out: this page has 1." in said(page)


def test_runs_of_another_machine_are_not_mixed_with_the_newest(
    keep: Keep, capsys: Capture
) -> None:
    keep(times("t.py::test_one", 8e-6), machine_info={**MACHINE, "node": "another"})
    keep(times("t.py::test_one", 2e-6))
    assert main(["report", "0001", "0002"]) == Exit.PASS
    out = " ".join(capsys.readouterr().out.split())
    assert "2.00 µs" in out
    assert "1 of the 2 runs are of another machine" in out
    assert "over 2 processes" not in out


def test_one_bad_file_is_named_and_the_others_are_shown(
    keep: Keep, tmp_path: Path, capsys: Capture
) -> None:
    keep(*SORTS)
    (tmp_path / "cut.json").write_text('{"benchmarks": [', encoding="utf-8")
    assert main(["report", "1", "cut.json"]) == Exit.ERROR
    told = capsys.readouterr()
    assert "test_quick" in told.out
    assert "cut.json is no whole JSON file" in told.err
    arguments = ["report", "1", "cut.json", "--compare", "1,cut.json", "-o", "page.html"]
    assert main(arguments) == Exit.ERROR  # the same run on both sides
    assert not Path("page.html").exists()
    assert main(["report", "1", "cut.json", "-o", "page.html"]) == Exit.ERROR
    assert "cut.json is no whole JSON file" in capsys.readouterr().err
    text = said(Page(Path("page.html").read_text(encoding="utf-8")))
    assert "cut.json could not be read" in text
    assert "test_quick is 3.00× as fast" in text


def test_a_bad_file_of_the_older_side_is_said_too(keep: Keep, tmp_path: Path) -> None:
    for name, own in (("before", 1e-6), ("after", 1.001e-6)):
        keep(*[times(f"t.py::test_{at}", own * at) for at in range(1, 10)], name=name)
    path = keep(times("t.py::test_1", 2e-6), name="before")
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    assert main(["report", "after", "--compare", "before", "-o", "page.html"]) == Exit.ERROR
    text = said(Page(Path("page.html").read_text(encoding="utf-8")))
    assert f"{path.name} could not be read" in text


def test_a_folder_is_all_runs_in_it(keep: Keep, tmp_path: Path, capsys: Capture) -> None:
    keep(*SORTS)
    keep(*sorts(1.01))
    save(tmp_path / ".benchmarks" / "notes.json", {"of": "another tool"})
    assert main(["report", ".benchmarks"]) == Exit.PASS
    assert "over 2 processes" in capsys.readouterr().out
    assert "2 processes" in said(page_of(".benchmarks"))


def test_hosts_of_one_kind_are_put_together_where_that_is_asked_for(
    keep: Keep, capsys: Capture
) -> None:
    """Asked of pytest-benchmark in its issue 276: machines that change from run to run."""
    for number in range(3):
        machine = {**MACHINE, "node": f"runner-{number}", "release": f"5.4.0-{number}"}
        keep(*sorts(1 + number / 100), machine_info=machine)
    assert main(["report", "1,2,3"]) == Exit.PASS
    out = " ".join(capsys.readouterr().out.split())
    assert "over 2 processes" not in out
    assert "2 of them are of another host of the same kind: --ignore node_hash,release" in out
    together = ("--ignore", "node_hash,release")
    assert main(["report", "1,2,3", *together]) == Exit.PASS
    out = capsys.readouterr().out
    assert "over 3 processes" in out
    assert "WARNING" not in out
    assert "3 processes" in said(page_of("1,2,3", *together))
    with pytest.raises(SystemExit):
        main(["report", "--ignore", "colour"])


def test_peaks_and_custom_columns_are_shown(keep: Keep, capsys: Capture) -> None:
    """Asked of pytest-benchmark in its issues 28 (memory), 94, 209 and 233 (columns)."""
    noted = {"duel_peak_bytes": 3 << 20, "accuracy": 0.5, "how": "</td>\x1b[2J", "list": [1, 2]}
    keep(times("t.py::test_a", 1e-6, extra_info=noted), times("t.py::test_b", 2e-6))
    keep(times("t.py::test_a", 1.1e-6, extra_info={**noted, "accuracy": 0.7}))
    columns = ("--columns", "accuracy,how,list")
    assert main(["report", "1,2", *columns]) == Exit.PASS
    out = capsys.readouterr().out
    assert "rounds peak accuracy how list" in " ".join(out.split())
    assert "3.00 MiB" in out
    assert "0.5 – 0.7" in out
    assert "\x1b" not in out
    page = page_of("1,2", *columns)
    assert {"peak", "accuracy", "3.00 MiB", "0.5 – 0.7", "[1, 2]"} <= set(page.texts)
    assert main(["report", "1"]) == Exit.PASS
    out = capsys.readouterr().out
    assert "peak" in out
    assert "accuracy" not in out
    assert main(["report", "1", "--columns", "speed"]) == Exit.ERROR
    assert "no benchmark has 'speed' in its extra_info" in capsys.readouterr().err


def test_times_are_printed_in_the_unit_that_is_asked_for(keep: Keep, capsys: Capture) -> None:
    """Asked of pytest-benchmark in its issues 27 and 38."""
    keep(times("t.py::test_a", 1e-6), times("t.py::test_b", 2e-3))
    assert main(["report", "--time-unit", "us"]) == Exit.PASS
    out = capsys.readouterr().out
    assert "1.00 µs" in out
    assert "2000 µs" in out
    page = page_of("--time-unit", "us")
    assert {"1.00 µs", "2000 µs"} <= set(page.texts)
    assert "2.00 ms" not in page.texts
    drawn = json.dumps(figures(page), ensure_ascii=False)
    assert "' µs'" in drawn
    assert "' ms'" not in drawn


def test_many_groups_are_folded_to_a_line_that_tells_the_fastest(keep: Keep) -> None:
    def groups(number: int) -> list[Any]:
        return [
            times(f"t.py::test_{name}_{at}", time, group=f"group {at}")
            for at in range(number)
            for name, time in (("quick", 1e-6), ("slow", 9e-6))
        ]

    keep(*groups(8))
    assert "details" not in page_of("1").tags
    keep(*groups(9))
    page = page_of("2")
    assert page.tags.count("details") == page.tags.count("summary") == 9
    text = said(page)
    assert "2 benchmarks of 2 functions to choose from: 1.00 µs to 9.00 µs." in text
    assert text.count("quick_3 is 9.00 [") == 2  # in short, and beside the heading of its group
    assert "group-9" in page.ids
