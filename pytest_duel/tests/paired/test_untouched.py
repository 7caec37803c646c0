"""What is measured is what was installed: whatever is written to it meanwhile is found."""

from pathlib import Path

import pytest

from pytest_duel.paired.arms.untouched import TouchedError, check, snapshot

TAG = "cpython-312"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "toy"
    (home / "__pycache__").mkdir(parents=True)
    for name in ("fast.py", "data.txt", f"__pycache__/fast.{TAG}.pyc", "__pycache__/fast.1.nbi"):
        (home / name).write_text("as it was")
    (home / "link").symlink_to("/dev/zero")
    return tmp_path


def written(folder: Path, name: str, *, only_code: bool = False) -> list[str]:
    """Return what is found after a file was written."""
    before = snapshot(folder, only_code=only_code)
    assert before.changes() == []
    (folder / name).write_text("as it was not")
    return before.changes()


@pytest.mark.parametrize("name", [
    "toy/fast.py", "toy/data.txt", "toy/new.py", "new.so", f"toy/__pycache__/fast.{TAG}.pyc",
    f"toy/__pycache__/new.{TAG}.pyc", f"toy/__pycache__/fast.{TAG}.opt-1.pyc",
])  # fmt: skip
def test_what_is_run_or_read_must_stay(folder: Path, name: str) -> None:
    assert written(folder, name) == [name]


@pytest.mark.parametrize("name", [
    "toy/report.txt", "toy/__pycache__/fast.1.nbi", "toy/__pycache__/fast.2.nbc",
    f"toy/__pycache__/test_it.{TAG}-pytest-9.0.1.pyc",
])  # fmt: skip
def test_what_programs_keep_beside_their_code_may_come(folder: Path, name: str) -> None:
    assert written(folder, name) == []


def test_tests_may_write_into_their_own_tree_but_not_its_sources(folder: Path) -> None:
    assert written(folder, "toy/data.txt", only_code=True) == []
    assert written(folder, f"toy/__pycache__/new.{TAG}.pyc", only_code=True) == []
    assert written(folder, "toy/fast.py", only_code=True) == ["toy/fast.py"]


def test_what_is_gone_or_a_link_to_something_else(folder: Path) -> None:
    before = snapshot(folder)
    (folder / "toy/data.txt").unlink()
    (folder / "toy/link").unlink()
    (folder / "toy/link").symlink_to("fast.py")
    assert before.changes() == ["toy/data.txt", "toy/link"]
    with pytest.raises(TouchedError, match=r"the base was written to .* toy/data\.txt"):
        check([before], {folder: "the base"})
