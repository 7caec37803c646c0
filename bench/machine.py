"""The machine and the versions that a run was measured on."""

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info as get_machine_info

from bench import processes

_CPUS = Path("/sys/devices/system/cpu")


def describe(packages: Iterable[str]) -> dict[str, Any]:
    """Return what stays the same from run to run on one machine: CPU, system, versions."""
    return {
        "cores": os.cpu_count(),
        "usable_cores": _usable_cores(),
        "governor": _read(_CPUS / "cpu0/cpufreq/scaling_governor"),
        "smt": _read(_CPUS / "smt/active"),
        "virtualisation": _virtualisation(),
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
    machine_info["node_hash"] = hashlib.sha256(node.encode()).hexdigest()[:12]


def load_average() -> float | None:
    """Return the load average of the last minute, where the system tells."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _usable_cores() -> int | None:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _virtualisation() -> str | None:
    """Return the hypervisor's name, "none", or None where the system does not tell."""
    try:
        done = processes.run(["systemd-detect-virt", "--vm"], timeout=10)
        if done.stdout.strip():
            return done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        pass
    cpuinfo = _read(Path("/proc/cpuinfo"))
    if cpuinfo is None:
        return None
    vendor = _read(Path("/sys/class/dmi/id/sys_vendor")) or "unknown hypervisor"
    return vendor if " hypervisor " in f"{cpuinfo} ".replace("\n", " ") else "none"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
