"""What `pytest-duel gate` says before it measures: mostly exit 2, and nothing left behind."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from few_blocks import one_by_one, take_few
from pytest_duel.cli.main import main
from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.paired.arms.cache import cache_folder
from pytest_duel.paired.arms.recipe import InstallError
from repositories import commit, git
from strangers import copied, repository


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a folder for what is temporary, of which nothing may be left."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository of the flat project, imported from its tree."""
    folder = repository("flat", tmp_path / "toy")
    monkeypatch.chdir(folder)
    return folder


def refused(
    capsys: pytest.CaptureFixture[str], cache: Path, *arguments: str, folder: Path | None = None
) -> str:
    """Return the sentence with which the gate ends."""
    before = git(folder, "status", "--short") if folder else ""
    index = (folder / ".git/index").read_bytes() if folder else b""
    assert main(["gate", "--install", "none", *arguments]) == 2
    assert list(cache.iterdir()) == []
    if folder:
        assert git(folder, "status", "--short") == before
        assert (folder / ".git/index").read_bytes() == index
        assert git(folder, "worktree", "list").count("\n") == 0
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("pytest-duel gate: ")
    return last.removeprefix("pytest-duel gate: ")


def test_no_repository(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(copied("flat", tmp_path / "toy"))
    assert "is not in a git repository" in refused(capsys, cache, "--base", "main")


def test_no_git(
    toy: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(cache))
    assert refused(capsys, cache, "--base", "main").startswith("there is no git")


def test_an_unknown_base(toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, cache, "--base", "elsewhere", folder=toy)
    assert said == "there is no revision 'elsewhere'"


def test_a_main_branch_of_the_other_usual_name(
    toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(toy, "branch", "--move", "main", "master")
    said = refused(capsys, cache, "--base", "main", folder=toy)
    assert said == "there is no revision 'main', but there is master: use that"


def test_an_unborn_base(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = copied("flat", tmp_path / "toy")
    git(folder, "init", "--quiet", "--initial-branch=main")
    monkeypatch.chdir(folder)
    assert refused(capsys, cache, "--base", "main").endswith("has no commit yet")


def test_a_shallow_clone(
    toy: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    commit(toy, "two", 2)
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{toy}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    said = refused(capsys, cache, "--base", "HEAD~1", folder=tmp_path / "shallow")
    assert "shallow clone" in said
    assert "git fetch" in said


def test_a_base_whose_benchmarks_do_not_import(
    toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = toy / "benchmarks/test_toy.py"
    text = test.read_text()
    test.write_text("import nowhere\n" + text)
    git(toy, "commit", "--quiet", "--all", "--message", "broken")
    test.write_text(text)
    said = refused(capsys, cache, "--base", "HEAD", folder=toy)
    assert said.startswith("the base: benchmarks/test_toy.py cannot be collected: ")
    assert "nowhere" in said


def test_no_benchmark(toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (toy / "benchmarks/test_toy.py").write_text("def test_nothing():\n    pass\n")
    git(toy, "commit", "--quiet", "--all", "--message", "none")
    assert refused(capsys, cache, "--base", "HEAD").startswith("no benchmark was found")


def test_two_benchmarks_of_one_id(
    toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (toy / "conftest.py").write_text(
        "def pytest_collection_modifyitems(items):\n    items.append(items[0])\n"
    )
    said = refused(capsys, cache, "--base", "HEAD", folder=toy)
    assert "two benchmarks have one name: benchmarks/test_toy.py::test_busy" in said


@pytest.mark.parametrize(("setting", "said"), [
    ("threshold = 3", "threshold is 3: it must be a share"),
    ("budget = 'long'", "budget is 'long': it must be seconds"),
    ("benchmarks = 'all'", "benchmarks is 'all': it must be a list"),
    ("install = 'apt'", "install is 'apt': it must be \"pip\", \"none\""),
    ("thresholds = {'*' = 2}", "thresholds.* is 2: it must be a share"),
    ("thresholds = 2", "thresholds is 2: it must be a table of patterns"),
    ("colour = 1", "there is no setting 'colour': choose from benchmarks"),
    ("benchmarks = ['*no_such*']", "no benchmark matches '*no_such*'"),
])  # fmt: skip
def test_a_setting_that_is_wrong(
    setting: str, said: str, toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (toy / "pyproject.toml").open("a") as file:
        file.write(f"\n[tool.pytest-duel]\n{setting}\n")
    message = refused(capsys, cache, "--base", "HEAD", folder=toy)
    assert "[tool.pytest-duel]: " in message
    assert said in message


def test_a_gate_that_would_measure_nothing(
    toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = toy / "pyproject.toml"
    plain = settings.read_text()
    settings.write_text(f"{plain}\n[tool.pytest-duel]\nbenchmarks = ['*busy']\n")
    git(toy, "commit", "--quiet", "--all", "--message", "busy only")
    said = refused(capsys, cache, "--base", "HEAD", "--only", "*upper", folder=toy)
    assert said.startswith("nothing was measured: of the benchmarks that were collected none is")
    test = toy / "benchmarks/test_toy.py"
    text = test.read_text()
    test.write_text(text.replace("def test_busy(", "@pytest.mark.duel(skip='no')\ndef test_busy("))
    git(toy, "commit", "--quiet", "--all", "--message", "skipped")
    said = refused(capsys, cache, "--base", "HEAD", folder=toy)
    assert said == (
        "nothing was measured: every benchmark is marked to be skipped: "
        "benchmarks/test_toy.py::test_busy: no"
    )


def test_an_install_that_fails_shows_what_the_tool_says(
    toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "python -c 'import sys; sys.exit(\"no compiler for {target}\")'"
    assert main(["gate", "--base", "HEAD", "--install", command]) == 2
    said = capsys.readouterr().err
    assert "the base cannot be installed: " in said
    assert "no compiler for " in said
    assert list(cache.iterdir()) == []


def test_benchmarks_of_other_code(
    toy: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    take_few(monkeypatch, looks=(1,))
    one_by_one(monkeypatch)
    (toy / "benchmarks/test_toy.py").write_text(
        "def test_sum(benchmark):\n    benchmark(sum, [1])\n"
    )
    git(toy, "commit", "--quiet", "--all", "--message", "elsewhere")
    said = refused(capsys, cache, "--base", "HEAD", folder=toy)
    assert said.startswith("no benchmark imports a module of this project")


def test_a_hook_whose_variables_point_elsewhere(
    toy: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIT_DIR", str(toy / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(toy / ".git/index"))
    assert "there is no revision" in refused(capsys, cache, "--base", "elsewhere", folder=None)
    assert not (toy / "nowhere").exists()


def test_a_home_that_cannot_be_written(
    toy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("PYTEST_DUEL_CACHE", str(blocked / "inner"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert cache_folder() == cache_folder()
    assert cache_folder().is_relative_to(tempfile.gettempdir())
    shutil.rmtree(cache_folder())
    assert os.access(toy, os.W_OK)


@pytest.mark.skipif(sys.platform == "win32", reason="homes are told otherwise there")
def test_a_user_without_a_home(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unknown(user: int) -> None:
        raise KeyError(user)

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setenv("PYTEST_DUEL_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("PYTEST_DUEL_CACHE")
    assert cache_folder().parent == cache


@pytest.mark.parametrize("kind", ["link", "file", "open"])
def test_a_place_for_installs_that_others_may_write_to_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.delenv("PYTEST_DUEL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    home = cache_folder()
    home.rmdir()
    match kind:
        case "link":
            (tmp_path / "elsewhere").mkdir(mode=0o700)
            home.symlink_to(tmp_path / "elsewhere")
        case "file":
            home.write_text("")
        case "open":
            home.mkdir()
            home.chmod(0o770)
    with pytest.raises(InstallError, match="set PYTEST_DUEL_CACHE"):
        cache_folder()


def test_a_test_that_the_base_lacks_is_new_also_where_it_is_asked_for(
    toy: Path, cache: Path
) -> None:
    file = "benchmarks/test_toy.py"
    with (toy / file).open("a") as tests:
        tests.write("\n\ndef test_fresh(benchmark):\n    benchmark(len, ())\n")
    paths = tuple(f"{file}::test_{name}" for name in ("total", "fresh"))
    question = Question(toy, "main", paths=paths, overrides={"install": "none"})
    with prepared(question, lambda _: None) as ready:
        assert [*ready.own.measured] == [f"{file}::test_total[{size}]" for size in (100, 1000)]
        assert [*ready.own.new] == [f"{file}::test_fresh"]
        assert [*ready.own.gone] == []


def test_each_side_has_the_packages_of_its_own_tree(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = repository("two_packages", tmp_path / "toy")
    (folder / "libs").mkdir()
    (folder / "core").rename(folder / "libs/core")
    settings = folder / "pyproject.toml"
    settings.write_text(settings.read_text().replace('"core"', '"libs/core"'))
    with prepared(
        Question(folder, "main", overrides={"install": "none"}), lambda _: None
    ) as ready:
        homes = {arm.name: Path(arm.modules["core"]) for arm in (ready.base, ready.head)}
    assert homes["base"].parts[-2:] == ("base", "core")
    assert homes["head"].parts[-3:] == ("head", "libs", "core")
    settings.write_text(settings.read_text().replace('"libs/core"', '"elsewhere"'))
    monkeypatch.chdir(folder)
    said = refused(capsys, cache, "--base", "main")
    assert said == "the head cannot be installed: packages: there is no folder 'elsewhere'"


@pytest.mark.parametrize("package", ["../elsewhere", "linked"])
def test_a_package_that_would_be_the_same_on_both_sides(
    package: str, toy: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code of neither side would be measured."""
    (toy / "linked").symlink_to(toy.parent)
    git(toy, "add", "linked")
    git(toy, "commit", "--quiet", "--message", "link")
    said = refused(capsys, cache, "--base", "HEAD", "--package", package, folder=toy)
    assert said.startswith(
        f"the base cannot be installed: packages: {package!r} leads out of the repository"
    )
