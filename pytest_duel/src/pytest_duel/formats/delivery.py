"""How a judgement comes to the screen and into files, and how a command ends that has none."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pytest_duel.formats import FORMATS
from pytest_duel.support import exit_codes, failures, files, streams
from pytest_duel.verdicts.model import Judgement, Row


@dataclass(frozen=True)
class Delivery:
    """Where a judgement goes."""

    program: str
    """Whose errors they are: ``pytest-duel gate``."""
    command: str
    """Of a judgement that says why there is no other."""
    screen: str
    """The format of the screen."""
    reports: tuple[tuple[Path, str], ...] = ()
    """Files, and the format of each."""


def conclude(delivery: Delivery, find: Callable[[], Judgement]) -> exit_codes.Exit:
    """Deliver what `find` returns, or why it failed: no older report is left to stand for it."""
    try:
        found = find()
    except BaseException as error:
        reason = failures.tell(delivery.program, error)
        told = delivery.screen == "terminal"
        return _deliver(_failed(delivery.command, reason), delivery, screen=not told)
    return _deliver(found, delivery)


def _failed(command: str, reason: str) -> Judgement:
    return Judgement(
        command=command,
        title="no verdict, because of an error",
        columns=(),
        rows=(Row(command, command, command, (), "error", exit_codes.Exit.ERROR, reason),),
    )


def _deliver(judgement: Judgement, delivery: Delivery, *, screen: bool = True) -> exit_codes.Exit:
    """Write a judgement where it goes, and return the exit code."""
    # All is rendered before anything is written, and the screen comes first: where the disk is
    # full, what was measured is not lost. Nor do the files go with the screen, or each other.
    shown = FORMATS[delivery.screen](judgement) if screen else ""
    writes = [partial(streams.out, shown)]
    writes += [partial(_write, path, FORMATS[name](judgement)) for path, name in delivery.reports]
    code = judgement.exit
    for write in writes:
        try:
            write()
        except OSError as error:
            failures.tell(delivery.program, error)
            code = exit_codes.Exit.ERROR  # the report that was asked for is missing
    return code


def _write(path: Path, content: str) -> None:
    """Write a report; what prevents it is said of the file that was asked for."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, content)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from None
