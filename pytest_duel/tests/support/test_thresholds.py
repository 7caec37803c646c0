"""How a threshold is written: what users of pytest-benchmark ask for in its issues 219 and 279."""

import pytest

from pytest_duel.support.thresholds import decisive, is_share, share_of


@pytest.mark.parametrize(("given", "share"), [
    (0, 0.0), (0.02, 0.02), ("0.02", 0.02), ("2%", 0.02), (" 2.5 % ", 0.025),
    ("100%", 1.0), ("150%", 1.5), ("1000%", 10.0),
])  # fmt: skip
def test_a_share_is_a_number_or_in_percent(given: object, share: float) -> None:
    assert share_of(given) == pytest.approx(share)


@pytest.mark.parametrize(
    "given",
    [5, "5", 1, 1.5, -0.1, "-1%", "nan%", "inf%", "nan", True, None, "", "%", "a", [1], 10**400],
)  # fmt: skip
def test_what_may_be_a_slip_of_the_pen_is_no_share(given: object) -> None:
    """Who writes 5 may mean 5 %, and would have a gate that passes everything."""
    assert not is_share(given)
    with pytest.raises(ValueError, match="is not a share"):
        share_of(given)


def test_a_threshold_holds_for_what_its_pattern_matches() -> None:
    thresholds = {"*": 0.1, "tests/test_io.py::*": 1.5, "*[disk-?]": 3.0, "*::test_read[5]": 0.2}
    assert decisive(thresholds, "tests/test_io.py::test_read[5]") == 1.5
    assert decisive(thresholds, "test_b.py::test_read[5]") == 0.2
    assert decisive(thresholds, "anything") == 0.1
    assert decisive({"a*": 0.1}, "b") is None


def test_of_two_patterns_as_specific_the_lower_threshold_counts() -> None:
    assert decisive({"a*": 0.1, "*y": 0.2}, "a.py") == 0.1
