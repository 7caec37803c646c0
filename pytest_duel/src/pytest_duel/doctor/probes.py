"""Probes of the machine. A new one is a function and an entry in `PROBES`."""

from collections import Counter
from collections.abc import Sequence

from pytest_duel.results import machine
from pytest_duel.support.findings import Finding, Probe, Status
from pytest_duel.support.system import System
from pytest_duel.support.system import cores as cores_of
from pytest_duel.support.units import count

BUSY = 0.05
"""Other work, in CPUs, above which a warning is given."""
STOLEN = 0.005
"""So is a larger share of stolen time."""
IDLE_LOAD = 0.2
"""So is a load average above this, where nothing else is told."""
PLATFORMS = {"darwin": "macOS", "win32": "Windows"}
END = "end what runs, or wait"
_CPUS = "sys/devices/system/cpu"


def _fine(found: str) -> Finding:
    return Finding(Status.FINE, found)


def _hurts(found: str, *advice: str) -> Finding:
    return Finding(Status.HURTS, found, advice)


def _unknown(found: str, *advice: str) -> Finding:
    return Finding(Status.UNKNOWN, found, advice)


def governor(system: System) -> Finding:
    """Look at how the clock rate is chosen."""
    found = Counter(machine.governors(system.tree))
    if not found:
        return _unknown("no frequency driver; in a virtual machine the host sets the clock")
    driver = system.tree.read(f"{_CPUS}/cpu0/cpufreq/scaling_driver") or "unknown driver"
    said = ", ".join(f"{name} on {count(number, 'CPU')}" for name, number in found.items())
    said = f"{said} ({driver})"
    if set(found) == {"performance"}:
        return _fine(said)
    return _hurts(said, "$ sudo cpupower frequency-set --governor performance")


def turbo(system: System) -> Finding:
    """Look whether the clock may rise above its base rate."""
    for path, on in ((f"{_CPUS}/intel_pstate/no_turbo", 0), (f"{_CPUS}/cpufreq/boost", 1)):
        value = system.tree.number(path)
        if value is not None:
            if value != on:
                return _fine("off")
            return _hurts("on", f"$ echo {1 - on} | sudo tee /{path}")
    return _unknown("the frequency driver does not say")


def smt(system: System) -> Finding:
    """Look whether two threads share a core."""
    active = machine.smt(system.tree)
    if active is None:
        return _unknown("the kernel does not say")
    if active == "0":
        return _fine("one thread on each core")
    return _hurts("threads share cores", f"$ echo off | sudo tee /{_CPUS}/smt/control")


def load(system: System) -> Finding:
    """Look at what else runs."""
    average = "" if system.load is None else f"load average {system.load:.2f}"
    if system.activity is None:
        if system.load is None:
            return _unknown("the system tells neither a load average nor its processes")
        if system.load <= IDLE_LOAD:
            return _fine(average)
        return _hurts(average, END)
    used = system.activity.others
    said = f"others use {used:.2f} CPUs" + (f"; {average} before" if average else "")
    if used <= BUSY:
        return _fine(said)
    names = ", ".join(
        f"{name} {cpus:.2f}" for name, cpus in system.activity.busiest if cpus >= 0.01
    )
    return _hurts(f"{said}; most: {names}" if names else said, END, "$ top")


def virtualisation(system: System) -> Finding:
    """Look whether this is a virtual machine."""
    found = machine.virtualisation(system.tree)
    if found is None:
        return _unknown("the kernel does not say")
    if found == "none":
        return _fine("none")
    return _hurts(found, "measure on a machine of its own, or in pairs:", "$ pytest-duel duel A B")


def steal(system: System) -> Finding:
    """Look how much time the hypervisor gave to others."""
    if system.activity is None:
        return _unknown("the kernel does not count it")
    said = f"{system.activity.steal:.1%} of the time during this check"
    if system.activity.steal <= STOLEN:
        return _fine(said)
    return _hurts(said, "measure at another hour, or on a machine with CPUs of its own")


def affinity(system: System) -> Finding:
    """Look whether this process is kept on some CPUs."""
    if system.usable is None:
        return _unknown("Python cannot read on which CPUs it may run here")
    said = f"may run on {len(system.usable)} of {count(system.cpus, 'CPU')}"
    if system.cpus is None or len(system.usable) >= system.cpus:
        return _fine(said)
    every = f"0-{system.cpus - 1}"
    return _hurts(
        said, "widen the cpuset, or, in your shell:",
        f"$ taskset --all-tasks --cpu-list --pid {every} $$",
    )  # fmt: skip


def priority(system: System) -> Finding:
    """Look whether this process lets others go first."""
    if system.niceness is None:
        return _unknown("the system has no niceness")
    said = f"niceness {system.niceness}"
    if system.niceness <= 0:
        return _fine(said)
    return _hurts(
        said, "start it without nice, or, in your shell:", "$ sudo renice --priority 0 --pid $$"
    )


def quota(system: System) -> Finding:
    """Look whether a control group stops this process when it has had its share."""
    groups = system.tree.read("proc/self/cgroup")
    if groups is None:
        return _unknown("there are no control groups")
    allowed = min(_quotas(system, groups), default=None)
    if allowed is None:
        return _fine("none")
    said = count(allowed, "CPU")
    if system.usable is not None and allowed >= len(system.usable):
        return _fine(f"{said}, as many as it may use")
    return _hurts(said, "start the container without a CPU limit, or pin it: --cpuset-cpus")


