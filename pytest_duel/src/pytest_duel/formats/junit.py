"""JUnit XML. Every failure and every error stands for an exit code that is not 0.

A regression is a failure. A case is an error if it is missing or wrong, or if it is inconclusive
and that fails the whole. A void measurement is an error. An inconclusive case that fails nothing
is skipped.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET  # only written, never parsed

from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement, Row

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {Exit.REGRESSION: "failure", Exit.ERROR: "error", Exit.INCONCLUSIVE: "error"}


def render(judgement: Judgement) -> str:
    """Return a suite with a test case for each row."""
    rows = (*judgement.rows, *judgement.means)
    cases = [_case(row, judgement) for row in rows]
    if judgement.void:
        cases.append(_void(judgement))
    numbers = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    totals = {name: str(number) for name, number in numbers.items()}
    root = ET.Element("testsuites", {"name": "pytest-duel", **totals})
    suite = ET.SubElement(
        root, "testsuite", {"name": f"pytest-duel {judgement.command}", **totals}
    )
    suite.extend(cases)
    _text(suite, "system-out", "\n".join([judgement.title, judgement.word, *judgement.notes]))
    if judgement.warnings:
        _text(suite, "system-err", "\n".join(judgement.warnings))
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode", xml_declaration=False)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


def _case(row: Row, judgement: Judgement) -> ET.Element:
    case = ET.Element("testcase", {"classname": _clean(row.group), "name": _clean(row.name)})
    details = "\n".join(_details(row, judgement))
    tag = _TAGS.get(row.exit)
    if tag is None and row.word == Verdict.INCONCLUSIVE:
        tag = "skipped"
    if tag is None:
        _text(case, "system-out", details)
        return case
    message = f"{row.name}: {row.word}" + (f", {row.note}" if row.note else "")
    element = _text(case, tag, details)
    element.set("message", _clean(message))
    element.set("type", _clean(row.word))
    return case


def _void(judgement: Judgement) -> ET.Element:
    case = ET.Element("testcase", {"classname": "pytest-duel", "name": judgement.command})
    element = _text(case, "error", "\n".join(judgement.warnings))
    element.attrib.update(message="the measurement is void", type="void")
    return case


def _details(row: Row, judgement: Judgement) -> Iterator[str]:
    for column, cell in zip(judgement.columns, row.cells, strict=True):
        yield f"{column}: {cell}"
    yield f"verdict: {row.word}"
    if row.note:
        yield "\n  ".join(row.note.splitlines())  # no further line of it looks like one of ours


def _text(parent: ET.Element, tag: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, tag)
    element.text = _clean(text)
    return element


def _clean(text: str) -> str:
    """Return text without what XML cannot hold."""
    return _FORBIDDEN.sub("�", text)
