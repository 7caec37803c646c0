"""The command line of a study: what it says, and its exit codes."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from easy_marl.studies import Study
from easy_marl.studies.command import add_options, execute
from tests.studies.functions import draws, study

pytest.importorskip("pyarrow", reason="studies need the extra studies")


def command(some: Study, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return execute(some, parser.parse_args(arguments))


def interrupted(parameters: Mapping[str, Any], seed: int) -> dict[str, Any]:
    if parameters["mean"] == 3.0:
        raise KeyboardInterrupt
    return draws(parameters, seed)


def test_a_study_that_ends_tells_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(study(), str(tmp_path)) == 0
    output = capsys.readouterr()
    assert output.out.startswith(
        f"{tmp_path}: 4 blocks, of which 0 were there and 4 were written in "
    )
    assert output.err.split() == [f"block-{number:06}.parquet" for number in range(4)]


def test_what_cannot_go_on_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(study(), str(tmp_path))
    capsys.readouterr()
    assert command(study(seed=6), str(tmp_path)) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/study.json is of another study")


def test_a_study_that_is_interrupted_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(study(function=interrupted), str(tmp_path)) == 130
    assert capsys.readouterr().err.splitlines() == [
        "block-000000.parquet",
        "interrupted: the same command goes on",
    ]