def _quotas(system: System, groups: str) -> list[float]:
    """Return the CPUs that each of the nested groups allows, where it sets a limit."""
    found = []
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for depth in range(len(parts) + 1):
            inner = "/".join(parts[:depth])
            if not controllers:
                text = system.tree.read(f"sys/fs/cgroup/{inner}/cpu.max") or ""
            elif "cpu" in controllers.split(","):
                folder = f"sys/fs/cgroup/cpu/{inner}"
                files = (f"{folder}/cpu.cfs_quota_us", f"{folder}/cpu.cfs_period_us")
                text = " ".join(system.tree.read(file) or "" for file in files)
            else:
                continue
            if len(numbers := [one for one in text.split() if one.isdecimal()]) == 2:
                found.append(int(numbers[0]) / int(numbers[1]))
    return found


def cores(system: System) -> Finding:
    """Count the cores that a benchmark of two threads may use."""
    if system.usable is None:
        number, said = system.cpus, count(system.cpus, "CPU")
    else:
        number = len(cores_of(system.tree, system.usable))
        said = f"{count(number, 'core')} in {count(len(system.usable), 'usable CPU')}"
    if number is None:
        return _unknown(said)
    if number > 2:
        return _fine(said)
    return _hurts(said, "leave two-thread cases out, or measure where there are three cores")


def power(system: System) -> Finding:
    """Look whether the machine runs on its battery."""
    if not (system.tree.root / "sys/class/power_supply").is_dir():
        return _unknown("the kernel does not say")
    folder = "sys/class/power_supply/{}/{}".format
    names = [path.split("/")[3] for path in system.tree.find("sys/class/power_supply/*/type")]
    own = [one for one in names if system.tree.read(folder(one, "scope")) != "Device"]
    batteries = [one for one in own if system.tree.read(folder(one, "type")) == "Battery"]
    if any(system.tree.read(folder(one, "status")) == "Discharging" for one in batteries):
        return _hurts("on battery", "plug it in")
    return _fine("on mains" if batteries else "no battery")


def thermal(system: System) -> Finding:
    """Look whether the cores get too hot for their clock."""
    counts = system.tree.find(f"{_CPUS}/cpu[0-9]*/thermal_throttle/core_throttle_count")
    if not counts:
        return _unknown("the processor does not count it")
    ever = sum(system.tree.number(path) or 0 for path in counts)
    now = system.activity.throttled if system.activity else None
    if now:
        return _hurts(
            f"slowed down {now} times during this check", "let it cool; turn turbo off; clean it"
        )
    return _fine(
        f"not during this check; {ever} times since the machine started" if ever else "never"
    )


def python(system: System) -> Finding:
    """Look at the interpreter."""
    if not system.slow_python:
        return _fine("a release build, without debugging aids")
    what = ", ".join(system.slow_python)
    return Finding(Status.WRONG, what, ("use a plain Python, without debugging variables",))


def numba(system: System) -> Finding:
    """Look at what the environment tells numba."""
    if not system.slow_numba:
        return _fine("no variable makes it slower")
    names = [setting.partition("=")[0] for setting in system.slow_numba]
    return Finding(Status.WRONG, ", ".join(system.slow_numba), (f"$ unset {' '.join(names)}",))


PROBES = (
    Probe("Python", python, "calls cost more than they will cost your users"),
    Probe(
        "numba", numba,
        "it would run as Python, or compile to slower code than your users have",
    ),
    Probe(
        "governor", governor,
        "the clock follows the load, so early rounds and short cases look slow",
        {"darwin": "$ pmset -g", "win32": "$ powercfg /getactivescheme"},
    ),
    Probe(
        "turbo", turbo,
        "the clock depends on heat and on how many cores work, so it varies",
        {"darwin": "it cannot be turned off"},
    ),
    Probe("SMT", smt, "what runs on the other thread of a core slows this one"),
    Probe(
        "load", load,
        "other programs take the processor and its caches now and then",
        {"win32": "$ tasklist"},
    ),
    Probe(
        "virtualisation", virtualisation,
        "other machines share caches and memory with this one; times drift by tens of percent",
        {"darwin": "$ sysctl kern.hv_vmm_present", "win32": "$ systeminfo"},
    ),
    Probe("stolen time", steal, "the host let others run, while the clock went on"),
    Probe("affinity", affinity, "fewer blocks run at once, and threads wait for each other"),
    Probe("priority", priority, "all other programs get a processor first"),
    Probe("CPU quota", quota, "once the share of a period is used up, all stops until the next"),
    Probe(
        "cores", cores,
        "two threads need a core each, and whatever else runs needs a third, or interrupts one",
    ),
    Probe(
        "power", power,
        "the clock is kept low, and changes with the charge",
        {"darwin": "$ pmset -g batt", "win32": "$ powercfg /batteryreport"},
    ),
    Probe(
        "heat", thermal,
        "a core that is too hot slows down until it has cooled",
        {"darwin": "$ pmset -g therm"},
    ),
)  # fmt: skip


def examine(system: System, probes: Sequence[Probe] = PROBES) -> list[tuple[Probe, Finding]]:
    """Return what every probe finds; where it cannot tell, how to look by hand.

    Reasons are given for Linux, where it is the machine that does not tell.
    """
    elsewhere = PLATFORMS.get(system.platform)
    found = []
    for probe in probes:
        finding = probe.look(system)
        if finding.status is Status.UNKNOWN and elsewhere:
            by_hand = probe.elsewhere.get(system.platform)
            advice = (by_hand,) if by_hand else ()
            finding = Finding(Status.UNKNOWN, f"not read on {elsewhere}", advice)
        found.append((probe, finding))
    return found
