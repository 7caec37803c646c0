"""``pytest --benchmark-only --duel REV``: the gate, from inside pytest."""

import pytest

from pytest_duel.formats import FORMATS
from pytest_duel.gate.question import Question
from pytest_duel.gate.run import run
from pytest_duel.support import harmless, streams
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit


def gated(config: pytest.Config, base: str) -> int:
    """Run the gate on what pytest was asked for, show what it found, and return its exit code."""
    selection = {"-k": config.getoption("keyword"), "-m": config.getoption("markexpr")}
    streams.settle()
    question = Question(
        folder=config.invocation_params.dir,
        base=base,
        paths=tuple(config.known_args_namespace.file_or_dir),
        selection=tuple(
            one for name, value in selection.items() if value for one in (name, value)
        ),
    )

    def announce(line: str) -> None:
        streams.err(f"{harmless.lines(line)}\n")

    try:
        judgement = run(question, announce)
    except DuelError as error:
        announce(f"pytest --duel: {error}")
        return Exit.ERROR
    try:
        streams.out(FORMATS["terminal"](judgement))
    except OSError as error:
        announce(f"pytest --duel: {error}")
        return Exit.ERROR
    return judgement.exit
