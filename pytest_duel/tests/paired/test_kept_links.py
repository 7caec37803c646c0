"""What is kept of the links of a build, and which of them cannot be made again."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from linked import BUILD, INCLUDED, LACKS, LLD
from pytest_duel.paired.arms import keep_link, links
from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.arms.links import Link, LinkError, links_in
from pytest_duel.paired.arms.recipe import Recipe
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.placements import Placements, _link_of, linker_of
from pytest_duel.paired.pytest_client import Suite
from strangers import copied

needs_linker = pytest.mark.skipif(bool(LACKS), reason=LACKS)
needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")


def arm_by(command: str, folder: Path, home: Path) -> Arm:
    """Return the toy extension, built by a command."""
    return Arm("only", modules=install(folder, Recipe(install=command), home).modules)


def placed(arm: Arm, home: Path) -> Path:
    """Return the file of the toy in a block."""
    folder = home / "placed"
    folder.mkdir()
    linker = linker_of(arm, {"toy.so"})
    found = Placements((arm,), (linker,), Suite(home, home), "1", folder, at_once=1)
    found.begin()
    return Path(found.of(arm, 0).placed["toy"])


@needs_linker
@needs_gcc
def test_what_gcc_finishes_when_it_links_is_left_alone(tmp_path: Path) -> None:
    project = copied("extension", tmp_path / "project")
    command = BUILD.replace("cc ", "gcc -flto -ffat-lto-objects ", 1)
    arm = arm_by(command, project, tmp_path)
    with pytest.raises(LinkError, match=r"toy\.so: it cannot be linked again: .*-flto"):
        linker_of(arm, {"toy.so"})


@needs_linker
@pytest.mark.parametrize("place", ["$ORIGIN/libs", "elsewhere"])
def test_a_module_that_was_linked_again_finds_its_libraries(place: str, tmp_path: Path) -> None:
    project = copied("extension", tmp_path / "project")
    source = project / "toy.c"
    text = source.read_text().replace("return PyLong", "dep(); return PyLong")
    source.write_text(f"int dep(void);\n{text}")
    (project / "dep.c").write_text("int dep(void) { return 1; }\n")
    rpath = place if place.startswith("$") else str(tmp_path / place)
    libs = "$1/libs" if place.startswith("$") else rpath
    (project / "build.sh").write_text(
        f"""set -e
        mkdir "{libs}"
        cc -shared -fPIC dep.c -o "{libs}/libdep.so"
        cc -O2 -shared -fPIC -I{INCLUDED} toy.c -L"{libs}" -ldep '-Wl,-rpath,{rpath}' \\
            -o "$1/toy.so"
        """
    )
    assert placed(arm_by("sh build.sh {target}", project, tmp_path / "cache"), tmp_path).is_file()


def test_links_are_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    about = {"linker": "ld.lld", "output": "", "modules": ["toy"], "functions": [], "rpaths": []}
    for name, when in (("later", 2), ("early", 1)):
        path = tmp_path / links.LINKS / name / keep_link.ABOUT
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({**about, "output": name}))
        os.utime(path, ns=(when, when))
    assert [one.output for one in links_in(tmp_path)] == ["early", "later"]


def test_links_that_were_kept_earlier_are_read(tmp_path: Path) -> None:
    """As beside a wheel that was built before folders of libraries were kept apart."""
    path = tmp_path / links.LINKS / "one" / keep_link.ABOUT
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"linker": "ld.lld", "output": "toy.so", "modules": ["toy"], "functions": []}'
    )
    assert [(one.output, one.rpaths) for one in links_in(tmp_path)] == [("toy.so", ())]


def test_modules_of_one_name_are_told_apart_by_their_packages(tmp_path: Path) -> None:
    kept = [
        Link(tmp_path, "ld.lld", f"pack/{name}/_core.so", ("_core",), ()) for name in ("a", "b")
    ]
    assert _link_of("pack/a/_core.so", kept, tmp_path) is kept[0]
    assert _link_of("pack/b/_core.so", kept, tmp_path) is kept[1]


def test_a_library_that_is_no_extension_module_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "toy.so").write_bytes(b"\x7fELF")
    with pytest.raises(
        LinkError, match=r"toy\.so: it is no extension module|on Linux only|no lld"
    ):
        _link_of("toy.so", [], tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="the scripts are of a shell")
def test_arguments_of_any_bytes_reach_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, home = tmp_path / "real", tmp_path / "home"
    for folder in (real, home):
        folder.mkdir()
    (real / "cc").write_text('#!/bin/sh\necho real "$@"\n')
    (real / "cc").chmod(0o755)
    (tmp_path / "words").write_bytes(b"-DWHOSE='\xff' -c a.c")
    monkeypatch.setenv("PATH", f"{real}:{os.environ['PATH']}")
    path = links.recorded(home, str(LLD))["PATH"]
    done = subprocess.run(
        ["cc", "@words"], env={**os.environ, "PATH": path}, capture_output=True, text=True,
        cwd=tmp_path, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "real @words -ffunction-sections\n")
