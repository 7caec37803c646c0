"""Versions, changelogs and tags of our distributions; an index is asked only for what it has."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
OURS = ("easy_marl", "rust_market", "pytest_duel")
PUBLISHED: frozenset[str] = frozenset()
"""Those of ours that an index has; a name that is not there may be anybody's tomorrow."""


@pytest.fixture(scope="module")
def release() -> ModuleType:
    module = ModuleType("release")
    file = ROOT / ".github" / "release.py"
    module.__file__ = str(file)
    sys.modules["release"] = module
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), module.__dict__)  # noqa: S102
    return module


def toml(path: str) -> Any:
    return tomllib.loads((ROOT / path).read_text(encoding="utf-8"))


def test_the_distributions_are_these(release: ModuleType) -> None:
    assert tuple(release.DISTRIBUTIONS) == OURS


@pytest.mark.parametrize("name", OURS)
def test_the_version_is_told_in_one_place(release: ModuleType, name: str) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", release.version(name))


def test_everything_else_takes_the_version_from_there(release: ModuleType) -> None:
    assert toml("pyproject.toml")["project"]["version"] == release.version("easy_marl")
    assert toml("pytest_duel/pyproject.toml")["project"]["dynamic"] == ["version"]
    hatch = toml("pytest_duel/pyproject.toml")["tool"]["hatch"]["version"]["path"]
    assert f"pytest_duel/{hatch}" == release.DISTRIBUTIONS["pytest_duel"].version_file
    assert toml("rust_market/pyproject.toml")["project"]["dynamic"] == ["version"]
    manifests = toml("rust_market/Cargo.toml"), toml("rust_market/core/Cargo.toml")
    assert manifests[0]["workspace"]["package"]["version"] == release.version("rust_market")
    assert [one["package"]["version"] for one in manifests] == [{"workspace": True}] * 2


@pytest.mark.parametrize("folder", [".", "rust_market", "pytest_duel"])
def test_every_python_that_is_promised_is_tried(folder: str) -> None:
    classifiers = "\n".join(toml(f"{folder}/pyproject.toml")["project"]["classifiers"])
    promised = re.findall(r"(?m)Python :: (3\.\d+)$", classifiers)
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    tried = yaml.safe_load(workflow)["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert promised == tried


@pytest.mark.parametrize("name", OURS)
def test_a_changelog_has_dated_sections(release: ModuleType, name: str) -> None:
    text = (ROOT / release.DISTRIBUTIONS[name].changelog).read_text(encoding="utf-8")
    first, *rest = re.findall(r"(?m)^## (.+)$", text)
    released = r"\d+\.\d+\.\d+\S* \(\d{4}-\d\d-\d\d\)"
    assert re.fullmatch(rf"Unreleased|{released}", first)
    assert not [one for one in rest if not re.fullmatch(released, one)]


def test_a_tag_is_read(
    release: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    own = release.DISTRIBUTIONS["pytest_duel"]
    (tmp_path / own.version_file).parent.mkdir(parents=True)
    (tmp_path / own.version_file).write_text('"""Text."""\n\n__version__ = "1.2.3"\n')
    (tmp_path / own.changelog).write_text("# Changelog\n\n## 1.2.3 (2026-11-28)\n")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    assert release.main("pytest_duel-v1.2.3") is None
    assert capsys.readouterr().out == "distribution=pytest_duel\nversion=1.2.3\n"
    assert "the tag says 1.2.4" in release.main("pytest_duel-v1.2.4")
    (tmp_path / own.changelog).write_text("# Changelog\n\n## Unreleased\n")
    assert "has no section ## 1.2.3 (YYYY-MM-DD)" in release.main("pytest_duel-v1.2.3")
    assert not capsys.readouterr().out


@pytest.mark.parametrize("tag", ["v1.2.3", "other-v1.2.3", "pytest_duel-1.2.3", ""])
def test_a_tag_of_nothing_is_refused(release: ModuleType, tag: str) -> None:
    assert "is not NAME-vVERSION" in release.main(tag)


def test_the_tags_of_the_workflow_are_those_of_the_distributions() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    tags = workflow[True]["push"]["tags"]  # YAML reads the key `on` as true
    assert sorted(tags) == sorted(f"{name}-v*" for name in OURS)
    assert set(OURS) < set(workflow["jobs"])


def unpublished(line: str) -> Iterator[str]:
    """Yield what a line has an index asked for, and it has not."""
    for command in re.findall(r"pip install ([^`#]*)", line):
        for word in re.findall(r"[^\s\"'()]+", command):
            name = re.split(r"[\[<>=!~;@]", word)[0].lower().replace("-", "_")
            if name in set(OURS) - PUBLISHED and not re.search(r"\bgit\+", command):
                yield word


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pip install easy_marl[rust]", ["easy_marl[rust]"]),
        ('run `pip install "pytest-duel>=1"` first', ["pytest-duel>=1"]),
        ("pip install -U numpy rust_market", ["rust_market"]),
        ('pip install ".[numba]" ./pytest_duel', []),
        ("pip install rust_market-*.whl  # easy_marl", []),
        ('pip install "pytest-duel @ git+https://host/repository"', []),
    ],
)
def test_what_an_index_has_not_is_found(line: str, found: list[str]) -> None:
    assert list(unpublished(line)) == found


def test_nothing_asks_an_index_for_what_it_has_not() -> None:
    """A stranger who does as a page or a message says gets ours, or nothing."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.py", "*.yml", "*.yaml", "*.rs", "*.toml", "*.sh"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a clone")
    wrong = [
        f"{name}:{number}: {word}"
        for name in listed.stdout.splitlines()
        if name != "tests/test_releases.py" and not name.endswith("CHANGELOG.md")
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1)
        for word in unpublished(line)
    ]
    assert not wrong


def test_pre_commit_runs_the_locked_ruff() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    used = {one for hook in hooks for one in hook.get("additional_dependencies", [])}
    assert len(used) == 1
    assert used < set((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
