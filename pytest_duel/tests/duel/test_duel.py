"""What a duel concludes, and how its arms are named and made."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_duel.cli import duel as command
from pytest_duel.cli.main import main
from pytest_duel.duel import duel
from pytest_duel.duel.duel import NULL, Plan, contests, judge
from pytest_duel.formats import FORMATS
from pytest_duel.paired.engine import Arm, Measurements
from pytest_duel.paired.install import ArmName, prepared
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.git import GitError
from repositories import commit, git
from simulated_project import project

ARM = Arm("working tree", ("code",))

PLAN = Plan(
    (ArmName(None, "numba"), ArmName("HEAD~1", "rust")),
    "clear",
    "uniform",
    (5, 50),
    12,
    0.02,
    0,
    "x:y",
)


def measured(five: float, fifty: float, null: float = 0.0) -> Measurements:
    noise = np.random.default_rng(3).normal(0.0, 0.004, (3, 12))
    return Measurements(
        differences={
            name: list(np.log1p(change) + noise[row])
            for row, (name, change) in enumerate({"5": five, "50": fifty, NULL: null}.items())
        },
        seconds={"5": [1.2e-6] * 12, "50": [2e-6] * 12, NULL: [1.2e-6] * 12},
        blocks=12,
    )


@pytest.mark.parametrize(("five", "fifty", "words", "code"), [
    (-0.8, -0.5, ["improvement", "improvement"], Exit.PASS),
    (0.0, 0.0, ["no change", "no change"], Exit.PASS),
    (0.10, 0.0, ["regression", "no change"], Exit.REGRESSION),
    (0.02, 0.0, ["inconclusive", "no change"], Exit.INCONCLUSIVE),
])  # fmt: skip
def test_a_duel_says_who_is_faster(
    five: float, fifty: float, words: list[str], code: Exit
) -> None:
    found = judge(PLAN, measured(five, fifty))
    assert [row.word for row in found.rows] == words
    assert found.exit is code
    for render in FORMATS.values():
        assert "HEAD~1:rust" in render(found).replace("\\", "")  # markdown escapes the tilde


@pytest.mark.usefixtures("workplace")
def test_arms_of_several_threads_share_as_many_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Plan] = []

    def noted(plan: Plan, *_: object) -> Measurements:
        plans.append(plan)
        return measured(0.0, 0.0)

    monkeypatch.setattr(duel, "run", noted)
    monkeypatch.setattr(command, "prepared", lambda *_: nullcontext(SimpleNamespace(arm=ARM)))
    batch = ["--kernel", "clear_batch", "--sizes", "5,50"]
    for pair, cpus in (("numba", "rust"), 1), (("rust", "rust-parallel"), 2):
        assert main(["duel", *pair, *batch]) == Exit.PASS
        assert {one.cpus for one in contests(plans[-1], (ARM, ARM))} == {cpus}


def test_an_arm_that_differs_from_itself_voids_the_duel() -> None:
    found = judge(PLAN, measured(0.10, 0.10, null=0.05))
    assert found.void
    assert found.data["nulls"][NULL]["low"] > 1
    assert found.exit is not Exit.PASS
    assert "differences where there are none" in found.warnings[0]


def test_a_size_that_could_not_be_measured_is_an_error() -> None:
    broken = measured(0.0, 0.0)
    del broken.differences["50"]
    broken.errors["50"] = "the arms give different answers"
    found = judge(PLAN, broken)
    assert found.exit is Exit.ERROR
    assert found.rows[1].note == "the arms give different answers"


@pytest.mark.parametrize(("text", "name"), [
    ("rust", ArmName(None, "rust")),
    ("HEAD~3:rust", ArmName("HEAD~3", "rust")),
])  # fmt: skip
def test_arms_are_named_by_revision_and_backend(text: str, name: ArmName) -> None:
    assert ArmName.parse(text) == name
    assert str(name) == text


@pytest.mark.parametrize(("arguments", "message"), [
    ("numba gold", "unknown backend 'gold': choose from numpy, numba, rust"),
    ("numba rust --kernel cold_start", "unknown kernel 'cold_start': choose from clear"),
    ("numba rust --scenario x", "unknown scenario 'x': choose from uniform"),
    ("numba rust --scenario fleet --sizes 7", "no such sizes of fleet"),
    ("no-such-revision:rust rust", "there is no revision 'no-such-revision'"),
])  # fmt: skip
@pytest.mark.usefixtures("repository")
def test_bad_arms_are_usage_errors(
    arguments: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["duel", *arguments.split()]) == Exit.ERROR
    assert message in capsys.readouterr().err


@pytest.fixture
def repository(workplace: Path) -> Path:
    (workplace / "code.py").touch()
    git(workplace, "init", "--quiet")
    git(workplace, "add", "--all")
    commit(workplace, "first", 0)
    return workplace


def test_an_unknown_revision_leaves_no_worktree(repository: Path) -> None:
    before = git(repository, "worktree", "list")
    with (
        pytest.raises(GitError, match="there is no revision"),
        prepared("no-such-revision", project()),
    ):
        pass
    assert git(repository, "worktree", "list") == before


def test_a_revision_is_measured_in_a_worktree_that_goes_again(repository: Path) -> None:
    with prepared("HEAD", project()) as found:
        code = Path(found.arm.paths[0])
        assert code == found.code
        assert (code / "code.py").is_file()
        assert found.arm.name == "HEAD"
    assert not code.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
