"""``pytest --benchmark-only --duel REV``: the gate, from inside pytest."""

import argparse
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_duel.formats.delivery import Delivery, conclude
from pytest_duel.gate.question import choosing
from pytest_duel.paired.pytest_worker.arguments import undisturbed
from pytest_duel.plugin.options import given
from pytest_duel.selftest.quoted import asked, run
from pytest_duel.support import failures, harmless, interrupts, streams
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement

_PROGRAM = "pytest --duel"
"""Whose errors they are."""
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
_ELSE = """
    --co --collect-only --collectonly --setup-only --setuponly --setup-plan --setupplan
    --setup-show --setupshow --fixtures --funcargs --fixtures-per-test --markers --pdb --trace
    --lf --last-failed --ff --failed-first --nf --new-first --sw --stepwise
    --sw-skip --stepwise-skip --stepwise-reset --testmon --testmon-forceselect
    --doctest-modules --doctest-glob
    --duel-blocks --duel-columns --duel-baseline --duel-memory --duel-memory-by
    --html --report-log --json-report-file --alluredir --pastebin --log-file
    --benchmark-disable --benchmark-skip --benchmark-save --benchmark-json --benchmark-csv
    --benchmark-histogram --benchmark-compare --benchmark-compare-fail --benchmark-cprofile
    --benchmark-cprofile-dump
"""
# --benchmark-autosave is not among them: projects give it to all runs by habit, and nobody waits
# for a file whose name he has not chosen.
_INSTEAD = frozenset(_ELSE.split())
"""Options that ask for another command than a gate, for other tests, for more than times, or for a
file it has not."""


class RefusedError(DuelError):
    """A gate cannot do what pytest was asked for; the message says what."""


def gated(config: pytest.Config, base: str) -> int:
    """Run the gate on what pytest was asked for, show what it found, and return its exit code."""
    streams.settle()
    interrupts.listen()
    try:
        delivery = Delivery(_PROGRAM, "gate", "terminal", _reports(config))
        return conclude(delivery, lambda: _judged(config, base))
    except BaseException as error:  # pytest's own codes would read as a regression, or as void
        failures.tell(_PROGRAM, error)
        return Exit.ERROR


def _reports(config: pytest.Config) -> tuple[tuple[Path, str], ...]:
    """Return the file that --junitxml names, as pytest reads it, with its format."""
    told = getattr(config.option, "xmlpath", None)
    if not told:
        return ()
    path = os.path.expanduser(os.path.expandvars(told))  # noqa: PTH111  Path's fails without a home
    return ((Path(path), "junit"),)


def _judged(config: pytest.Config, base: str) -> Judgement:
    arguments = given(config)
    refuse_unheard(arguments)
    start, paths = config.invocation_params.dir, config.option.file_or_dir
    return run(asked(start, base, paths, selection(arguments)), _announce)


def _announce(line: str) -> None:
    streams.err(f"{harmless.lines(line)}\n")


def selection(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return -k and -m as they were asked for; those in its `addopts` each side has by itself.

    Else a change of `addopts` would choose from the base's benchmarks as well, and none would be
    missed.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for flag in _FLAGS:
        parser.add_argument(f"-{flag}", action="store_true")
    for option in ("k", "m", "r"):
        parser.add_argument(f"-{option}")
    found, _ = parser.parse_known_args(arguments)
    return choosing(found.k, found.m)


def refuse_unheard(arguments: Sequence[str]) -> None:
    """Refuse options that choose or change tests, or want something else, if a gate cannot.

    What says only how tests run, such as ``-n``, is left out in silence, as it is in `addopts`.

    Raises
    ------
    RefusedError
        Where there is one; the message names all of them.
    """
    instead = [name for name in _names(arguments) if name in _INSTEAD]
    if instead:
        raise RefusedError(
            f"--duel cannot do {', '.join(instead)}: it times both sides and shows what has "
            "changed; --junitxml writes that to a file, and `pytest-duel gate --output` to others"
        )
    unheard = [name for name in _names(undisturbed(arguments)) if not _is_idle(name)]
    if unheard:
        raise RefusedError(
            f"--duel cannot hand on {', '.join(unheard)}: it takes -k, -m and paths; write other "
            "options that the benchmarks need into `addopts` of pytest's settings"
        )


def _names(arguments: Sequence[str]) -> list[str]:
    """Return the options among arguments, without values, each once."""
    options = itertools.takewhile(lambda one: one != "--", arguments)
    return list(dict.fromkeys(_name(one) for one in options if one.startswith("-")))


def _name(argument: str) -> str:
    """Return an option without its value, and without flags that stand before it."""
    if argument.startswith("--"):
        return argument.partition("=")[0]
    return f"-{argument[1:].lstrip(_FLAGS)[:1]}"


def _is_idle(option: str) -> bool:
    return option in _IDLE or (option.startswith("--benchmark-") and option not in _OF_TIMING)
