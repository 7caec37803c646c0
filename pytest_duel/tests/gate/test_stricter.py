"""A change cannot loosen its own gate: of both sides the stricter setting and limit counts."""

from functools import partial
from pathlib import Path

import pytest

from few_blocks import one_by_one, take_few
from pytest_duel.gate.changes import Placement
from pytest_duel.gate.differences import placement
from pytest_duel.gate.findings import without_warnings
from pytest_duel.gate.prepare import Prepared, prepared
from pytest_duel.gate.question import Question
from pytest_duel.gate.run import run
from pytest_duel.gate.settings import Settings
from pytest_duel.gate.stricter import placement_of_both, settings_of_both
from pytest_duel.paired.arms.recipe import NONE
from pytest_duel.paired.arms.untouched import TouchedError, snapshot
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement
from repositories import commit, git
from strangers import repository

STRICT = Settings(threshold=0.01, budget=200.0, packages=(".", "extension"))
LOOSE = Settings(threshold=0.5, budget=1.0, packages=(".",), removed=("a.py::test_a",))


@pytest.mark.parametrize(("head", "base"), [(STRICT, LOOSE), (LOOSE, STRICT)])
def test_the_stricter_counts_whichever_side_says_it(head: Settings, base: Settings) -> None:
    found = settings_of_both(head, base, {})
    assert (found.threshold, found.budget, found.removed) == (0.01, 200.0, ())
    assert set(found.packages) == {".", "extension"}


def test_what_both_sides_or_a_hand_says_counts() -> None:
    assert settings_of_both(LOOSE, LOOSE, {}) == LOOSE
    assert settings_of_both(LOOSE, STRICT, {"budget": 2.0}).budget == 2.0


def test_placement_is_what_both_self_tests_allow() -> None:
    before = Placement({"a": 0.03, "b": 0.04})
    forged = Placement({"a": 151.79, "b": 0.01, "c": 9.0})
    assert placement_of_both(forged, before) == Placement({"a": 0.03, "b": 0.01})
    assert placement_of_both(forged, None) is None
    assert placement_of_both(None, before) is None


def test_warnings_can_be_refused() -> None:
    plain = Judgement("gate", "title", ("base", "head", "change"), ())
    assert without_warnings(plain).exit is Exit.PASS
    warned = Judgement("gate", "title", ("base", "head", "change"), (), warnings=("beware",))
    assert warned.exit is Exit.PASS
    assert without_warnings(warned).exit is Exit.ERROR
    assert without_warnings(warned).word == "error"


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return repository("flat", tmp_path / "toy")


def ready(toy: Path, install: str = NONE, **asked: object) -> Prepared:
    question = Question(toy, "HEAD", overrides={"install": install}, **asked)  # type: ignore[arg-type]
    with prepared(question, lambda line: None) as found:
        return found


def settings(toy: Path, text: str) -> None:
    path = toy / "pyproject.toml"
    plain = path.read_text().partition("\n[tool.pytest-duel]")[0]
    path.write_text(f"{plain}\n[tool.pytest-duel]\n{text}\n")


def test_a_change_that_loosens_all_of_its_gate(toy: Path) -> None:
    settings(toy, 'threshold = 0.01\nbudget = 100\nselftest = "selftest.json"')
    (toy / "selftest.json").write_text("0.03")
    git(toy, "add", "--all")
    commit(toy, "strict", 2)
    settings(
        toy, 'threshold = 0.9\nbudget = 1\nselftest = "selftest.json"\nthresholds = {"*" = 0.8}'
    )
    (toy / "selftest.json").write_text("151.79")
    test = next((toy / "benchmarks").glob("test_*.py"))
    name = "def test_busy(benchmark"
    assert name in test.read_text()
    test.write_text(
        "import pytest\n"
        + test.read_text().replace(name, "@pytest.mark.duel(threshold=0.7)\n" + name)
    )

    def placement(folder: Path, file: str) -> Placement:
        return Placement({"busy": float((folder / file).read_text())})

    found = ready(toy, placement=placement)
    assert found.settings.budget == 100.0
    assert found.settings.threshold == 0.01
    assert set(found.own.thresholds.values()) == {0.01}
    assert len([one for one in found.own.warnings if "stricter of both" in one]) >= 3


