"""What the doctor looks at besides the machine."""

import sys
from types import SimpleNamespace

import pytest

from bench import probes, wheel
from pytest_duel.support.findings import Status
from pytest_duel.support.system import HERE, System

RELEASE = {"profile": "release", "source_hash": "abc"}


def test_the_installed_wheel_is_asked_for_its_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rust_market", SimpleNamespace(build_info=lambda: RELEASE))
    assert wheel.installed() == RELEASE
    monkeypatch.setitem(sys.modules, "rust_market", SimpleNamespace())  # this project's folder
    assert wheel.installed() is None


@pytest.mark.parametrize(("found", "status"), [
    (None, Status.FINE),
    (RELEASE, Status.FINE),
    ({"profile": "debug"}, Status.WRONG),
    ({"profile": "release", "source_hash": "old"}, Status.HURTS),
])  # fmt: skip
def test_another_wheel_than_these_sources_give_is_seen(
    found: dict[str, str] | None, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheel, "installed", lambda: found)
    monkeypatch.setattr(wheel, "source_hash", lambda: "abc")
    said = probes.installed_wheel(System(HERE))
    assert said.status is status
    assert bool(said.advice) == (status is not Status.FINE)
