"""``pytest --benchmark-only --duel REV``: the gate, from inside pytest."""

import argparse
from collections.abc import Sequence

import pytest

from pytest_duel.formats import FORMATS
from pytest_duel.gate.folder import paths_within, project_folder
from pytest_duel.gate.question import Question, choosing
from pytest_duel.gate.run import run
from pytest_duel.paired.pytest_worker.arguments import undisturbed
from pytest_duel.plugin.options import given
from pytest_duel.support import failures, harmless, interrupts, streams
from pytest_duel.support.exit_codes import Exit

_FLAGS = "vqslxfd"
"""Of one letter, without a value; an option may follow in the same word, as in ``-vk fast``."""
_REPORTING = """
    -r --verbose --verbosity --quiet --capture --show-capture --tb --xfail-tb --showlocals
    --no-showlocals --color --code-highlight --no-header --no-summary --disable-warnings
    --disable-pytest-warnings --force-short-summary --no-fold-skipped
"""
_IDLE = frozenset(["-", "-k", "-m", "--duel", *_REPORTING.split()])
"""Options that the gate is given, or that only say how pytest reports; "-" is flags alone."""
_OF_TIMING = ("--benchmark-timer", "--benchmark-disable-gc")
"""Options of pytest-benchmark that say what a time is. Others are of its rounds and tables, of
which a gate has its own."""


def gated(config: pytest.Config, base: str) -> int:
    """Run the gate on what pytest was asked for, show what it found, and return its exit code."""
    refuse_unheard(given(config))
    streams.settle()
    interrupts.listen()
    folder = project_folder(config.invocation_params.dir)
    question = Question(
        folder=folder,
        base=base,
        paths=paths_within(folder, config.option.file_or_dir),
        selection=selection(given(config)),
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


def selection(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return -k and -m as they were asked for; those in its `addopts` each side has by itself.

    Else a change of `addopts` would choose from the base's benchmarks as well, and none would be
    missed.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for flag in _FLAGS:
        parser.add_argument(f"-{flag}", action="store_true")
    for option in ("k", "m"):
        parser.add_argument(f"-{option}")
    found, _ = parser.parse_known_args(arguments)
    return choosing(found.k, found.m)


def refuse_unheard(arguments: Sequence[str]) -> None:
    """Refuse options that choose or change tests, if the gate cannot be given them.

    What must not reach a worker in any case, such as ``-n``, is left out in silence here as it is
    in `addopts`.

    Raises
    ------
    pytest.UsageError
        Where there is one; the message names all of them.
    """
    kept = undisturbed(arguments)
    options = kept[: kept.index("--")] if "--" in kept else kept
    names = dict.fromkeys(_name(one) for one in options if one.startswith("-"))
    unheard = [name for name in names if not _is_idle(name)]
    if unheard:
        raise pytest.UsageError(
            f"--duel cannot hand on {', '.join(unheard)}: it takes -k, -m and paths; write other "
            "options that the benchmarks need into `addopts` of pytest's settings"
        )


def _name(argument: str) -> str:
    """Return an option without its value, and without flags that stand before it."""
    if argument.startswith("--"):
        return argument.partition("=")[0]
    return f"-{argument[1:].lstrip(_FLAGS)[:1]}"


def _is_idle(option: str) -> bool:
    return option in _IDLE or (option.startswith("--benchmark-") and option not in _OF_TIMING)
