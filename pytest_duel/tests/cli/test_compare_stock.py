"""``pytest-duel compare`` without settings, on what pytest-benchmark alone has saved."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.utils import get_machine_id

from pytest_duel.cli.main import main
from pytest_duel.formats import FORMATS
from simulated import save
from stock_files import document, entry, suite

Capture = pytest.CaptureFixture[str]
Save = Callable[..., Path]


@pytest.fixture
def keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Return a function that saves a run of a suite, in the storage of an empty folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(17)
    number = 0

    def write(name: str, *, drift: float = 0.05, **more: Any) -> Path:
        nonlocal number
        number += 1
        saved = suite(rng, drift=float(np.exp(rng.normal(0, drift))), **more)
        folder = Path(".benchmarks") / str(get_machine_id())
        return save(folder / f"{number:04}_{name}.json", saved)

    return write


def run(*arguments: str) -> int:
    return main(["compare", *arguments])


def test_a_slowed_benchmark_is_a_regression(keep: Save, capsys: Capture) -> None:
    """Asked of pytest-benchmark in its issues 273 and 108.

    To fail outside pytest, with an exit code, and where the difference is significant only.
    """
    for _ in range(4):
        keep("before")
        keep("after", slower={3: 1.4})
    assert run("before", "after") == 1
    out = capsys.readouterr().out
    assert "\nverdict: regression (1 regression, " in out
    (line,) = [line for line in out.splitlines() if "regression" in line and "test_it" in line]
    assert line.startswith("test_it[3] ")
    assert "tests/test_suite.py\n-------------------\n" in out
    assert "of 20 benchmarks that changed" in " ".join(out.split())
    assert run("after", "before") == 0
    assert "(1 improvement, " in capsys.readouterr().out


def test_files_of_another_machine_are_compared_and_that_is_said(
    keep: Save, tmp_path: Path, capsys: Capture
) -> None:
    here = keep("here")
    saved = json.loads(here.read_text(encoding="utf-8"))
    saved["machine_info"]["cpu"]["brand_raw"] = "Another CPU"
    saved["datetime"] = "2021-06-12T09:15:02.123456+00:00"
    for one in saved["benchmarks"]:
        one["stats"] = {name: 1.5 * value for name, value in one["stats"].items()}
        one["stats"]["rounds"] = 11
    (tmp_path / "there.json.gz").write_bytes(gzip.compress(json.dumps(saved).encode()))
    assert run(str(here), "there.json.gz") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "WARNING: different machine: cpu A CPU → Another CPU" in out
    assert "the middle of all benchmarks changed by +50.0%" in out


def test_a_control_is_named_by_a_pattern(keep: Save, capsys: Capture) -> None:
    slower = dict.fromkeys(range(10), 2.0)
    for _ in range(3):
        keep("before")
        keep("after", slower=slower)
    assert run("before", "after") == 3
    out = " ".join(capsys.readouterr().out.split())
    assert "only 10 of 20 benchmarks changed alike" in out
    assert run("before", "after", "--control", "test_it[1?]") == 2
    assert (
        "--control: no benchmark that all runs have matches 'test_it[1?]'"
        in capsys.readouterr().err
    )
    assert run("before", "after", "--control", "*[1*]") == 1
    assert "11 benchmarks that you named" in " ".join(capsys.readouterr().out.split())


def test_a_database_is_refused_in_a_sentence(keep: Save, capsys: Capture) -> None:
    keep("one")
    uri = "elasticsearch+http://host/index"
    for arguments in (("1", "1", "--storage", uri), (uri, "1")):
        assert run(*arguments) == 2
        err = capsys.readouterr().err
        assert f"pytest-duel compare: {uri}: only runs in files can be read" in err


def test_an_error_does_not_tell_a_password(keep: Save, capsys: Capture) -> None:
    keep("one")
    assert run("1", "1", "--storage", "postgresql://me:secret@host/runs") == 2
    err = capsys.readouterr().err
    assert "postgresql://host/runs" in err
    assert "secret" not in err


HOSTILE = [
    "a.py::test_x[\x1b[2J\x1b]0;title\x07]", "a.py::test_x[a\n::error::b]",
    "a.py::test_x[\u202ecba]",
    "a.py::test_x[|`*<script>@here]", "a.py::test_x[]]>]", "a.py::" + "x" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("format_", FORMATS)
def test_names_from_elsewhere_do_no_harm(
    keep: Save, tmp_path: Path, capsys: Capture, format_: str
) -> None:
    good = [entry(f"a.py::test_good[{at}]") for at in range(8)]
    bad = [entry(name, stats=None) for name in HOSTILE]
    named = [entry(name, group=name) for name in HOSTILE]
    save(tmp_path / "old.json", document(*good, *named))
    save(tmp_path / "new.json", document(*good, *bad, datetime="2021-01-01"))
    assert run("old.json", "new.json", "--format", format_) == 2
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert not any(line.startswith("::error::") for line in out.splitlines())
    assert "test_good" in out or format_ in ("markdown", "github")


def text_of(capsys: Capture) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_one_bad_file_is_named_and_the_others_are_compared(
    keep: Save, tmp_path: Path, capsys: Capture
) -> None:
    for _ in range(4):
        keep("before")
        keep("after")
    (tmp_path / "cut.json").write_text('{"benchmarks": [', encoding="utf-8")
    assert run("before,cut.json", "after") == 2
    out = text_of(capsys)
    assert "(4 runs) → " in out
    assert "WARNING: 1 file could not be read" in out
    assert "cut.json is no whole JSON file" in out
    assert "test_it[3]" in out
    assert run("cut.json", "after") == 2
    assert "cut.json is no whole JSON file" in capsys.readouterr().err


def test_a_regression_is_one_beside_a_bad_file(
    keep: Save, tmp_path: Path, capsys: Capture
) -> None:
    for _ in range(4):
        keep("before")
        keep("after", slower={3: 1.4})
    (tmp_path / "cut.json").write_text("", encoding="utf-8")
    assert run("before", "after,cut.json") == 1


def test_folders_are_compared(keep: Save, tmp_path: Path, capsys: Capture) -> None:
    for side, slower in (("one", {}), ("two", {3: 1.4})):
        for number in range(4):
            folder = tmp_path / side / "deep"
            folder.mkdir(parents=True, exist_ok=True)
            keep("x", slower=slower).rename(folder / f"{number}.json")
    save(tmp_path / "two" / "notes.json", {"of": "another tool"})
    assert run("one", "two") == 1
    out = text_of(capsys)
    assert "(4 runs) → an unknown commit (4 runs)" in out
    assert "were not read: 1, such as two" in out


TWINS = [entry("a.py::test_twin"), entry("a.py::test_twin")]
GOOD = [entry(f"a.py::test_good[{at}]") for at in range(8)]


@pytest.mark.parametrize(
    ("old", "new", "word", "code"),
    [
        (TWINS[:1], TWINS, "gone", 2), (TWINS, TWINS[:1], "new", 0),
        (TWINS, TWINS, "inconclusive", 0), (TWINS, [], "gone", 2), ([], TWINS, "new", 0),
    ],
)  # fmt: skip
def test_two_benchmarks_of_a_name_are_missing_where_they_are(
    tmp_path: Path, capsys: Capture, old: list[Any], new: list[Any], word: str, code: int
) -> None:
    one = save(tmp_path / "old.json", document(*GOOD, *old))
    two = save(tmp_path / "new.json", document(*GOOD, entry("a.py::test_other"), *new))
    assert run(str(one), str(two), "--format", "json") == code
    cases = {row["name"]: row for row in json.loads(capsys.readouterr().out)["cases"]}
    assert cases["a.py::test_twin"]["verdict"] == word
    assert "2 benchmarks of the run have this name" in cases["a.py::test_twin"]["note"]


SETTINGS = """
[tool.pytest-duel]
threshold = "{threshold}"
[tool.pytest-duel.thresholds]
"{pattern}" = "{own}"
[tool.pytest-duel.group_thresholds]
"{group}" = "50%"
"""


def judged(capsys: Capture) -> dict[str, str]:
    return {one["name"]: one["verdict"] for one in json.loads(capsys.readouterr().out)["cases"]}


def test_thresholds_of_benchmarks_and_groups_are_those_of_the_settings(
    keep: Save, tmp_path: Path, capsys: Capture
) -> None:
    """Asked of pytest-benchmark in its issue 219: a limit for one benchmark or group."""
    for _ in range(6):
        keep("before", noise=0.002)
        keep("after", noise=0.002, slower={3: 1.2, 4: 1.2, 5: 1.2})
    for path in Path(".benchmarks").glob("*/*.json"):
        document_ = json.loads(path.read_text(encoding="utf-8"))
        document_["benchmarks"][5]["group"] = "slow machines"
        save(path, document_)

    def settle(pattern: str = "*test_it[4]", own: str = "30%", group: str = "slow*") -> None:
        text = SETTINGS.format(threshold="2%", pattern=pattern, own=own, group=group)
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")

    name = "tests/test_suite.py::test_it[{}]".format
    settle()
    assert run("before", "after", "--format", "json") == 1
    found = judged(capsys)
    assert found[name(3)] == "regression"
    assert found[name(4)] == found[name(5)] == "no change"
    assert run("before", "after", "--threshold", "25%", "--format", "json") == 0
    assert judged(capsys)[name(3)] == "no change"
    settle(own="150%")
    assert run("before", "after") == 1
    assert "its threshold is 150%" in text_of(capsys)
    settle(pattern="test_gone*")
    assert run("before", "after") == 1
    assert "[tool.pytest-duel]: 'test_gone*' has a threshold, but matches no" in text_of(capsys)
    settle(own="many")
    assert run("before", "after") == 2
    assert "thresholds.*test_it[4] is 'many'" in capsys.readouterr().err


def noting(**more: Any) -> list[Any]:
    return [entry(f"a.py::test_a[{at}]", extra_info=more) for at in range(8)]


def test_peaks_and_custom_columns_are_shown_of_both_sides(tmp_path: Path, capsys: Capture) -> None:
    """Asked of pytest-benchmark in its issues 28 (memory), 94, 209 and 233 (columns)."""
    nan = float("nan")
    old = document(*noting(duel_peak_bytes=3 << 20, accuracy=0.5, how="a|b", odd=nan))
    new = document(*noting(duel_peak_bytes=6 << 20, accuracy=0.75, how="a|b", odd=nan))
    one = save(tmp_path / "old.json", old)
    two = save(tmp_path / "new.json", {**new, "datetime": "2022-01-01"})
    two.write_text(two.read_text(encoding="utf-8").replace("2e-06", "2.001e-06"), encoding="utf-8")
    assert run(str(one), str(two)) == 0
    out = text_of(capsys)
    assert "3.00 MiB → 6.00 MiB" in out
    assert "0.75" not in out
    for format_ in FORMATS:
        arguments = ("--columns", "accuracy,how,odd", "--format", format_)
        assert run(str(one), str(two), *arguments) == 0
        out = capsys.readouterr().out
        assert "0.5 → 0.75" in out or format_ in ("json", "markdown", "github")
    assert run(str(one), str(two), "--columns", "accuracy,odd", "--format", "json") == 0
    (case, *_) = json.loads(capsys.readouterr().out)["cases"]
    assert case["noted"]["accuracy"] == {"old": [0.5], "new": [0.75]}
    assert case["noted"]["odd"] == {"old": [None], "new": [None]}
    assert run(str(one), str(two), "--columns", "speed") == 2
    assert "no benchmark has 'speed' in its extra_info; there is duel_peak_bytes, accuracy" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("word", "said"), [("us", "2.00 µs"), ("ms", "0.00200 ms"), ("auto", "2.")]
)
def test_times_are_shown_in_the_unit_that_is_asked_for(
    tmp_path: Path, capsys: Capture, word: str, said: str
) -> None:
    """Asked of pytest-benchmark in its issues 27 and 38."""
    one = save(tmp_path / "old.json", document(*GOOD))
    two = save(tmp_path / "new.json", document(*GOOD, entry("a.py::test_new")))
    assert run(str(one), str(two), "--time-unit", word) == 0
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    "uri", ["elasticsearch+https://me:secret@host/i", "sqlite:///runs.db", "mongodb://host"]
)
def test_a_database_as_a_side_is_a_sentence(keep: Save, capsys: Capture, uri: str) -> None:
    keep("one")
    for arguments in (("1", uri), (uri, "1"), ("1", "1", "--storage", uri)):
        assert run(*arguments) == 2
        err = capsys.readouterr().err
        assert "only runs in files can be read, not those in a database" in err
        assert "Traceback" not in err
        assert "secret" not in err
