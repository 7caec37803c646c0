"""Arguments of pytest that must not reach a worker, even if a project sets them for all runs.

A worker runs one benchmark at a time, as often as the engine says. Options that spread tests over
processes or threads, trace them, stop or repeat them, reorder them, collect what is no test, or
write files are taken out of `addopts`; all others stay, the project's own among them.
"""

import copy
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

_FLAGS_TEXT = """
    -d -f -x --exitfirst --looponfail --full-trace
    --no-cov --no-cov-on-fail --cov-append --cov-branch --cov-reset
    --random-order --reverse --fail-on-flaky
    --benchmark-disable --benchmark-skip --benchmark-only --benchmark-enable
    --benchmark-autosave --benchmark-save-data --benchmark-verbose --benchmark-quiet
    --lf --last-failed --ff --failed-first --nf --new-first --sw --stepwise --sw-skip
    --stepwise-skip --stepwise-reset --cache-clear --pdb --trace --co --collect-only
    --collectonly --setup-only --setuponly --setup-show --setupshow --setup-plan --setupplan
    --fixtures --funcargs --fixtures-per-test --markers --codspeed --memray
    --self-contained-html --instafail --duel-memory
    --forked --boxed --profile-svg --testmon --testmon-forceselect --flake-finder
    --doctest-modules --doctest-plus --doctest-rst --markdown-docs --nbval --nbval-lax --nbmake
    --mypy --ruff --ruff-format --flake8 --black --isort --pylint --pycodestyle --pydocstyle
"""
_WITH_VALUE_TEXT = """
    -n --numprocesses --maxprocesses --dist --tx --px --rsyncdir --rsyncignore --maxfail
    --maxschedchunk --max-worker-restart --cov --cov-report --cov-config --cov-context
    --cov-fail-under --cov-precision --timeout --timeout-method --timeout_method
    --session-timeout --randomly-seed --random-order-bucket --random-order-seed
    --reruns --reruns-delay --only-rerun --rerun-except --count --repeat-scope
    --benchmark-save --benchmark-json --benchmark-compare --benchmark-compare-fail
    --benchmark-cprofile --benchmark-cprofile-loops --benchmark-cprofile-top
    --benchmark-cprofile-dump --benchmark-histogram --benchmark-csv --benchmark-storage
    --junitxml --junit-xml --junit-prefix --html --css --report-log --json-report-file
    --duel --duel-blocks --duel-memory-by --duel-columns --duel-baseline --pastebin --log-file
    --pdbcls --durations --durations-min --basetemp
    --tests-per-worker --parallel-threads --flake-runs --pstats-dir
    --typeguard-packages --beartype-packages --alluredir --doctest-glob
"""
_FLAGS = frozenset(_FLAGS_TEXT.split())
_WITH_VALUE = frozenset(_WITH_VALUE_TEXT.split())
_SEVERAL_VALUES = frozenset(["--benchmark-compare-fail"])
"""Options that take all words up to the next option."""
_NEGATIVE = re.compile(r"-\d+|-\d*\.\d+")
"""A number, which is a value although it begins as an option does."""
_CLUSTER = re.compile("-[xvqslf]{2,}")
"""Flags of one letter written together, ``-xvs``."""

DISTURBING = (
    "randomly", "random_order", "reverse", "pytest_reverse", "rerunfailures", "pytest_repeat",
    "timeout", "codspeed", "PytestCodSpeedPlugin", "flaky", "instafail", "sugar", "memray",
)  # fmt: skip
"""Plugins, by the name of their entry point, that act without any option."""


def take_out(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str], more: Sequence[str] = ()
) -> None:
    """Take out of a pytest that starts what would disturb: arguments, and plugins.

    Parameters
    ----------
    early_config, parser, args
        Of the hook ``pytest_load_initial_conftests``.
    more
        Arguments to add.
    """
    args[:] = [*undisturbed([*expanded(args)]), *more]
    known = early_config.known_args_namespace
    early_config.known_args_namespace = parser.parse_known_args(
        args, namespace=copy.copy(early_config.option)
    )
    early_config.known_args_namespace.confcutdir = known.confcutdir
    for name in DISTURBING:
        if early_config.pluginmanager.has_plugin(name):
            early_config.pluginmanager.unregister(name=name)


def expanded(arguments: Iterable[str]) -> Iterator[str]:
    """Yield arguments, with those in a file for ``@FILE``, one a line, as pytest's parser does."""
    for one in arguments:
        if one.startswith("@"):
            encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
            text = Path(one[1:]).read_text(encoding=encoding, errors=errors)
            yield from expanded(text.splitlines())
        else:
            yield one


def undisturbed(arguments: Sequence[str]) -> list[str]:
    """Return the arguments that may reach a worker.

    Parameters
    ----------
    arguments
        As pytest has them: `addopts` first, then those of the command line. What stands behind
        ``--`` is left alone.
    """
    return list(_kept(arguments))


def _kept(arguments: Sequence[str]) -> Iterator[str]:
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            yield from (argument, *waiting)
            return
        name, equals, _ = argument.partition("=")
        if argument in _FLAGS:
            continue
        if name in _WITH_VALUE:
            if not equals:
                _drop_values(name, waiting)
            continue
        if re.fullmatch(r"-n\w+", argument):
            continue
        if _CLUSTER.fullmatch(argument):
            argument = "-" + re.sub("[xf]", "", argument[1:])
            if argument == "-":
                continue
        yield argument
        if argument in ("-p", "-k", "-m", "-W", "-o", "-c", "-r") and waiting:
            yield waiting.pop(0)  # a value, whatever it looks like


def _drop_values(option: str, waiting: list[str]) -> None:
    """Drop the words that pytest takes as the value of an option, one that may lack it too."""
    while waiting and _is_value(waiting[0]):
        waiting.pop(0)
        if option not in _SEVERAL_VALUES:
            return


def _is_value(word: str) -> bool:
    return not word.startswith("-") or word == "-" or _NEGATIVE.fullmatch(word) is not None
