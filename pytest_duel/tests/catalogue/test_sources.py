"""Which backends a change can touch."""

from pathlib import Path

import pytest

from pytest_duel.catalogue.model import Backend
from pytest_duel.catalogue.sources import differing, digests, touched
from simulated_project import BACKENDS, IN_NUMBA, IN_RUST, LIBRARY

EVERYONE = {one.name for one in BACKENDS}


def plant(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def test_files_differ_by_content_or_by_being_there(tmp_path: Path) -> None:
    one = plant(tmp_path / "1", a="same", deep__b="old ", deep__er__gone="", was_a_file="")
    other = plant(tmp_path / "2", a="same", deep__b="new!", new="", was_a_file__inside="")
    expected = ["deep/b", "deep/er/gone", "new", "was_a_file", "was_a_file/inside"]
    assert differing(one, other) == differing(other, one) == expected
    assert differing(one, one) == []


def test_times_of_files_are_no_difference(tmp_path: Path) -> None:
    one, other = plant(tmp_path / "1", a="same"), plant(tmp_path / "2", a="same")
    (one / "a").touch()
    assert differing(one, other) == []


def test_what_python_and_installers_write_is_no_source(tmp_path: Path) -> None:
    one = plant(tmp_path / "1", a="")
    other = plant(tmp_path / "2", a="")
    for path in (other / "pkg" / "__pycache__" / "a.pyc", other / "pkg-1.dist-info" / "RECORD"):
        path.parent.mkdir(parents=True)
        path.touch()
    assert differing(one, other) == []


def test_what_is_never_run_is_no_difference(tmp_path: Path) -> None:
    one = plant(tmp_path / "1", **{"library__library.abi3.so": "code", "README.md": "old"})
    other = plant(
        tmp_path / "2",
        **{
            "library__library.abi3.so": "code", "README.md": "new",
            "library__library.pyi": "def clear(): ...", "library__py.typed": "",
        },
    )  # fmt: skip
    assert differing(one, other) == []
    plant(other, **{"library__library.abi3.so": "other", "library__pyi.py": ""})
    assert differing(one, other) == ["library/library.abi3.so", "library/pyi.py"]


@pytest.mark.parametrize(
    "name",
    ["package/api.py", "package/new.py", "library.py", "package/library/"],
)
def test_a_file_that_nobody_claims_touches_all(name: str) -> None:
    assert touched([name], BACKENDS) == EVERYONE
    assert touched([IN_NUMBA, name], BACKENDS) == EVERYONE


@pytest.mark.parametrize(("name", "names"), [
    (IN_NUMBA, {"numba"}),
    (IN_RUST, {"rust", "rust-parallel", "floor"}),
    (LIBRARY, {"rust", "rust-parallel", "floor"}),
])  # fmt: skip
def test_a_backends_own_files_touch_those_that_use_it(name: str, names: set[str]) -> None:
    assert touched([name], BACKENDS) == names


def test_a_claim_of_a_folder_is_not_one_of_names_that_begin_alike() -> None:
    own = [Backend("a", dict, sources=("pkg/", "one.py")), Backend("b", dict)]
    assert touched(["pkg/deep/x.py"], own) == touched(["one.py"], own) == {"a"}
    for name in "pkg", "pkg2/x.py", "one.pyi", "deep/one.py":
        assert touched([name], own) == {"a", "b"}


def test_no_change_touches_nothing() -> None:
    assert touched([], BACKENDS) == set()


def test_a_digest_tells_what_a_backend_was_made_of(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("1", encoding="utf-8")
    own = [Backend("a", dict, sources=("one.py",)), Backend("b", dict, sources=("pkg/",))]
    before = digests(tmp_path, own)
    assert set(before) == {"a"}
    assert digests(tmp_path, own) == before
    (tmp_path / "one.py").write_text("2", encoding="utf-8")
    assert digests(tmp_path, own) != before
    (tmp_path / "one.py").unlink()
    assert digests(tmp_path, own) == {}
