"""``pytest --benchmark-only --duel REV``: the gate, from inside pytest."""

import pytest

from pytest_duel.formats import FORMATS
from pytest_duel.gate.folder import paths_within, project_folder
from pytest_duel.gate.question import Question
from pytest_duel.gate.run import run
from pytest_duel.support import failures, harmless, interrupts, streams
from pytest_duel.support.exit_codes import Exit


def gated(config: pytest.Config, base: str) -> int:
    """Run the gate on what pytest was asked for, show what it found, and return its exit code."""
    selection = {"-k": config.getoption("keyword"), "-m": config.getoption("markexpr")}
    streams.settle()
    interrupts.listen()
    folder = project_folder(config.invocation_params.dir)
    question = Question(
        folder=folder,
        base=base,
        paths=paths_within(folder, config.known_args_namespace.file_or_dir),
        selection=tuple(
            one for name, value in selection.items() if value for one in (name, value)
        ),
    )

    def announce(line: str) -> None:
        streams.err(f"{harmless.lines(line)}\n")

    try:
        judgement = run(question, announce)
        streams.out(FORMATS["terminal"](judgement))
    except BaseException as error:  # pytest's own codes would read as a regression, or as void
        failures.tell("pytest --duel", error)
        return Exit.ERROR
    return judgement.exit
