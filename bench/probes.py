"""What the doctor looks at besides the machine: the Rust wheel that is installed."""

from bench import wheel
from pytest_duel.support.findings import Finding, Probe, Status
from pytest_duel.support.system import System

REPLACE = '$ pip install --force-reinstall --no-deps "$(python -m bench wheel)"'


def installed_wheel(_: System) -> Finding:
    """Look at the Rust wheel that is installed beside this Python."""
    found = wheel.installed()
    if found is None:
        return Finding(Status.FINE, "none is installed; the harness builds its own, in release")
    profile = found.get("profile")
    if profile != "release":
        return Finding(Status.WRONG, f"a {profile} build is installed", (REPLACE,))
    if found.get("source_hash") != wheel.source_hash():
        said = "a release build of other sources than these is installed"
        return Finding(Status.HURTS, said, (REPLACE,))
    return Finding(Status.FINE, "a release build of these sources")


PROBES = (
    Probe(
        "wheel",
        installed_wheel,
        "your own scripts would time other code; a debug build is tens of times slower",
    ),
)
