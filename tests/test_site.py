"""The documentation site is strict and needs no network; `tox -e docs` runs this once built."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the site's generator is in the dependency group docs")

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "build" / "docs"
LOADS = re.compile(
    r"""(?x) <(?:script|img|iframe|source)\b[^>]*\bsrc=["'](?:https?:)?//
      | <link\b(?![^>]*rel=["'](?:canonical|next|prev|index|search)["'])
          [^>]*\bhref=["'](?:https?:)?//
      | @import\s+(?:url\()?["']?(?:https?:)?//
      | url\(["']?(?:https?:)?//"""
)
"""What a browser would fetch from elsewhere."""
FIRST = "# First\n\n## Pages\n\n- [page](page.md)\n"


def build(folder: Path, **pages: str) -> subprocess.CompletedProcess[str]:
    """Build a site of these pages as `tox -e docs` does it."""
    folder.joinpath("docs").mkdir()
    shutil.copy(ROOT / "docs" / "conf.py", folder / "docs")
    shutil.copytree(ROOT / "docs" / "_static", folder / "docs" / "_static")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, text in pages.items():
        (folder / "docs" / f"{name}.md").write_text(text, encoding="utf-8")
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    (options,) = re.findall(r"sphinx-build (.+) docs build/docs", tox)
    command = [sys.executable, "-m", "sphinx", *options.split(), "docs", "built"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


def test_a_good_page_builds_and_stands_in_the_sidebar(tmp_path: Path) -> None:
    done = build(tmp_path, index=FIRST, page="# A page\n\n## Part\n\n[there](#part)\n")
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "built" / "index.html").read_text(encoding="utf-8")
    (tree,) = re.findall(r'(?s)<div class="sidebar-tree">(.*?)</div>', first)
    assert "Pages" in tree
    assert "A page" in tree


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("# A page\n\n[nowhere](none.md)\n", "none"),
        ("# A page\n\n[nowhere](#none)\n", "none"),
        ("# A page\n\n[nowhere](index.md#none)\n", "none"),
        ("# A page\n\n```{eval-rst}\n:py:func:`no.such`\n```\n", "no.such"),
        ("# A page\n\n```{eval-rst}\n.. autofunction:: json.none\n```\n", "none"),
        ("# A page\n\n#### Too deep\n", "Non-consecutive header"),
    ],
)
def test_what_leads_nowhere_fails(page: str, said: str, tmp_path: Path) -> None:
    done = build(tmp_path, index=FIRST, page=page)
    assert done.returncode != 0
    assert re.search(rf"WARNING: .*{re.escape(said)}", done.stderr)


def test_a_page_that_nothing_leads_to_fails(tmp_path: Path) -> None:
    done = build(tmp_path, index=FIRST, page="# A page\n", lost="# Another\n")
    assert done.returncode != 0
    assert "lost.md" in done.stderr


@pytest.mark.skipif(not BUILT.is_dir(), reason="the site is not built")
def test_nothing_is_loaded_from_elsewhere() -> None:
    pages = [*BUILT.rglob("*.html"), *BUILT.rglob("*.css")]
    assert len(pages) > 10
    found = {
        path.name: match[0]
        for path in pages
        if (match := LOADS.search(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        '<script async src="https://cdn.example/x.js">',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        "@import url('https://fonts.example/a.css')",
    ],
)
def test_what_would_be_loaded_is_found(text: str) -> None:
    assert LOADS.search(text)
