"""Files in which Linux describes the machine. Tests read them from a folder of their own."""

import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STAT_FIELDS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""The first fields of the line ``cpu`` in /proc/stat. Later ones are counted in these."""
IDLE = ("idle", "iowait", "steal")
NUMBA = {
    "NUMBA_DISABLE_JIT": "0",
    "NUMBA_OPT": "3",
    "NUMBA_DEBUGINFO": "0",
    "NUMBA_BOUNDSCHECK": "0",
}
"""Variables that numba reads, and the value that is its default."""


@dataclass(frozen=True)
class Tree:
    """The files under a root: ``/``, or a folder that stands for it."""

    root: Path

    def read(self, path: str) -> str | None:
        """Return the text of a file, or None if it is missing or unreadable."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, path: str) -> int | None:
        """Return the number that a file holds, if it does."""
        text = self.read(path)
        return int(text) if text and text.lstrip("-").isdecimal() else None

    def find(self, pattern: str) -> list[str]:
        """Return the paths that match, relative to the root, in order."""
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.glob(pattern))


HERE = Tree(Path("/"))


@dataclass(frozen=True)
class Ticks:
    """Counters that only grow, read at one moment."""

    cpus: int
    total: int
    busy: int
    steal: int
    own: int
    """Ticks of this process and of its children that have ended."""
    processes: Mapping[int, tuple[str, int]]
    """Name and ticks by process number, without this process."""
    throttled: int | None
    """How often a core was slowed because it was hot."""


@dataclass(frozen=True)
class Activity:
    """The work of the processors between two moments."""

    steal: float
    """Share of the time in which the hypervisor ran something else."""
    others: float
    """CPUs' worth of work that was not this process's, those that came and went included."""
    busiest: tuple[tuple[str, float], ...]
    """The processes that used most, each in CPUs."""
    throttled: int | None


@dataclass(frozen=True)
class System:
    """All that the probes look at."""

    tree: Tree
    platform: str = "linux"
    """As `sys.platform` has it."""
    cpus: int | None = None
    usable: frozenset[int] | None = None
    """The CPUs that this process may run on, where the system tells."""
    load: float | None = None
    niceness: int | None = None
    """Of this process, where the system has it: above 0, others go first."""
    slow_python: tuple[str, ...] = ()
    """Settings that slow this interpreter down."""
    slow_numba: tuple[str, ...] = ()
    """Settings that slow numba down."""
    activity: Activity | None = field(default=None)


def ticks(tree: Tree) -> Ticks | None:
    """Read the counters, or return None where the system keeps none in files."""
    stat, own = tree.read("proc/stat"), tree.read("proc/self/stat")
    if stat is None or own is None:
        return None
    lines = stat.splitlines()
    spent = dict(zip(STAT_FIELDS, map(int, lines[0].split()[1:]), strict=False))
    number, _, self_ticks, child_ticks = _process(own)
    processes = {}
    for path in tree.find("proc/[0-9]*/stat"):
        text = tree.read(path)  # a process may have ended meanwhile
        if text and (one := _process(text))[0] != number:
            processes[one[0]] = one[1], one[2]
    counts = tree.find("sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count")
    return Ticks(
        cpus=sum(line.startswith("cpu") for line in lines) - 1,
        total=sum(spent.values()),
        busy=sum(value for name, value in spent.items() if name not in IDLE),
        steal=spent.get("steal", 0),
        own=self_ticks + child_ticks,
        processes=processes,
        throttled=sum(tree.number(path) or 0 for path in counts) if counts else None,
    )


def _process(stat: str) -> tuple[int, str, int, int]:
    """Return number, name, own ticks and the ended children's, of a line as /proc/PID/stat has it.

    The name may hold spaces and brackets.
    """
    number, _, rest = stat.partition(" (")
    name, _, rest = rest.rpartition(") ")
    user, system, child_user, child_system = map(int, rest.split()[11:15])
    return int(number), name, user + system, child_user + child_system


def between(before: Ticks | None, after: Ticks | None, shown: int = 3) -> Activity | None:
    """Return what was done between two readings; None where a reading is, or no time passed."""
    if before is None or after is None or after.total <= before.total:
        return None
    total = after.total - before.total
    one_cpu = total / after.cpus
    used = [
        (name, (spent - before.processes.get(number, ("", 0))[1]) / one_cpu)
        for number, (name, spent) in after.processes.items()
    ]
    others = after.busy - before.busy - (after.own - before.own)
    return Activity(
        steal=(after.steal - before.steal) / total,
        others=max(0.0, others / one_cpu),
        busiest=tuple(sorted(used, key=lambda one: -one[1])[:shown]),
        throttled=None
        if after.throttled is None or before.throttled is None
        else after.throttled - before.throttled,
    )


def cores(tree: Tree, cpus: Iterable[int]) -> dict[str, int]:
    """Return the first of the CPUs that share a core, by what tells cores apart."""
    found: dict[str, int] = {}
    for cpu in sorted(cpus):
        siblings = tree.read(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        found.setdefault(siblings or str(cpu), cpu)
    return found


def usable_cpus() -> frozenset[int] | None:
    """Return the CPUs that this process may use, where the system tells."""
    if sys.platform == "linux":
        return frozenset(os.sched_getaffinity(0))
    return None


def niceness() -> int | None:
    """Return how far this process lets others go first, where the system has such a number."""
    if sys.platform == "win32":
        return None
    return os.getpriority(os.PRIO_PROCESS, 0)


def slow_numba(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the settings in the environment that make numba slower than by default."""
    found = ((name, environment.get(name, usual).strip(), usual) for name, usual in NUMBA.items())
    return tuple(f"{name}={value}" for name, value, usual in found if value not in ("", usual))


def slow_python() -> tuple[str, ...]:
    """Return what makes this interpreter slower than a plain one."""
    facts = {
        "a debug build": sysconfig.get_config_var("Py_DEBUG"),
        "development mode": sys.flags.dev_mode,
        "the debug allocator": "debug" in os.environ.get("PYTHONMALLOC", ""),
        "a tracer": sys.gettrace() is not None,
    }
    return tuple(name for name, holds in facts.items() if holds)
