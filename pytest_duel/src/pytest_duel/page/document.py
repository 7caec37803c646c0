"""One HTML file that holds everything: the sections, the charts, the plotting library.

The page may load nothing: its content security policy names the hashes of its own script and
style, and refuses all else.
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pytest_duel.charts.look import VERSION
from pytest_duel.charts.palette import COLOURS, GREYS
from pytest_duel.page import contents, origin
from pytest_duel.page.material import Material
from pytest_duel.results.provenance import revision
from pytest_duel.support import harmless
from pytest_duel.support.units import count

HERE = Path(__file__).parent
LIBRARY = "window.vegaEmbed = vegaEmbed;"
"""The plotting libraries that the script needs."""


def render(material: Material) -> str:
    """Return the page."""
    style = _template("page.css").render(palette=[*COLOURS, GREYS])
    library, script = bundle(), (HERE / "page.js").read_text(encoding="utf-8")
    policy = {
        "default-src": ["'none'"],
        "script-src": [_hash(library), _hash(script)],
        "style-src": [_hash(style)],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    page: str = _template("page.html").render(
        title=_title(material),
        subtitle=_subtitle(material),
        policy="; ".join(f"{name} {' '.join(allowed)}" for name, allowed in policy.items()),
        # These are the project's own files and a library, and hold nothing of the runs.
        style=Markup(style),  # noqa: S704
        library=Markup(library),  # noqa: S704
        script=Markup(script),  # noqa: S704
        warnings=list(origin.warnings(material)),
        sections=contents.sections(material),
        shapes=SHAPES,
    )
    return page


def _title(material: Material) -> str:
    commit = material.study.commit
    if not commit.project:
        return f"Benchmarks of {revision([material.study])}"
    return f"Benchmarks of {commit.project}" + (f" at {commit}" if commit.id else "")


def _subtitle(material: Material) -> str:
    run = material.study
    cpu = (run.machine.get("cpu") or {}).get("brand_raw") or "an unknown processor"
    runs = f"{len(material.processes)} processes" if material.several else "one process"
    ordinary = count(len(material.timed), "benchmark") if material.timed else ""
    cases = f"{len(run.results):,} cases" if run.results or not ordinary else ""
    when = f"{run.when[:10]} " if run.when else ""
    return f"Measured {when}on {cpu}: {', '.join(filter(None, (cases, ordinary, runs)))}."


@cache
def bundle() -> str:
    """Return the plotting library as one script.

    Raises
    ------
    ValueError
        Where it could end the element that holds it.
    """
    library: str = vl_convert.javascript_bundle(LIBRARY, vl_version=VERSION)
    if "</script" in library.lower() or "<!--" in library:
        raise ValueError("the plotting library cannot stand in a script element")
    return library


SHAPES = {
    "circle": "M8-4a4 4 0 1 1 0 8a4 4 0 1 1 0-8",
    "square": "M4-4h8v8h-8z",
    "triangle-up": "M8-5l5 9h-10z",
    "triangle-down": "M8 5l5-9h-10z",
    "diamond": "M8-5.5l5 5.5l-5 5.5l-5-5.5z",
    "cross": "M6.5-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
}
"""The legend's marks, around (8, 0), as SVG paths."""


def _template(name: str) -> Any:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda found: harmless.lines(found) if type(found) is str else found,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    return environment.get_template(f"{name}.jinja")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
