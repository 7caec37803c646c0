"""What the doctor says of machines that are folders here, held against files in `data/doctor`.

After a change that is meant, write them anew and look at the difference before you commit it::

    UPDATE_GOLDEN=1 pytest pytest_duel/tests/doctor/test_doctor.py
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from places import DATA, TOY
from pytest_duel.cli import doctor as command
from pytest_duel.cli.main import main
from pytest_duel.doctor import noise, report, steady
from pytest_duel.doctor.noise import Gaps, Noise, Pairs
from pytest_duel.doctor.probes import PROBES, examine
from pytest_duel.doctor.report import Diagnosis
from pytest_duel.paired.sampling import ALPHA
from pytest_duel.statistics.paired import Verdict, decide, estimate
from pytest_duel.support import system
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.findings import Finding, Status
from pytest_duel.support.harness import search_path
from pytest_duel.support.system import System, Tree
from pytest_duel.support.terminal import WIDTH
from pytest_duel.support.units import count

GOLDEN = DATA / "doctor"
CPU = "sys/devices/system/cpu"

Files = dict[str, str]


def grown(tree: Path, files: Mapping[str, str]) -> Tree:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    return Tree(tree)


def stat(cpus: int, *, user: int = 0, idle: int = 0, steal: int = 0) -> str:
    lines = [f"cpu  {user} 0 0 {idle} 0 0 0 {steal} 0 0"]
    return "\n".join([*lines, *(f"cpu{cpu} 0 0 0 0 0 0 0 0 0 0" for cpu in range(cpus))])


def process(number: int, name: str, *, used: int, children: int = 0) -> str:
    return f"{number} ({name}) S 1 1 1 0 -1 0 0 0 0 0 {used} 0 {children} 0 20 0 1"


def cores(number: int, threads: int = 1, **files: str) -> Files:
    """Return what a machine of so many cores tells; `files` are of each CPU."""
    found = {}
    for cpu in range(number * threads):
        first = cpu % number
        siblings = ",".join(str(first + number * thread) for thread in range(threads))
        found[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = siblings
        for name, text in files.items():
            found[f"{CPU}/cpu{cpu}/{name.replace('__', '/')}"] = text
    return found


def watched(tree: Path, before: Files, after: Files) -> tuple[Tree, system.Activity | None]:
    """Return a tree, and what was done between two states of it."""
    earlier = system.ticks(grown(tree, before))
    later = grown(tree, after)
    return later, system.between(earlier, system.ticks(later))


def laptop(tree: Path) -> System:
    """On battery, with a lazy clock, beside a browser."""
    files = {
        **cores(
            4, 2,
            cpufreq__scaling_governor="powersave",
            cpufreq__scaling_driver="intel_pstate",
            thermal_throttle__core_throttle_count="3",
        ),
        f"{CPU}/intel_pstate/no_turbo": "0",
        f"{CPU}/smt/active": "1",
        "proc/cpuinfo": "flags\t\t: fpu sse",
        "proc/self/cgroup": "0::/user.slice/session-2.scope",
        "sys/fs/cgroup/user.slice/cpu.max": "max 100000",
        "sys/class/power_supply/AC/type": "Mains",
        "sys/class/power_supply/AC/online": "0",
        "sys/class/power_supply/BAT0/type": "Battery",
        "sys/class/power_supply/BAT0/status": "Discharging",
        "sys/class/power_supply/mouse/type": "Battery",
        "sys/class/power_supply/mouse/scope": "Device",
        "sys/class/power_supply/mouse/status": "Discharging",
        "proc/self/stat": process(10, "python", used=0),
        "proc/10/stat": process(10, "python", used=0),
        "proc/77/stat": process(77, "Web (Content) x", used=100),
        "proc/stat": stat(8, user=1000, idle=9000),
    }  # fmt: skip
    after = {
        "proc/self/stat": process(10, "python", used=100, children=900),
        "proc/10/stat": process(10, "python", used=100, children=900),
        "proc/77/stat": process(77, "Web (Content) x", used=600),
        "proc/stat": stat(8, user=2600, idle=15400),
        f"{CPU}/cpu1/thermal_throttle/core_throttle_count": "5",
    }
    found, activity = watched(tree, files, after)
    return System(
        found, cpus=8, usable=frozenset(range(8)), load=1.24, niceness=0,
        slow_numba=("NUMBA_DISABLE_JIT=1", "NUMBA_OPT=0"), activity=activity,
    )  # fmt: skip


def cloud(tree: Path) -> System:
    """Two shared CPUs of four, in a container with a limit."""
    files = {
        **cores(4),
        f"{CPU}/smt/active": "0",
        "proc/cpuinfo": "flags\t\t: fpu hypervisor sse",
        "sys/class/dmi/id/sys_vendor": "Amazon EC2",
        "proc/self/cgroup": "0::/",
        "sys/fs/cgroup/cpu.max": "150000 100000",
        "sys/class/power_supply/none": "",
        "proc/self/stat": process(10, "python", used=0),
        "proc/stat": stat(4),
    }
    after = {
        "proc/self/stat": process(10, "python", used=500, children=1300),
        "proc/stat": stat(4, user=1810, idle=2070, steal=120),
    }
    found, activity = watched(tree, files, after)
    return System(
        found, cpus=4, usable=frozenset({0, 1}), load=0.02, niceness=19,
        activity=activity,
    )  # fmt: skip


def server(tree: Path) -> System:
    """Tuned and quiet."""
    files = {
        **cores(
            8,
            cpufreq__scaling_governor="performance",
            cpufreq__scaling_driver="acpi-cpufreq",
            thermal_throttle__core_throttle_count="0",
        ),
        f"{CPU}/cpufreq/boost": "0",
        f"{CPU}/smt/active": "0",
        "proc/cpuinfo": "flags\t\t: fpu sse",
        "proc/self/cgroup": "4:cpu,cpuacct:/a\n0::/",
        "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000",
        "sys/class/power_supply/none": "",
        "proc/self/stat": process(10, "python", used=0),
        "proc/stat": stat(8),
    }
    after = {
        "proc/self/stat": process(10, "python", used=0, children=1500),
        "proc/stat": stat(8, user=1510, idle=6490),
    }
    found, activity = watched(tree, files, after)
    return System(
        found, cpus=8, usable=frozenset(range(8)), load=0.0, niceness=-5,
        activity=activity,
    )  # fmt: skip


def macos(tree: Path) -> System:
    """There are no such files."""
    return System(Tree(tree), platform="darwin", cpus=8, load=1.5, niceness=0)


def heard(spread: float, gaps: Gaps) -> Noise:
    """Return the noise of 12 blocks with just this spread."""
    blocks = np.linspace(-1, 1, 12)
    differences = spread * blocks / blocks.std(ddof=1)
    seconds = 19e-6 * np.exp(4 * differences)
    pairs = noise.summarise(steady.SAID, list(differences), list(seconds))
    return Noise(10.2, pairs, gaps)


MACHINES = {
    "laptop": (laptop, heard(0.012, Gaps(4, 0.25, 880, 0.0123, 0.0021))),
    "cloud": (cloud, heard(0.09, Gaps(2, 0.5, 97, 0.041, 0.0312))),
    "server": (server, heard(0.003, Gaps(4, 0.25, 0, 0.0, 0.0))),
    "macos": (macos, heard(0.01, Gaps(1, 1.0, 12, 0.001, 0.0004))),
}
EXITS = {
    "laptop": Exit.REGRESSION,
    "cloud": Exit.INCONCLUSIVE,
    "server": Exit.PASS,
    "macos": Exit.PASS,
}


def diagnosed(name: str, tree: Path) -> Diagnosis:
    grow, found = MACHINES[name]
    return Diagnosis(f"a {name}", examine(grow(tree)), found)


@pytest.mark.parametrize("name", MACHINES)
def test_what_it_says(name: str, tmp_path: Path) -> None:
    text = report.render(diagnosed(name, tmp_path))
    path = GOLDEN / f"{name}.txt"
    if "UPDATE_GOLDEN" in os.environ:
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MACHINES)
def test_it_fits_a_terminal_but_for_commands_which_are_to_be_copied(
    name: str, tmp_path: Path
) -> None:
    for line in report.render(diagnosed(name, tmp_path)).splitlines():
        assert len(line) <= WIDTH or line.startswith("  $ ")


@pytest.mark.parametrize("name", MACHINES)
def test_how_it_ends(name: str, tmp_path: Path) -> None:
    assert diagnosed(name, tmp_path).exit is EXITS[name]


@pytest.mark.parametrize("name", MACHINES)
def test_machines_read_the_same(name: str, tmp_path: Path) -> None:
    found = diagnosed(name, tmp_path)
    read = json.loads(json.dumps(report.to_dict(found), allow_nan=False))
    assert read["exit"] == found.exit
    assert [one["name"] for one in read["findings"]] == [probe.name for probe in PROBES]
    assert (read["noise"] is None) == (found.noise is None)


def of(name: str, found: System) -> Finding:
    return next(finding for probe, finding in examine(found) if probe.name == name)


def test_nothing_passes_silently_where_nothing_can_be_read(tmp_path: Path) -> None:
    fine = {probe.name for probe, one in examine(macos(tmp_path)) if one.status is Status.FINE}
    assert fine == {"Python", "numba", "priority", "cores"}  # these need no file


@pytest.mark.parametrize(("load", "status"), [(0.1, "fine"), (1.5, "hurts"), (None, "not told")])
def test_the_load_average_has_to_do_where_no_process_can_be_seen(
    load: float | None, status: str, tmp_path: Path
) -> None:
    assert of("load", replace(macos(tmp_path), load=load)).status == status


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_it_says_how_to_look_by_hand(platform: str, tmp_path: Path) -> None:
    found = replace(macos(tmp_path), platform=platform, load=None)
    for probe, finding in examine(found):
        if finding.status is Status.UNKNOWN and platform in probe.elsewhere:
            assert finding.advice == (probe.elsewhere[platform],)
            assert finding.found.startswith("not read on ")


def test_what_hurts_comes_with_something_to_do(tmp_path: Path) -> None:
    for name, (grow, _) in MACHINES.items():
        for probe, finding in examine(grow(tmp_path / name)):
            if finding.status in (Status.HURTS, Status.WRONG):
                assert finding.advice, probe.name
                assert probe.why


def test_own_work_is_not_anothers(tmp_path: Path) -> None:
    activity = server(tmp_path).activity
    assert activity is not None
    assert activity.others == pytest.approx(10 / 1000)


def test_a_process_that_came_and_went_counts(tmp_path: Path) -> None:
    files = {"proc/self/stat": process(1, "p", used=0), "proc/stat": stat(2)}
    _, activity = watched(tmp_path, files, {"proc/stat": stat(2, user=500, idle=500)})
    assert activity is not None
    assert activity.others == pytest.approx(1.0)
    assert activity.busiest == ()


@pytest.mark.parametrize(
    ("group", "files", "expected"),
    [
        ("0::/a/b", {"a/cpu.max": "50000 100000", "a/b/cpu.max": "max 100000"}, 0.5),
        ("0::/a", {"cpu.max": "300000 100000", "a/cpu.max": "100000 100000"}, 1.0),
        ("3:cpuset:/a", {"cpu/a/cpu.cfs_quota_us": "1"}, None),
        (
            "2:cpu,cpuacct:/a",
            {"cpu/a/cpu.cfs_quota_us": "50000", "cpu/a/cpu.cfs_period_us": "100000"},
            0.5,
        ),
    ],
)
def test_the_tightest_quota_counts(
    group: str, files: Files, expected: float | None, tmp_path: Path
) -> None:
    under = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    tree = grown(tmp_path, {"proc/self/cgroup": group, **under})
    found = of("CPU quota", System(tree, cpus=8, usable=frozenset(range(8))))
    assert found.found == ("none" if expected is None else count(expected, "CPU"))


def test_a_slow_python_must_be_fixed(tmp_path: Path) -> None:
    found = replace(macos(tmp_path), slow_python=("a debug build", "a tracer"))
    assert of("Python", found).status is Status.WRONG
    assert Diagnosis("m", examine(found)).exit is Exit.REGRESSION


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ()),
        ({"NUMBA_DISABLE_JIT": "0", "NUMBA_OPT": "3", "NUMBA_BOUNDSCHECK": ""}, ()),
        ({"NUMBA_NUM_THREADS": "1", "NUMBA_CACHE_DIR": "/x"}, ()),
        ({"NUMBA_DISABLE_JIT": "1", "NUMBA_OPT": "0"}, ("NUMBA_DISABLE_JIT=1", "NUMBA_OPT=0")),
        ({"NUMBA_BOUNDSCHECK": " 1"}, ("NUMBA_BOUNDSCHECK=1",)),
    ],
)
def test_settings_that_slow_numba_are_seen(
    environment: Mapping[str, str], expected: tuple[str, ...], tmp_path: Path
) -> None:
    slow = system.slow_numba(environment)
    assert slow == expected
    found = of("numba", replace(macos(tmp_path), slow_numba=slow))
    assert found.status is (Status.WRONG if expected else Status.FINE)


def test_the_defaults_are_numbas_own() -> None:
    pytest.importorskip("numba")
    names = [name.removeprefix("NUMBA_") for name in system.NUMBA]
    script = (
        "from numba import config\n"
        f"for name in {names}:\n"
        "    own = name if hasattr(config, name) else f'{name}_DEFAULT'\n"
        "    print(int(getattr(config, own) or 0))"
    )
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=plain, capture_output=True, encoding="utf-8",
        timeout=300, check=True,
    )  # fmt: skip
    assert done.stdout.split() == list(system.NUMBA.values())


@pytest.mark.skipif(sys.platform == "win32", reason="has no niceness")
def test_a_nice_process_and_numba_without_its_compiler_are_seen(toy_workplace: Path) -> None:
    # No nicer than it takes: on a busy machine the nicest hardly ever runs.
    nice = max(1, min(19, os.nice(0) + 1))
    script = (
        "import os, sys; from pytest_duel.cli.main import main; "
        f"os.nice({nice} - os.nice(0)); sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "doctor", "--no-noise", "--json"],
        env={**os.environ, "PYTHONPATH": search_path(str(TOY)), "NUMBA_DISABLE_JIT": "1"},
        cwd=toy_workplace, capture_output=True, encoding="utf-8", timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == Exit.REGRESSION, done.stderr
    read = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
    assert (read["priority"]["status"], read["priority"]["found"]) == ("hurts", f"niceness {nice}")
    assert (read["numba"]["status"], read["numba"]["found"]) == ("wrong", "NUMBA_DISABLE_JIT=1")


def test_one_of_a_thing_is_singular(tmp_path: Path) -> None:
    tree = grown(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "100000 100000"})
    alone = System(tree, cpus=1, usable=frozenset({0}), niceness=0)
    assert of("affinity", alone).found == "may run on 1 of 1 CPU"
    assert of("CPU quota", alone).found == "1 CPU, as many as it may use"
    assert of("cores", alone).found == "1 core in 1 usable CPU"


@pytest.mark.parametrize("spread", [0.003, 0.01, 0.02, 0.05])
@pytest.mark.parametrize("blocks", [12, 24])
def test_the_smallest_slowdown_is_called_nine_times_in_ten(spread: float, blocks: int) -> None:
    by = noise.smallest(spread, 0.02, blocks=blocks)
    rng = np.random.default_rng(5)
    called, trials = 0, 1000
    for _ in range(trials):
        found = estimate(math.log1p(by) + rng.normal(0, spread, blocks))
        called += decide({"it": found}, {"it": 0.02}, ALPHA)["it"] is Verdict.REGRESSION
    assert 0.85 < called / trials < 0.96


def test_a_gap_in_time_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1e-7, 0.003, 0.0030001, 1.0, 1.1])
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    found = noise.watch([0], 1.0)
    assert found.number == 2
    assert found.longest == pytest.approx(0.9969999)
    assert found.lost == pytest.approx(0.003 - 1e-7 + 0.9969999)


def test_noise_is_measured_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The settings and the conftest.py of a user's tests are none of its business.
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError\n")
    monkeypatch.chdir(tmp_path)
    code = main(["doctor", "--seconds", "1", "--format", "json"])
    read = json.loads(capsys.readouterr().out)
    assert code == read["exit"]
    assert read["noise"]["pairs"]["found"]["blocks"] >= noise.LEAST_BLOCKS
    assert read["noise"]["pairs"]["spread"] > 0
    assert read["noise"]["slowdown"] > 0.02
    assert not {one["name"] for one in read["findings"]} ^ {probe.name for probe in PROBES}


def test_the_noise_can_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "WATCHED", 0.01)
    main(["doctor", "--no-noise"])
    said = capsys.readouterr().out
    assert "Noise" not in said
    assert said.splitlines()[-1].startswith("verdict: ")


def test_noise_that_cannot_be_measured_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.py").write_text("import no_such_module\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(steady, "__file__", str(tmp_path / "wrong.py"))
    assert main(["doctor", "--seconds", "0.5"]) == Exit.ERROR
    assert "no_such_module" in capsys.readouterr().err


def test_pairs_of_known_blocks() -> None:
    found: Pairs = heard(0.01, Gaps(1, 1.0, 0, 0.0, 0.0)).pairs
    assert found.spread == pytest.approx(0.01)
    assert found.apart == pytest.approx(0.04)
    assert found.found.blocks == 12


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machine_can_be_read() -> None:
    found = system.ticks(system.HERE)
    assert found is not None
    assert found.cpus >= 1
    assert 0 < found.own <= found.busy <= found.total
