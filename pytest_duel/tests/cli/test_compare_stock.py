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
    assert "benchmarks changed alike: nothing tells which ones moved" in out
    assert run("before", "after", "--control", "test_it[1?]") == 2
    assert "is called 'test_it[1?]', which was to be the control" in capsys.readouterr().err
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