def test_a_self_test_file_that_a_change_forges_or_brings(tmp_path: Path) -> None:
    base, head = tmp_path / "base", tmp_path / "head"
    for folder, bound in ((base, 0.03), (head, 151.79)):
        folder.mkdir()
        (folder / "own.json").write_text(str(bound))
    question = Question(
        tmp_path, "HEAD",
        placement=lambda folder, file: Placement({"a": float((folder / file).read_text())}),
    )  # fmt: skip
    says = Settings(selftest="own.json")
    allowed = partial(placement, question)
    assert allowed(says, says, (base, head)) == Placement({"a": 0.03})
    assert allowed(says, Settings(), (base, head)) is None
    (base / "own.json").unlink()
    assert allowed(says, says, (base, head)) is None
    (head / "own.json").unlink()  # kept on this machine only, by neither revision
    (tmp_path / "own.json").write_text("0.04")
    assert allowed(says, says, (base, head)) == Placement({"a": 0.04})


def test_a_change_that_takes_away_a_benchmark_and_says_so_itself(toy: Path) -> None:
    test = toy / "benchmarks/test_toy.py"
    (gone,) = [name for name in ready(toy).own.measured if name.endswith("::test_busy")]
    settings(toy, f'removed = ["{gone}"]')
    text = test.read_text()
    test.write_text(text.replace("def test_busy(", "def unused("))
    found = ready(toy)
    assert found.own.gone == (gone,)
    assert any("--accept: " in one and gone in one for one in found.own.warnings)
    assert ready(toy, accepted=(gone,)).own.removed == (gone,)
    test.write_text(text)
    git(toy, "commit", "--quiet", "--all", "--message", "announced")
    test.write_text(text.replace("def test_busy(", "def unused("))
    assert ready(toy).own.removed == (gone,)


def test_a_change_that_has_no_answers_checked_any_more(toy: Path) -> None:
    test = toy / "benchmarks/test_toy.py"
    text = test.read_text()
    marked = text.replace("def test_busy(", "@pytest.mark.duel(check=True)\ndef test_busy(")
    test.write_text("import pytest\n" + marked)
    git(toy, "commit", "--quiet", "--all", "--message", "checked")
    test.write_text(text)
    found = ready(toy).own
    assert [name for name, one in found.run.items() if one.is_checked] == [
        "benchmarks/test_toy.py::test_busy"
    ]
    assert any("turns off the check of answers" in one for one in found.warnings)


def alters(toy: Path) -> list[str]:
    """Return what a change is warned of that runs in the processes of both sides."""
    return [one for one in ready(toy).own.warnings if "of both sides" in one]


def test_a_plugin_that_a_change_adds_by_a_setting_of_pytest(toy: Path) -> None:
    assert alters(toy) == []
    (toy / "aside.py").write_text("")
    (toy / "pytest.ini").write_text("[pytest]\naddopts = -p aside\n")
    code, settings = alters(toy)
    assert code.endswith(": aside.py")
    assert settings.endswith(": addopts")


def test_a_module_of_the_tests_that_a_change_alters(toy: Path) -> None:
    helper = toy / "benchmarks/helper.py"
    helper.write_text("SIZE = 1\n")
    test = toy / "benchmarks/test_toy.py"
    test.write_text("import helper\n" + test.read_text())
    (toy / "benchmarks/test_more.py").write_text("def test_more():\n    pass\n")
    git(toy, "add", "--all")
    commit(toy, "helper", 2)
    (toy / "benchmarks/test_more.py").write_text("def test_more():\n    assert True\n")
    assert alters(toy) == []
    helper.write_text("SIZE = 2\n")
    (told,) = alters(toy)
    assert told.endswith(": benchmarks/helper.py")
    test.write_text("import test_more\n" + test.read_text())
    (told,) = alters(toy)
    assert told.endswith(": benchmarks/helper.py, benchmarks/test_more.py")


