"""How long is left: by what was measured, the part that runs one by one apart."""

import pytest

from pytest_duel.plugin.forecast import Begun, Left, Stage, Task, left
from pytest_duel.plugin.progress import PERIOD, Progress

QUICK = tuple(Task(f"quick {n}", "quick") for n in range(4))
SLOW = (Task("slow", "slow"), Task("slow pair", "slow", parts=2))


def begun(**seconds: float) -> Begun:
    return Begun({name.replace("_", " "): own for name, own in seconds.items()})


def rest(stages: list[Stage], blocks: list[list[Begun]]) -> tuple[float, bool]:
    found = left(stages, blocks)
    assert found is not None
    return round(found.seconds, 6), found.is_least


def test_nothing_is_known_before_anything_is_done() -> None:
    assert left([Stage(QUICK, blocks=4, side_by_side=2)], [[Begun(), Begun()]]) is None


@pytest.mark.parametrize(("blocks", "side_by_side", "seconds"), [
    (4, 1, 3.0 + 3 * 4.0),
    (4, 2, 2 * 4.0),  # the second lane has two blocks to do
    (3, 2, 3.0 + 4.0),
    (1, 2, 3.0),
])  # fmt: skip
def test_blocks_that_run_side_by_side_share_the_time(
    blocks: int, side_by_side: int, seconds: float
) -> None:
    stage = Stage(QUICK, blocks, side_by_side)
    assert rest([stage], [[begun(quick_0=1.0)]]) == (seconds, False)


def test_a_task_takes_what_it_took_and_others_what_their_kind_takes_for_each_part() -> None:
    stage = Stage((*QUICK, *SLOW), blocks=2)
    done = begun(quick_0=1.0, quick_1=3.0, slow=10.0)
    # quick 2 and 3 as the mean of their kind, the pair of slow ones twice as long as one.
    waiting = 2.0 + 2.0 + 20.0
    assert rest([stage], [[done]]) == (waiting + 14.0 + waiting, False)


def test_what_needs_all_cores_is_counted_block_by_block() -> None:
    wide = Stage((Task("wide", "quick"),), blocks=4, side_by_side=1)
    narrow = Stage(QUICK, blocks=4, side_by_side=4)
    assert rest([narrow, wide], [[begun(quick_0=1.0)], []]) == (4.0 + 4.0, False)


def test_a_kind_that_was_never_done_is_not_taken_for_nothing() -> None:
    stages = [Stage(QUICK, blocks=1), Stage(SLOW, blocks=1)]
    done = begun(quick_0=1.0, quick_1=1.0, quick_2=1.0, quick_3=1.0)
    assert rest(stages, [[done], []]) == (3.0, True)
    assert rest(stages, [[done], [begun(slow=50.0)]]) == (100.0, False)


def test_a_block_that_has_ended_owes_nothing() -> None:
    done = begun(quick_0=1.0)
    done.has_ended = True
    assert left([Stage(QUICK, blocks=1)], [[done]]) == Left(0.0)


def test_a_line_now_and_then_says_how_far_it_is() -> None:
    said: list[str] = []
    now = [0.0]
    stages = [Stage(QUICK, blocks=2), Stage(SLOW, blocks=1)]
    progress = Progress(stages, said.append, lambda: now[0])

    def take(task: str, seconds: float) -> None:
        now[0] += seconds
        progress.add(block, task, seconds)

    block = progress.begin(0)
    take("quick 0", 90.0)
    take("quick 1", 90.0)
    assert said == []
    take("quick 2", 90.0)
    assert said == ["27%, at least 12 min left"]
    take("quick 3", 1.0)
    assert len(said) == 1
    progress.end(block)
    block = progress.begin(1)
    take("slow", 300.0)
    assert len(said) == 2
    assert said[1].endswith("%, about 15 min left")


@pytest.mark.parametrize(("blocks", "lines"), [
    (1, 3),  # of 4 minutes a line in each
    (3, 3),  # of 12 minutes a line in 3
    (10, 7),  # of 40 minutes a line in 5
])  # fmt: skip
def test_lines_are_rarer_where_more_is_to_come(blocks: int, lines: int) -> None:
    said: list[str] = []
    now = [0.0]
    progress = Progress([Stage(QUICK, blocks)], said.append, lambda: now[0])
    for _ in range(blocks):
        block = progress.begin(0)
        for task in QUICK:
            now[0] += 60.0
            progress.add(block, task.name, 60.0)
        progress.end(block)
    assert len(said) == lines


def test_what_is_soon_over_needs_no_line() -> None:
    said: list[str] = []
    now = [0.0]
    progress = Progress([Stage(QUICK, blocks=1)], said.append, lambda: now[0])
    block = progress.begin(0)
    for task in QUICK:
        now[0] += PERIOD / 5
        progress.add(block, task.name, PERIOD / 5)
    assert said == []
