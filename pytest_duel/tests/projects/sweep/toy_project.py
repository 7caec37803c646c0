"""What the harness is told of the toy."""

from pathlib import Path

from pytest_duel.catalogue.project import Project
from toy_catalogue import pytest_duel_catalogue


def project() -> Project:
    return Project(
        root=Path(__file__).resolve().parent,
        catalogue=pytest_duel_catalogue(),
        packages=(),
    )