WRITES = """
import pathlib
for base in pathlib.Path(__file__).parents[1].glob("base"):
    for path in base.rglob("toy/*.py"):
        path.write_text(path.read_text() + "\\nimport time; time.sleep(0)\\n")
"""


def test_a_conftest_that_writes_into_the_base(toy: Path) -> None:
    (toy / "conftest.py").write_text(WRITES)
    with pytest.raises(TouchedError, match=r"the tree of the base .*toy/"):
        ready(toy)


def test_a_conftest_that_writes_into_what_was_installed(toy: Path) -> None:
    copy = f"cp -r {toy / 'toy'} {{target}}"
    before = ready(toy, install=copy)
    (home,) = {*before.base.modules.values(), *before.head.modules.values()}
    intact = snapshot(Path(home))
    (toy / "conftest.py").write_text(
        f"import pathlib\npathlib.Path({home!r}, 'toy/late.py').write_text('')\n"
    )
    with pytest.raises(TouchedError, match=r"toy/late\.py"):
        ready(toy, install=copy)
    assert intact.changes() == ["toy/late.py"]
    (toy / "conftest.py").unlink()
    ready(toy, install=copy)  # what was kept is built anew
    assert not Path(home, "toy/late.py").exists()


SKIPS = {
    "a mark": ("def test_busy(", "@pytest.mark.skip\ndef test_busy("),
    "a failure": ("def test_busy(benchmark):\n", "@pytest.mark.xfail\ndef test_busy(benchmark):\n"
                  "    raise ValueError\n"),
    "the test": ("benchmark(busy)", "pytest.skip('not now')"),
    "a fixture that is not used": ("benchmark(busy)", "busy()"),
}  # fmt: skip
BUSY, UPPER = "benchmarks/test_toy.py::test_busy", "benchmarks/test_toy.py::test_upper"


def judged(toy: Path, monkeypatch: pytest.MonkeyPatch, *accepted: str) -> Judgement:
    take_few(monkeypatch, looks=(1,))
    one_by_one(monkeypatch)
    question = Question(
        toy, "HEAD", accepted=accepted, only=("*busy", "*upper"),
        overrides={"install": NONE, "threshold": 0.9}, threshold=0.9,
    )  # fmt: skip
    return run(question, lambda line: None)


def rows(found: Judgement) -> dict[str, tuple[str, Exit]]:
    return {row.name: (row.word, row.exit) for row in found.rows}


@pytest.mark.parametrize("change", SKIPS.values(), ids=SKIPS)
def test_a_benchmark_that_a_change_lets_skip_itself(
    toy: Path, monkeypatch: pytest.MonkeyPatch, change: tuple[str, str]
) -> None:
    test = toy / "benchmarks/test_toy.py"
    text = test.read_text()
    assert change[0] in text
    test.write_text(text.replace(*change))
    found = judged(toy, monkeypatch)
    assert rows(found)[BUSY] == ("skipped", Exit.ERROR)
    assert rows(found)[UPPER][1] is not Exit.ERROR
    assert all("--accept" in row.note for row in found.rows if row.name == BUSY)


