"""The machine and the versions that a run was measured on."""

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info as get_machine_info

from pytest_duel.results.stock import node_hash
from pytest_duel.support import processes
from pytest_duel.support.system import HERE, Tree, usable_cpus

_CPUS = "sys/devices/system/cpu"


def describe(packages: Iterable[str]) -> dict[str, Any]:
    """Return what stays the same from run to run on one machine: CPU, system, versions."""
    return {
        "cores": os.cpu_count(),
        "usable_cores": _usable_cores(),
        "governor": next(iter(governors(HERE)), None),
        "smt": smt(HERE),
        "virtualisation": virtualisation(HERE),
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in packages},
    }


def identify(packages: Iterable[str]) -> dict[str, Any]:
    """Return what tells this machine and its versions from others, without the host's name."""
    info = get_machine_info()
    settle(info)
    cpu = info.get("cpu", {}).get("brand_raw")
    return {"cpu": cpu, "node_hash": info["node_hash"], **describe(packages)}


def settle(machine_info: dict[str, Any]) -> None:
    """Take out of pytest-benchmark's `machine_info` what varies, and what names the host.

    Any difference makes the stock comparison warn; the momentary clock rate is no difference.
    """
    for name in ("hz_actual", "hz_actual_friendly"):
        machine_info.get("cpu", {}).pop(name, None)
    node = machine_info.pop("node", "")
    machine_info["node_hash"] = node_hash(node)


def load_average() -> float | None:
    """Return the load average of the last minute, where the system tells."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def governors(tree: Tree) -> list[str]:
    """Return the frequency governor of each CPU that has one."""
    paths = tree.find(f"{_CPUS}/cpu[0-9]*/cpufreq/scaling_governor")
    return [found for path in paths if (found := tree.read(path))]


def smt(tree: Tree) -> str | None:
    """Return "1" where two threads may share a core, "0" where not, None where it is not told."""
    return tree.read(f"{_CPUS}/smt/active")


def virtualisation(tree: Tree) -> str | None:
    """Return the hypervisor's name, "none", or None where the system does not tell."""
    if tree is HERE and (name := _detected()):
        return name
    cpuinfo = tree.read("proc/cpuinfo")
    if cpuinfo is None:
        return None
    vendor = tree.read("sys/class/dmi/id/sys_vendor") or "unknown hypervisor"
    return vendor if " hypervisor " in f"{cpuinfo} ".replace("\n", " ") else "none"


def _detected() -> str:
    """Return what systemd takes the hypervisor for; empty where there is no systemd."""
    try:
        return processes.run(["systemd-detect-virt", "--vm"], timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _usable_cores() -> int | None:
    usable = usable_cpus()
    return os.cpu_count() if usable is None else len(usable)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
