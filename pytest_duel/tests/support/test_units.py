"""Numbers for people."""

import pytest

from pytest_duel.support import units


@pytest.mark.parametrize(("seconds", "told"), [(40.4, "40 s"), (720, "12 min"), (12600, "3.5 h")])
def test_a_wait_is_told_in_its_unit(seconds: float, told: str) -> None:
    assert units.waiting(seconds) == told
