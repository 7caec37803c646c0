"""What the harness is told of the toy."""

from pathlib import Path

from pytest_duel.catalogue.project import Project
from toy_catalogue import pytest_duel_catalogue

SOURCE = "toy_catalogue:pytest_duel_catalogue"


def prepare(tree: Path, code: Path, placement: str) -> None:
    """Write what differs where code is placed otherwise."""
    (code / "library").write_text(placement, encoding="utf-8")


def project() -> Project:
    return Project(
        root=Path(__file__).resolve().parent,
        catalogue=pytest_duel_catalogue(),
        source=SOURCE,
        packages=(),
        prepare=prepare,
    )
