"""What pytest-benchmark alone saves of machine and time, in the words of our own files.

Older versions have other names for some of it; projects' own hooks may have put anything there.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def node_hash(node: str) -> str:
    """Return what tells a host from others, and is not its name."""
    return hashlib.sha256(node.encode()).hexdigest()[:12]


def machine(saved: Mapping[str, Any], version: object = None) -> dict[str, Any]:
    """Return the machine that a run tells of, without the host's name.

    Parameters
    ----------
    saved
        The run's `machine_info`.
    version
        Of the pytest-benchmark that saved it.
    """
    cpu, versions = part(saved, "cpu"), part(saved, "versions")
    if "brand" in cpu:  # py-cpuinfo's name for it up to version 5
        cpu.setdefault("brand_raw", cpu["brand"])
    told = {"python": saved.get("python_version"), "pytest-benchmark": version}
    found = {
        **{name: value for name, value in saved.items() if name != "node"},
        "cpu": cpu,
        "versions": {name: one for name, one in told.items() if isinstance(one, str)} | versions,
    }
    node = saved.get("node")
    if isinstance(node, str):
        found.setdefault("node_hash", node_hash(node))
    if isinstance(cpu.get("count"), int):
        found.setdefault("cores", cpu["count"])
    return found


def part(saved: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object that another has; an empty one where it is something else, or missing."""
    value = saved.get(name)
    return dict(value) if isinstance(value, dict) else {}


def when(saved: str) -> str:
    """Return the time of a measurement with its zone: version 3 leaves out that it is UTC's."""
    try:
        told = datetime.fromisoformat(saved)
    except ValueError:
        return saved
    return saved if told.tzinfo else told.replace(tzinfo=UTC).isoformat()
