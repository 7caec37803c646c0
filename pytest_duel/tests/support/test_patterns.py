"""Patterns of names: what they match, and which of several is the most specific."""

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from pytest_duel.support.patterns import matches, specificity

IDS = ("clear[rust-uniform-5]", "clear[rust-uniform-50]", "clear_batch[rust-uniform-5]")


@given(st.text(alphabet="ab[]*-?!", max_size=6), st.text(alphabet="ab[]-?!", max_size=6))
def test_only_the_star_is_special(pattern: str, name: str) -> None:
    # The standard library's patterns, with what is special to them in brackets of its own.
    escaped = "".join(f"[{one}]" if one in "[?" else one for one in pattern)
    assert matches(pattern, [name]) == ([name] if fnmatchcase(name, escaped) else [])


@given(st.sampled_from(IDS), st.data())
def test_an_exact_name_beats_every_pattern(name: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(name)))
    end = data.draw(st.integers(start, len(name)))
    pattern = name[:start] + "*" + name[end:]
    assert name in matches(pattern, IDS)
    assert specificity(name) > specificity(pattern)
