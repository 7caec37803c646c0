"""A gate of any project, from its start to its end."""

from collections.abc import Iterator
from dataclasses import replace

from pytest_duel.gate import findings
from pytest_duel.gate.accepting import about_accepted, failing_on_base, stopped
from pytest_duel.gate.changes import about_code
from pytest_duel.gate.counts import counted
from pytest_duel.gate.measure import checked_answers, lanes, measure
from pytest_duel.gate.prepare import Prepared, prepared
from pytest_duel.gate.question import Announce, Question
from pytest_duel.paired.arms import trees
from pytest_duel.support.units import count, duration
from pytest_duel.verdicts.model import Judgement


def run(question: Question, announce: Announce) -> Judgement:
    """Measure, and return what was found.

    Raises
    ------
    DuelError
        Where anything is missing that a gate needs.
    """
    for line in about_base(question):
        announce(line)
    with prepared(question, announce) as ready:
        ready = failing_on_base(ready, question.accepted, announce)
        checked = checked_answers(ready, announce)
        announce(intention(ready))
        sampled = None
        if ready.own.measured:
            sampled = measure(ready, checked, question.seed, announce)
        if question.counts and sampled:
            ready = counted(ready, sampled, announce)
        if sampled:
            ready = stopped(ready, sampled, question.accepted, announce)
        warnings = (
            *ready.shared(sampled),
            *about_accepted(ready.own, sampled, question.accepted),
            *ready.placing.warned(),
        )
        own = replace(ready.own, warnings=(*ready.own.warnings, *warnings))
        found = findings.judge(own, sampled, ready.title, ready.settings, checked)
        notes = *about_code(ready.base, ready.head), *ready.placing.said()
        return replace(found, notes=(*found.notes, *notes))


def about_base(question: Question) -> Iterator[str]:
    """Yield what to know of a base that has gone on since the head left it."""
    if question.base is None:
        return
    number = trees.lacking(trees.repository(question.folder), question.base, question.head)
    if number:
        head = question.head or "HEAD"
        yield (
            f"{question.base} has {count(number, 'commit')} that the head lacks, so the "
            "difference includes what they changed; "
            f"--base $(git merge-base {question.base} {head}) leaves them out"
        )


def intention(ready: Prepared) -> str:
    """Say what will be measured, and for how long."""
    files = {one.file for one in ready.own.measured.values()}
    return (
        f"measuring {count(len(ready.own.measured), 'benchmark')} of {count(len(files), 'file')} "
        f"in pairs, {lanes(ready)} at a time, for at most about {ready.settings.budget:.0f} s; "
        f"each pair of processes takes {duration(ready.collecting)} to start"
    )
