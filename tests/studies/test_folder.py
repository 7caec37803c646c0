"""A study's folder: blocks are written once and whole, and what is no block of it is refused."""

import json
import re
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from easy_marl.studies import FolderError, Loop, Study, read, run
from easy_marl.studies.folder import writing
from easy_marl.studies.places import Computed
from easy_marl.studies.study import Block
from tests.studies.functions import draws, raises, study


class Watched:
    """A loop that remembers which blocks it computed."""

    def __init__(self) -> None:
        self.blocks: list[int] = []

    def compute(self, blocks: Sequence[Block]) -> Generator[Computed]:
        self.blocks += [block.number for block in blocks]
        yield from Loop().compute(blocks)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where a study has run to its end."""
    run(study(), tmp_path / "out")
    return tmp_path / "out"


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))


BLOCKS = [f"block-{number:06}.parquet" for number in range(4)]


def test_a_study_is_a_folder_of_blocks(folder: Path) -> None:
    assert names(folder) == [*BLOCKS, "study.json"]
    rows = read(folder)
    assert rows.column_names == ["scenario", "seed", "x", "name"]
    assert rows["scenario"].to_pylist() == [n for n in range(7) for _ in range(3)]
    assert rows["seed"].to_pylist()[3] == study().scenario_seed(1)


def test_any_library_reads_the_blocks(folder: Path) -> None:
    assert pyarrow.parquet.read_table(folder / BLOCKS[3]).num_rows == 3


def test_what_is_there_is_not_computed_again(folder: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    (folder / BLOCKS[2]).unlink()
    watched = Watched()
    reported: list[Path] = []
    outcome = run(study(), folder, watched, report=reported.append)
    assert (outcome.found, outcome.written) == (3, 1)
    assert watched.blocks == [2]
    assert reported == [folder / BLOCKS[2]]
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before


def test_a_function_that_fails_leaves_what_was_written(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        run(study(function=raises), tmp_path)
    assert names(tmp_path) == [BLOCKS[0], "study.json"]


def test_what_a_killed_run_was_writing_is_cleared_away(folder: Path) -> None:
    (folder / "study.json").rename(folder / ".study.json.tmp")
    for block in BLOCKS[1], "block-000009.parquet":
        (folder / f".{block}.tmp").write_bytes(b"PAR1")
    for block in BLOCKS:
        (folder / block).unlink()
    run(study(), folder)
    assert [one.name for one in folder.glob(".*") if one.suffix == ".tmp"] == []
    assert names(folder) == [*BLOCKS, "study.json"]


def test_files_of_others_stay(folder: Path) -> None:
    notes = folder / ".notes.tmp", folder.parent / ".notes.tmp"
    for one in notes:
        one.write_text("mine")
        run(study(), one.parent)
    assert [one.read_text() for one in notes] == ["mine", "mine"]


@pytest.mark.parametrize(("other", "said"), [
    (study(seed=6), "seed is 5 there, and 6 here"),
    (study(block_size=3), "block_size is 2 there, and 3 here"),
    (study(count=8), "it has 7 scenarios there, and 8 here"),
    (study(function=raises), "function is 'draws' there, and 'raises' here"),
    (
        Study(function=draws, parameters=[{"mean": float(n % 6)} for n in range(7)], seed=5,
              block_size=2),
        r"parameters\[6\] is {'mean': 6.0} there, and {'mean': 0.0} here",
    ),
])  # fmt: skip
def test_the_folder_of_another_study_is_refused(folder: Path, other: Study, said: str) -> None:
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    with pytest.raises(FolderError, match=rf"out/study.json is of another study: {said}"):
        run(other, folder)
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before


def test_a_function_of_the_same_name_and_another_text_is_another_study(folder: Path) -> None:
    kept = draws

    def draws_anew(parameters: Any, seed: int) -> Any:
        return kept(parameters, seed)

    draws_anew.__qualname__ = "draws"
    with pytest.raises(FolderError, match="the text of draws has changed since"):
        run(study(function=draws_anew), folder)


@pytest.mark.parametrize("length", [0, 3, 200, -1])
def test_a_block_that_is_cut_off_is_named(folder: Path, length: int) -> None:
    file = folder / BLOCKS[1]
    file.write_bytes(file.read_bytes()[:length])
    for use in (lambda: run(study(), folder), lambda: read(folder)):
        with pytest.raises(FolderError, match=f"{BLOCKS[1]} is no whole block .*: remove it"):
            use()
    file.unlink()
    assert run(study(), folder).written == 1


def test_a_block_of_another_study_is_named(folder: Path, tmp_path: Path) -> None:
    run(study(seed=6), tmp_path / "other")
    (tmp_path / "other" / BLOCKS[1]).replace(folder / BLOCKS[1])
    with pytest.raises(FolderError, match=f"{BLOCKS[1]} has study '.*': expected"):
        run(study(), folder)


def test_a_block_under_the_name_of_another_is_named(folder: Path) -> None:
    (folder / BLOCKS[1]).replace(folder / BLOCKS[2])
    with pytest.raises(FolderError, match=f"{BLOCKS[2]} has block '1': expected '2'"):
        run(study(), folder)


def test_one_block_too_many_is_named(folder: Path) -> None:
    (folder / "block-000009.parquet").write_bytes(b"")
    with pytest.raises(FolderError, match=r"block-000009\.parquet is no block of this study"):
        run(study(), folder)


def test_blocks_without_a_study_are_not_taken_over(folder: Path) -> None:
    (folder / "study.json").unlink()
    with pytest.raises(FolderError, match=f"{BLOCKS[0]} is a block of an unknown study"):
        run(study(), folder)


@pytest.mark.parametrize(("content", "said"), [
    ("{", "study.json cannot be read"),
    ("[]", "study.json does not describe a study"),
    (json.dumps({"seed": 1}), "study.json does not describe a study"),
])  # fmt: skip
def test_a_description_that_is_none_is_named(folder: Path, content: str, said: str) -> None:
    (folder / "study.json").write_text(content)
    for use in (lambda: run(study(), folder), lambda: read(folder)):
        with pytest.raises(FolderError, match=said):
            use()


def test_one_run_at_a_time_writes(tmp_path: Path) -> None:
    with writing(tmp_path, study()), pytest.raises(FolderError, match="is in use"):
        run(study(), tmp_path)
    assert run(study(), tmp_path).written == 4


def test_a_study_that_has_not_ended_is_not_read(folder: Path) -> None:
    (folder / BLOCKS[1]).unlink()
    (folder / BLOCKS[3]).unlink()
    with pytest.raises(FolderError, match=f"lacks 2 of 4 blocks, such as {BLOCKS[1]}"):
        read(folder)
    with pytest.raises(FolderError, match=re.escape("is no study's folder")):
        read(folder.parent)


def test_a_block_that_rots_is_found_where_it_is_read(folder: Path) -> None:
    file = folder / BLOCKS[1]
    content = bytearray(file.read_bytes())
    content[40] ^= 255
    file.write_bytes(content)
    with pytest.raises(FolderError, match=rf"(?i){BLOCKS[1]} is damaged \(.*(crc|corrupt)"):
        read(folder)


def test_blocks_have_the_same_columns(tmp_path: Path) -> None:
    some = Study(
        function=lambda parameters, _: {"x": [parameters["x"]]}, parameters=[{"x": 1}, {"x": 0.5}]
    )
    for already in 0, 1:
        with pytest.raises(ValueError, match=f"in .*{BLOCKS[0]}: they must be the same"):
            run(some, tmp_path)
        assert names(tmp_path) == [BLOCKS[0], "study.json"], already


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="file is no folder, and cannot be made one: "):
        run(study(), tmp_path / "file")
