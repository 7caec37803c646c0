"""The sections of the page, from top to bottom. A new one is a module and an entry here."""

from collections.abc import Callable, Iterable

from pytest_duel.page import (
    answers,
    groups,
    in_short,
    judged,
    judgements,
    kernels,
    origin,
    parity,
    rounds,
    trends,
)
from pytest_duel.page.material import Material
from pytest_duel.page.section import Section

SECTIONS: tuple[Callable[[Material], Iterable[Section]], ...] = (
    answers.sections,
    in_short.sections,
    kernels.sections,
    rounds.sections,
    trends.sections,
    judgements.sections,
    judged.sections,
    groups.sections,
    parity.sections,
    origin.sections,
)
"""Each yields the sections that it has something to say in: none, where the material is silent."""


def sections(material: Material) -> list[Section]:
    """Return the whole page."""
    return [section for make in SECTIONS for section in make(material)]
