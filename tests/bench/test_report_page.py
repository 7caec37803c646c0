"""The page of the study in this repository."""

from pathlib import Path

import pytest

from bench.catalogue import catalogue
from pages import Page
from pytest_duel.cli.main import main
from pytest_duel.cli.report import LARGEST
from pytest_duel.support.exit_codes import Exit


@pytest.mark.slow
def test_the_study_in_this_repository_fits_into_a_mail(tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert main(["report", "-o", str(out)]) == Exit.PASS
    assert out.stat().st_size < LARGEST
    page = Page(out.read_text(encoding="utf-8"))
    assert {link for link in page.links if link.removeprefix("#") not in page.ids} == set()
    assert len(set(page.ids)) == len(page.ids)
    expected = {"answer", "rounds", "targets", "parity", "origin"}
    assert expected | set(catalogue().kernels) <= set(page.ids)
