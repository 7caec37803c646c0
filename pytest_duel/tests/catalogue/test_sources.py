"""Digests of the files that backends are made of."""

from pathlib import Path

from pytest_duel.catalogue.model import Backend
from pytest_duel.catalogue.sources import digests


def test_a_digest_tells_what_a_backend_was_made_of(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("1", encoding="utf-8")
    own = [Backend("a", dict, sources=("one.py",)), Backend("b", dict, sources=("pkg/",))]
    before = digests(tmp_path, own)
    assert set(before) == {"a"}
    assert digests(tmp_path, own) == before
    (tmp_path / "one.py").write_text("2", encoding="utf-8")
    assert digests(tmp_path, own) != before
    (tmp_path / "one.py").unlink()
    assert digests(tmp_path, own) == {}
