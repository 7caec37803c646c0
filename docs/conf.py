"""The documentation site: `tox -e docs` builds it from these pages, which GitHub shows as well.

It needs no network, neither to build nor to be read.
"""

import os
import re
import sys
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(ROOT))
# The functions of the compiled module carry their documentation, its stub has none.
os.environ["SPHINX_AUTODOC_IGNORE_NATIVE_MODULE_TYPE_STUBS"] = "1"

project = "easy_marl"
copyright = "the easy_marl authors"  # noqa: A001  Sphinx's name for it
release = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "version"
]

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["runs"]
nitpicky = True
# Types of other packages, whose pages cannot be looked up without a network.
nitpick_ignore_regex = [("py:.*", r"(collections|gymnasium|numpy|pettingzoo|typing)\..*")]
myst_heading_anchors = 3
myst_links_external_new_tab = False

default_role = "code"  # what docstrings hold between single backticks
autodoc_typehints = "none"  # the docstrings tell types, shapes and units
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
numpydoc_show_class_members = False  # autodoc lists them
toc_object_entries_show_parents = "hide"
python_display_short_literal_types = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"easy_marl {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_style = "a11y-high-contrast-light"  # Furo brings these styles
pygments_dark_style = "a11y-high-contrast-dark"

_LINK = re.compile(r"\]\((?P<page>[\w-]+)\.md\)")


def navigation(_app: Sphinx, page: str, source: list[str]) -> None:
    """Make the sidebar from the headings and links of the first page.

    GitHub shows no toctree, so there is none in it to keep true.
    """
    if page != "index":
        return
    _, *sections = re.split(r"(?m)^## ", source[0])
    for section in sections:
        pages = dict.fromkeys(_LINK.findall(section))
        if pages:
            caption = section.partition("\n")[0]
            tree = ["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"]
            source[0] += "\n" + "\n".join(tree) + "\n"


def setup(app: Sphinx) -> None:
    """Connect what is above."""
    app.connect("source-read", navigation)