def test_a_skip_that_is_accepted_or_that_the_base_has_too(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = toy / "benchmarks/test_toy.py"
    test.write_text(test.read_text().replace(*SKIPS["a mark"]))
    found = judged(toy, monkeypatch, BUSY)
    assert rows(found)[BUSY] == ("skipped", Exit.PASS)
    assert any("without a verdict" in one and BUSY in one for one in found.warnings)
    git(toy, "commit", "--quiet", "--all", "--message", "skips")
    test.write_text(test.read_text() + "# more\n")
    found = judged(toy, monkeypatch)
    assert rows(found)[BUSY] == ("skipped", Exit.PASS)
    assert not any(BUSY in one for one in found.warnings)


def test_a_conftest_that_marks_a_benchmark_to_be_skipped(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (toy / "conftest.py").write_text(
        "import pytest\n\n\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        if 'busy' in item.name:\n"
        "            item.add_marker(pytest.mark.skip(reason='later'))\n"
    )
    assert rows(judged(toy, monkeypatch))[BUSY] == ("skipped", Exit.ERROR)


@pytest.mark.parametrize("where", ["in the test", "at the top of its file"])
def test_a_benchmark_that_only_the_head_can_run(
    toy: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (toy / "toy/work.py").write_text((toy / "toy/work.py").read_text() + "\nLATER = 2\n")
    test = toy / "benchmarks/test_toy.py"
    line = "from toy.work import LATER"
    text = test.read_text()
    names = [BUSY]
    if where == "in the test":
        test.write_text(
            text.replace("def test_busy(benchmark):\n", f"def test_busy(benchmark):\n    {line}\n")
        )
    else:
        test.write_text(f"{line}\n{text}")
        names.append(UPPER)
    found = judged(toy, monkeypatch)
    assert [rows(found)[name] for name in names] == [("error", Exit.ERROR)] * len(names)
    assert all("--accept" in row.note for row in found.rows if row.name in names)
    found = judged(toy, monkeypatch, *names)
    assert [rows(found)[name] for name in names] == [("new", Exit.PASS)] * len(names)
    assert any("without a verdict" in one and BUSY in one for one in found.warnings)


def test_what_is_accepted_and_can_be_measured_is_judged_as_always(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = toy / "toy/work.py"
    work.write_text(work.read_text().replace("ROUNDS = 1000", "ROUNDS = 5000"))
    found = judged(toy, monkeypatch, BUSY, "elsewhere.py::test_none")
    assert BUSY in rows(found)
    assert rows(found)[BUSY][0] not in ("new", "skipped")
    (told,) = (one for one in found.warnings if "nothing had to be accepted" in one)
    assert told.endswith(f"{BUSY}, elsewhere.py::test_none")


def test_another_way_to_install_is_a_warning_unless_given_by_hand(toy: Path) -> None:
    settings(toy, 'install = "cp -r toy {target}"')

    def warned(**given: object) -> list[str]:
        with prepared(Question(toy, "HEAD", overrides=given), lambda line: None) as found:
            return [one for one in found.own.warnings if "installed" in one]

    (told,) = warned()
    assert "to 'cp -r toy {target}'" in told
    assert warned(install=NONE) == []


def test_a_command_of_placements_that_a_change_brings_or_drops(toy: Path) -> None:
    settings(toy, 'placements = "place {seed} {target}"')
    told = [one for one in ready(toy).own.warnings if "'placements'" in one]
    assert len(told) == 1
    git(toy, "commit", "--quiet", "--all", "--message", "placed")
    assert not any("'placements'" in one for one in ready(toy).own.warnings)
    settings(toy, "")
    assert [one for one in ready(toy).own.warnings if "'placements'" in one] == told


def test_a_lock_file_above_the_project(tmp_path: Path) -> None:
    folder = repository("src_layout", tmp_path / "workspace", inside="python/toy")
    (tmp_path / "workspace/uv.lock").write_text("1")
    (told,) = (one for one in ready(folder).own.warnings if "--isolated" in one)
    assert told.startswith("uv.lock differs")


def test_a_name_that_stands_for_something_else(toy: Path) -> None:
    test = toy / "benchmarks/test_toy.py"
    text = test.read_text().replace("[100, 1000]", "[100, 1000], ids=['a', 'b']")
    test.write_text(text)
    git(toy, "commit", "--quiet", "--all", "--message", "named")
    test.write_text(text.replace("1000]", "10]"))
    (told,) = (one for one in ready(toy).own.warnings if "something else" in one)
    assert told.endswith(": benchmarks/test_toy.py::test_total[b]")


def test_a_benchmark_that_is_rewritten(toy: Path) -> None:
    test = toy / "benchmarks/test_toy.py"
    test.write_text(test.read_text().replace("benchmark(busy) ==", "benchmark(busy) + 0 =="))
    (told,) = (one for one in ready(toy).own.warnings if "rewrites" in one)
    assert told.endswith(f": {BUSY}")
