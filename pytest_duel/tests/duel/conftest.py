"""What the real duels share."""

from functools import partial

import pytest

from pytest_duel.gate import measure
from pytest_duel.paired import sampling

FEW = (5,)


@pytest.fixture
def few_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have arms that lie far apart judged early: so they are plain by then."""
    monkeypatch.setattr(measure, "LOOKS", FEW)
    monkeypatch.setattr(sampling, "Looks", partial(sampling.Looks, looks=FEW))
