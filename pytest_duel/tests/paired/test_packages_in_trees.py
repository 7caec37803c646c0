"""Packages that refer to what lies beside them: they are built within their whole tree."""

import os
import shlex
import shutil
from pathlib import Path

import pytest

from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.arms.links import links_in
from pytest_duel.paired.arms.recipe import InstallError, Recipe
from repositories import commit, git
from strangers import copied, repository

REFERS = "cp ../core/shared.py toy.py && cp toy.py {target} && rm -r ../core"


def command(script: str) -> Recipe:
    """Return a recipe that runs a script in ``sh``, in the folder `python`."""
    return Recipe(packages=("python",), install=f"sh -c {shlex.quote(script)}")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a tree with a package and a folder beside it."""
    root = tmp_path / "tree"
    for name in ("python/own.py", "core/shared.py", "tests/test_toy.py"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text("VALUE = 1\n")
    return root


def home(tree: Path, recipe: Recipe) -> Path:
    """Return the folder of an install; nothing of its build is left beside it."""
    cache = tree.parent / "cache"
    (found,) = {*install(tree, recipe, cache, tree).modules.values()}
    folders = [path.name for path in (cache / "installs").iterdir() if path.is_dir()]
    assert not [name for name in folders if name.startswith("building-")]
    return Path(found)


def built_within(tree: Path) -> Path:
    """Return the folder of an install by pip that cannot be had from the package alone."""
    recipe = Recipe(packages=("python",))
    with pytest.raises(InstallError):
        install(tree, recipe, tree.parent / "cache")
    return home(tree, recipe)


def test_a_package_that_refers_to_a_folder_beside_it(tree: Path) -> None:
    found = home(tree, command(REFERS))
    assert (found / "toy.py").read_text() == "VALUE = 1\n"
    assert (tree / "core/shared.py").is_file()  # it was built in a copy
    assert home(tree, command(REFERS)) == found


def test_a_folder_beside_it_counts_as_its_own_files_do(tree: Path) -> None:
    found = {home(tree, command(REFERS))}
    for name in ("core/shared.py", "python/own.py"):
        (tree / name).write_text("VALUE = 2\n")
        found.add(home(tree, command(REFERS)))
    assert len(found) == 3
    assert "VALUE = 2\n" in {(one / "toy.py").read_text() for one in found}


def test_what_is_kept_is_found_without_trying_again(tree: Path) -> None:
    tried = tree.parent / "tried"
    recipe = command(f"echo >> {tried}; {REFERS}")
    found = home(tree, recipe)
    assert tried.read_text() == "\n\n"
    assert home(tree, recipe) == found
    assert tried.read_text() == "\n\n"
    (found / "toy.py").write_text("")
    assert home(tree, recipe) == found  # it was damaged, and is built anew as it was
    assert tried.read_text() == "\n\n\n"
    assert (found / "toy.py").read_text() == "VALUE = 1\n"


def test_a_package_that_needs_nothing_else_is_built_alone(tree: Path) -> None:
    recipe = command("test ! -e ../core && cp own.py {target}")
    found = home(tree, recipe)
    (tree / "core/shared.py").write_text("VALUE = 2\n")
    assert home(tree, recipe) == found


@pytest.mark.parametrize("package", [".", "python/..", "python/../core/.."])
def test_the_top_of_a_tree_is_built_once(package: str, tree: Path) -> None:
    tried = tree.parent / "tried"
    recipe = Recipe(packages=(package,), install=f"sh -c 'echo >> {tried}; exit 1 # {{target}}'")
    with pytest.raises(InstallError):
        home(tree, recipe)
    assert tried.read_text() == "\n"


def test_where_neither_works_it_is_said_what_is_wrong_where_all_is_there(tree: Path) -> None:
    script = "cat ../core/shared.py && realpath ../core own.py >&2; exit 1 # {target}"
    with pytest.raises(InstallError) as caught:
        home(tree, command(script))
    assert str(caught.value).splitlines()[1:] == ["../core", "./own.py"]


def test_where_the_tree_cannot_be_copied_it_is_said_what_is_wrong_alone(tree: Path) -> None:
    (tree / "tests/data").symlink_to(os.devnull)
    with pytest.raises(InstallError, match=r"\.\./core"):
        home(tree, command(REFERS))


def test_a_gate_knows_the_whole_tree_of_each_side(tmp_path: Path) -> None:
    folder = repository("flat", tmp_path / "toy", inside="python")
    (folder.parent / "core").mkdir()
    (folder.parent / "core/shared.py").write_text("VALUE = 1\n")
    git(folder.parent, "add", "--all")
    commit(folder.parent, "core", 2)
    (folder.parent / "core/shared.py").write_text("VALUE = 2\n")
    script = "cp ../core/shared.py toy && cp -r toy {target}"
    question = Question(folder, "HEAD", overrides={"install": f"sh -c {shlex.quote(script)}"})
    with prepared(question, lambda line: None) as found:
        homes = [Path(arm.modules["toy"]) for arm in (found.base, found.head)]
        told = [(one / "toy/shared.py").read_text() for one in homes]
    assert told == ["VALUE = 1\n", "VALUE = 2\n"]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cargo"), reason="needs cargo")
def test_a_crate_of_a_workspace_that_needs_another(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    crate = copied("crate", root / "python")
    about = (crate / "Cargo.toml").read_text().replace('"1.0.0"', "{ workspace = true }")
    plain = about.replace("version = {", "version = {", 1).partition("\n# Not a member")[0]
    (crate / "Cargo.toml").write_text(f'{plain}inner = {{ path = "../inner" }}\n')
    (crate / "Cargo.lock").rename(root / "Cargo.lock")
    (root / "Cargo.toml").write_text(
        '[workspace]\nmembers = ["python", "inner"]\nresolver = "3"\n'
        '[workspace.package]\nversion = "1.0.0"\n'
    )
    (root / "inner/src").mkdir(parents=True)
    (root / "inner/src/lib.rs").touch()
    (root / "inner/Cargo.toml").write_text(
        '[package]\nname = "inner"\nversion = "1.0.0"\nedition = "2024"\n'
    )
    found = built_within(root)
    assert list(found.glob("toy/*.so"))
    assert links_in(found)


@pytest.mark.slow
def test_a_setup_that_reads_a_file_above(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    package = copied("src_layout", root / "python")
    (root / "README.md").write_text("A toy.\n")
    (package / "setup.py").write_text(
        "from setuptools import setup\nopen('../README.md').close()\nsetup()\n"
    )
    assert (built_within(root) / "toy/work.py").is_file()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("uv"), reason="needs uv")
def test_a_member_of_a_workspace_of_uv(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    for name in ("python", "other"):
        package = copied("src_layout", root / name)
        if name == "other":
            (package / "src/toy").rename(package / "src/other")
            text = (package / "pyproject.toml").read_text()
            (package / "pyproject.toml").write_text(text.replace('"toy"', '"other"'))
    with (root / "python/pyproject.toml").open("a") as settings:
        settings.write('dependencies = ["other"]\n\n[tool.uv.sources]\n')
        settings.write("other = { workspace = true }\n")
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["python", "other"]\n')
    assert (built_within(root) / "toy/work.py").is_file()
