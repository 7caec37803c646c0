"""The page in Chromium: what a reader sees and does, by pointer and by keyboard.

Chromium is not installed by the dependency group: where these tests are asked for and it is not
there, they fail.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from judged import gate_regression
from pytest_duel.cli.main import main
from pytest_duel.formats import FORMATS
from pytest_duel.results.runs import load
from pytest_duel.support.exit_codes import Exit
from simulated import CASES, document, save, truth
from simulated_history import documents, name_of, step
from stock_files import document as stock
from stock_files import times

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [
    pytest.mark.browser,
    # asyncio, which drives the browser, closes its loop late.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60_000
"""Milliseconds to wait for what a page draws at once, unless the machine is busy."""
PHONE = {"width": 375, "height": 800}
DESK = {"width": 1200, "height": 900}
VIEWPORTS = {"desk": DESK, "phone": PHONE}
each_look = pytest.mark.parametrize(("scheme", "viewport"), [("dark", "desk"), ("light", "phone")])
"""Each palette and each layout once: neither depends on the other."""
TIMES, LEAD = "#clear-times", "#clear-lead"
OVERLAPPING = """figure => {
    const boxes = [...figure.querySelectorAll('.plot svg text')]
        .filter(one => one.textContent && getComputedStyle(one).opacity !== '0')
        .map(one => [one.textContent, one.getBoundingClientRect()]);
    const meets = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
        && a.top < b.bottom - 3 && b.top < a.bottom - 3;
    return boxes.flatMap(([said, a], at) => boxes.slice(at + 1)
        .filter(([_, b]) => meets(a, b)).map(([other]) => `${said} | ${other}`));
}"""
"""Returns the pairs of a figure's labels that lie over each other."""
CUT = """figure => {
    const plot = figure.querySelector('.plot svg').getBoundingClientRect();
    return [...figure.querySelectorAll('.plot svg text')]
        .map(one => [one.textContent, one.getBoundingClientRect()])
        .filter(([_, box]) => box.left < plot.left - 1 || box.right > plot.right + 1)
        .map(([said]) => said);
}"""
"""Returns the labels that reach out of a figure."""


@dataclass
class Opened:
    """A page, and what went on while it was open."""

    page: "Page"
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Open = Callable[..., Opened]
Look = Callable[[str, str], Opened]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail(f"these tests need one of {', '.join(NAMES)} on the PATH")
    with sync_playwright() as playwright:
        own = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield own
        own.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of the study in this repository."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert main(["report", "-o", str(path)]) == Exit.PASS
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a few cases, which is drawn at once."""
    folder = tmp_path_factory.mktemp("small")
    run = save(folder / "run.json", document({case: truth(case) for case in CASES}))
    out = folder / "report.html"
    assert main(["report", str(run), "-o", str(out)]) == Exit.PASS
    return out


@contextmanager
def opening(browser: "Browser", report: Path) -> Iterator[Open]:
    """Yield a function that opens a page and waits until its charts are drawn."""
    contexts = []

    def at(path: Path = report, *, fragment: str = "", **more: Any) -> Opened:
        context = browser.new_context(**({"viewport": DESK, "reduced_motion": "reduce"} | more))
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("console", lambda one: opened.console.append(f"{one.type}: {one.text}"))
        opened.page.on("pageerror", lambda one: opened.console.append(str(one)))
        opened.page.on("request", lambda one: opened.requests.append(one.url))
        opened.page.goto(path.as_uri() + fragment)
        opened.page.wait_for_selector("html[data-ready]", timeout=PATIENCE)
        return opened

    yield at
    for context in contexts:
        context.close()


@pytest.fixture
def visit(browser: "Browser", report: Path) -> Iterator[Open]:
    """Return a function that opens a page for one test."""
    with opening(browser, report) as at:
        yield at


@pytest.fixture(scope="module")
def look(browser: "Browser", report: Path) -> Iterator[Look]:
    """Return a function that opens the study's page once for all tests: to draw it takes seconds.

    They leave it as they found it.
    """
    with opening(browser, report) as at:
        yield cache(lambda scheme, name: at(color_scheme=scheme, viewport=VIEWPORTS[name]))


@pytest.fixture
def page(look: Look) -> "Page":
    return look("light", "desk").page


def wait_for_lines(page: "Page", figure: str, count: str) -> None:
    """Wait until a figure draws so many lines, such as ``< 4``."""
    drawn = f"document.querySelectorAll('{figure} .mark-line path').length"
    page.wait_for_function(f"{drawn} {count}", timeout=PATIENCE)


def lines(page: "Page", figure: str) -> int:
    """Return how many lines a figure draws."""
    return page.locator(f"{figure} .plot .mark-line path").count()


def button(page: "Page", figure: str, name: str) -> "Locator":
    return page.locator(f'{figure} .legend button[data-series="{name}"]')


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_every_figure_and_asks_for_nothing(look: Look, report: Path, scheme: str) -> None:
    opened = look(scheme, "desk")
    assert opened.console == []
    assert opened.requests == [report.as_uri()]
    figures = opened.page.locator("figure.chart")
    assert figures.count() >= 15
    for figure in figures.all():
        marks = figure.locator(".plot svg .mark-symbol path, .plot svg .mark-rect path")
        assert marks.count() > 0, figure.get_attribute("id")
        box = figure.locator(".plot svg").bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 60


def test_every_axis_has_a_title_or_names(page: "Page") -> None:
    for figure in page.locator("figure.chart").all():
        titles = [
            one for one in figure.locator(".role-axis-title text").all_text_contents() if one
        ]
        names = figure.locator(".role-axis-label text").all_text_contents()
        assert titles, figure.get_attribute("id")
        assert any(re.search(r"\d (ns|µs|ms|s)$|×$", name) for name in names)


def test_no_two_labels_of_a_chart_overlap(look: Look) -> None:
    for viewport in VIEWPORTS:
        page = look("light", viewport).page
        for figure in page.locator("figure.chart").all():
            assert figure.evaluate(OVERLAPPING) == [], figure.get_attribute("id")


def test_the_pointer_tells_values_with_units(page: "Page") -> None:
    page.locator(f"{TIMES} .plot").scroll_into_view_if_needed()
    marks = page.locator(f'{TIMES} .plot path[aria-label*="Backend: rust"]')
    marks.first.hover(force=True)
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for(timeout=PATIENCE)
    said = tip.inner_text()
    # At small sizes a floor may lie over it.
    assert re.search(r"Backend:?\s+\w", said)
    assert re.search(r"Median per market:?\s+\d+(\.\d+)? (ns|µs)", said)
    assert re.search(r"In \d processes:?\s+\d", said)
    page.mouse.move(0, 0)
    tip.wait_for(state="detached", timeout=PATIENCE)


def test_the_legend_hides_a_line_by_pointer(page: "Page") -> None:
    before = lines(page, TIMES)
    assert before >= 4
    button(page, TIMES, "numpy").click()
    assert button(page, TIMES, "numpy").get_attribute("aria-pressed") == "false"
    wait_for_lines(page, TIMES, f"< {before}")
    button(page, TIMES, "numpy").click()
    wait_for_lines(page, TIMES, f"=== {before}")


def test_the_legend_hides_a_line_by_keyboard(page: "Page") -> None:
    before = lines(page, TIMES)
    page.locator(f"{TIMES} select").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.series") == "numpy"
    for key, pressed in (("Space", "false"), ("Enter", "true"), ("Space", "false")):
        page.keyboard.press(key)
        assert button(page, TIMES, "numpy").get_attribute("aria-pressed") == pressed
    wait_for_lines(page, TIMES, f"< {before}")
    page.keyboard.press("Enter")
    wait_for_lines(page, TIMES, f"=== {before}")


def test_another_kind_of_input_can_be_chosen(page: "Page") -> None:
    label = f'{TIMES} .plot path[aria-label*="float32"]'
    assert page.locator(label).count() == 0
    select = page.locator(f"{TIMES} select")
    first = select.input_value()
    select.select_option("float32")
    page.locator(label).first.wait_for(state="attached", timeout=PATIENCE)
    select.select_option(first)
    page.locator(label).first.wait_for(state="detached", timeout=PATIENCE)


def test_dark_and_light_by_the_system_and_by_hand(visit: Open, small: Path, look: Look) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = f"getComputedStyle(document.querySelector('{TIMES} .role-axis-label text')).fill"
    light, dark = visit(small, color_scheme="light").page, look("dark", "desk").page
    assert light.evaluate(ground) != dark.evaluate(ground)
    assert light.evaluate(ink) != dark.evaluate(ink)
    light.locator("#theme").click()
    assert light.evaluate(ground) == dark.evaluate(ground)
    assert light.evaluate(ink) == dark.evaluate(ink)
    assert light.locator("#theme").inner_text() == "Light"
    light.locator("#theme").click()
    assert light.evaluate(ground) != dark.evaluate(ground)


def test_a_table_sorts_both_ways(page: "Page") -> None:
    heading = page.locator("#clear-cases thead th", has_text="median")
    times = "[...document.querySelectorAll('#clear-cases tbody tr')].map(one => one.cells[2])"
    keys = f"{times}.map(one => Number(one.dataset.key))"
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    rising = page.evaluate(keys)
    assert rising == sorted(rising)
    assert len(set(rising)) > 100
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert page.evaluate(keys) == sorted(rising, reverse=True)
    page.locator("#clear-cases thead th", has_text="case").locator("button").click()
    assert heading.get_attribute("aria-sort") is None


def test_rows_can_be_looked_for(page: "Page") -> None:
    searched = page.locator('input[aria-controls="clear-cases"]')
    searched.fill("rust tied")
    shown = page.locator("#clear-cases tbody tr:visible th").all_inner_texts()
    assert len(shown) == 5
    assert all("[rust-tied-" in one for one in shown)
    searched.fill("")
    assert page.locator("#clear-cases tbody tr:visible").count() > 100


def test_a_link_leads_to_a_case_and_shows_its_rounds(visit: Open, small: Path) -> None:
    page = visit(small, fragment="#case-clear-rust-uniform-200").page
    row = page.locator("#case-clear-rust-uniform-200")
    assert row.evaluate("one => one.matches(':target')")
    assert page.locator("#rounds-figure select").input_value() == "case-clear-rust-uniform-200"
    page.evaluate("location.hash = '#case-clear-numba-uniform-5'")
    page.wait_for_function(
        "document.querySelector('#rounds-figure select').value === 'case-clear-numba-uniform-5'"
    )


def test_an_address_that_is_no_encoding_stops_nothing(visit: Open, small: Path) -> None:
    opened = visit(small, fragment="#%")
    assert opened.console == []
    opened.page.evaluate("location.hash = '#case-clear-numba-uniform-5'")
    opened.page.wait_for_function(
        "document.querySelector('#rounds-figure select').value === 'case-clear-numba-uniform-5'"
    )


def test_a_chart_that_cannot_be_drawn_costs_the_others_nothing(
    visit: Open, small: Path, tmp_path: Path
) -> None:
    path = tmp_path / "broken.html"
    whole = small.read_text(encoding="utf-8")
    start = whole.index('class="specification">', whole.index('id="clear-times"'))
    path.write_text(whole[:start] + whole[start:].replace("{", "{,", 1), encoding="utf-8")
    opened = visit(path, fragment="#case-clear-rust-uniform-200")
    page = opened.page
    assert [one for one in opened.console if "clear-times" not in one] == []
    assert page.locator(f"{TIMES} .plot").inner_text() == "This chart could not be drawn."
    assert page.locator(f"{LEAD}[data-drawn]").count() == 1
    assert page.locator("#rounds-figure select").input_value() == "case-clear-rust-uniform-200"


def test_rows_without_a_value_come_last_both_ways(page: "Page") -> None:
    heading = page.locator("#clear-cases thead th", has_text="÷ floor")
    rows = "[...document.querySelectorAll('#clear-cases tbody tr')]"
    values = f"{rows}.map(row => row.cells[6].innerText)"
    for _ in range(2):
        heading.locator("button").click()
        found = page.evaluate(values)
        number = found.count("–")
        assert 0 < number < len(found)
        assert found[-number:] == ["–"] * number


def test_a_small_screen_has_the_colours_of_a_large_one() -> None:
    style = files("pytest_duel.page").joinpath("page.css.jinja").read_text(encoding="utf-8")
    (small,) = re.findall(r"(?s)@media \(max-width.*?\n}", style)
    assert not re.search(r"color|background|border|display|var\(", small)


@each_look
def test_axe_finds_no_violation(look: Look, scheme: str, viewport: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = look(scheme, viewport).page
    found = Axe().run(page).response
    assert len(found["passes"]) > 20
    said = [
        f"{one['id']}: {node['html'][:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
    assert said == []


def test_nothing_is_wider_than_a_phone(visit: Open) -> None:
    page = visit(viewport=PHONE, has_touch=True).page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for details in page.locator("details").all():
        details.evaluate("one => one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_every_column_of_the_cases_is_seen_on_a_desk(visit: Open) -> None:
    page = visit(viewport={"width": 1280, "height": 900}).page
    wider = "[...document.querySelectorAll('.scroll:has(> [id$=-cases])')].filter(one => one.%s)"
    assert page.evaluate(f"{wider}.length" % "clientWidth") > 5
    assert (
        page.evaluate(f"{wider}.map(one => one.innerText)" % "scrollWidth > one.clientWidth") == []
    )


def test_paper_shows_the_charts_in_light_colours(visit: Open, small: Path) -> None:
    page = visit(small, color_scheme="dark").page
    page.emulate_media(media="print")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    assert page.locator(f"{TIMES} .plot svg").is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("kind", ["one case", "no rust", "hostile"])
def test_odd_runs_are_drawn_without_an_error(visit: Open, tmp_path: Path, kind: str) -> None:
    cases = {
        "one case": CASES[:1],
        "no rust": [case for case in CASES if case.backend != "rust"],
    }.get(kind, list(CASES))
    commit = "</script><script>alert(1)</script>" if kind == "hostile" else "1" * 40
    path, out = tmp_path / "run.json", tmp_path / "report.html"
    save(path, document({case: truth(case) for case in cases}, commit=commit))
    assert len(load(path).results) == len(cases)
    assert main(["report", str(path), "-o", str(out)]) == Exit.PASS
    opened = visit(out)
    assert opened.console == []
    assert opened.page.locator("figure.chart[data-drawn]").count() >= 1
    for figure in opened.page.locator("figure.chart").all():
        labels = figure.locator(".plot .role-axis-label text").all_text_contents()
        told = [one for one in labels if one]
        assert len(set(told)) == len(told), figure.get_attribute("id")
    if kind == "hostile":
        assert commit[:10] in opened.page.locator("h1").inner_text()


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with a history and what a gate found."""
    folder = tmp_path_factory.mktemp("changes")
    for number, saved in enumerate(documents(30, step(20, 1.2), runs=3)):
        save(folder / "runs" / f"{number:04}_x.json", saved)
    (folder / "gate.json").write_text(FORMATS["json"](gate_regression()), encoding="utf-8")
    out = folder / "report.html"
    names = ("runs/0089_x.json", "gate.json", "gate.json")
    files = [str(folder / name) for name in names]
    history = str(folder / "runs")
    assert main(["report", *files, "-o", str(out), "--history", history]) == Exit.PASS
    return out


@each_look
def test_a_history_and_a_gate_are_drawn_and_can_be_read_by_all(
    visit: Open, changes: Path, scheme: str, viewport: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    size = VIEWPORTS[viewport]
    opened = visit(changes, color_scheme=scheme, viewport=size, bypass_csp=True)
    page = opened.page
    assert opened.console == []
    assert opened.requests == [changes.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for name in ("#history-figure", "#gate-1-figure"):
        assert page.locator(name).evaluate(OVERLAPPING) == [], name
    assert page.locator("#gate-1-figure").evaluate(CUT) == []
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_a_commit_and_a_change_tell_what_they_are(visit: Open, changes: Path) -> None:
    page = visit(changes).page
    plot = page.locator("#history-figure .plot")
    plot.scroll_into_view_if_needed()
    tip = page.locator("#vg-tooltip-element.visible")
    plot.locator(".mark-rect path").first.hover(force=True)
    tip.wait_for(timeout=PATIENCE)
    assert re.search(rf"Between:?\s+{name_of(19)[:10]} and {name_of(20)[:10]}", tip.inner_text())
    plot.locator('path[aria-label*="Commit: 0101010101"]').hover(force=True)
    page.wait_for_function(
        "document.querySelector('#vg-tooltip-element').innerText.includes('0101010101')"
    )
    assert re.search(r"Time:?\s+\d+(\.\d+)? (ns|µs)\s+Measured:?\s+\d", tip.inner_text())
    assert re.search(r"Runs:?\s+3", tip.inner_text())


def test_another_case_can_be_chosen_of_the_history(visit: Open, changes: Path) -> None:
    page = visit(changes).page
    label = page.locator("#history-figure .plot text", has_text=re.compile(r"^\+\d"))
    label.wait_for(timeout=PATIENCE)
    page.locator("#history-figure select").select_option("0 clear[numpy-uniform-5]")
    label.wait_for(state="detached", timeout=PATIENCE)
    assert page.locator('#history-figure .plot path[aria-label*="Commit:"]').count() == 30


def test_a_verdict_can_be_hidden_and_is_told(visit: Open, changes: Path) -> None:
    page = visit(changes).page
    figure = "#gate-1-figure"
    marks = page.locator(f'{figure} .plot path[aria-label*="Verdict: regression"]')
    marks.first.scroll_into_view_if_needed()
    marks.last.hover(force=True)
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for(timeout=PATIENCE)
    assert re.search(r"Ratio \[95 %\]:?\s+1\.05\d* \[", tip.inner_text())
    button(page, figure, "regression").click()
    marks.first.wait_for(state="detached", timeout=PATIENCE)


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page of another project's benchmarks: curves, bars, marks, and odd names."""
    folder = tmp_path_factory.mktemp("strangers")
    kinds = (
        "short",
        "of a long name " * 30,
        "</script><b>bold</b>",
        "\u05e9\u05dc\u05d5\u05dd",
        "\u202eback",
    )
    found = [
        *[
            times(f"t.py::test_{name}[{n}]", per * n, group="sort", params={"n": n})
            for name, per in (("quick", 1e-8), ("simple", 3e-8))
            for n in (10, 100, 1000, 100_000)
        ],
        *[times(f"u.py::test_near[{n}]", 1e-6 + n * 1e-8, params={"n": n}) for n in range(5)],
        *[
            times(f"u.py::test_kind[{kind}-{way}]", 1e-6, params={"kind": kind, "way": way})
            for kind in kinds
            for way in ("up", "down")
        ],
        *[times(f"v.py::test_{at}", 10.0**-at) for at in range(7)],
    ]
    sides = []
    for number, slower in enumerate((1.0, 1.0, 1.6, 1.6)):
        own = [times(f"w.py::test_{at}", 1e-5 + 1e-6 * number) for at in range(8)]
        odd = times("w.py::test_changed", 1e-5 * slower + 1e-7 * number)
        sides.append(save(folder / f"{number}.json", stock(*found, *own, odd)))
    out = folder / "report.html"
    old, new = (",".join(map(str, side)) for side in (sides[:2], sides[2:]))
    assert main(["report", new, "--compare", old, "-o", str(out)]) == Exit.PASS
    return out


@each_look
def test_the_page_of_another_project_is_drawn_and_can_be_read_by_all(
    visit: Open, strangers: Path, scheme: str, viewport: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    size = VIEWPORTS[viewport]
    opened = visit(strangers, color_scheme=scheme, viewport=size, bypass_csp=True)
    page = opened.page
    assert opened.console == []
    assert opened.requests == [strangers.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    figures = page.locator("figure.chart").all()
    assert len(figures) == 6
    for figure in figures:
        name = figure.get_attribute("id")
        assert figure.evaluate(OVERLAPPING) == [], name
        assert figure.evaluate(CUT) == [], name
        marks = figure.locator(".plot svg .mark-symbol path, .plot svg .mark-rect path")
        assert marks.count() > 0, name
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_a_bar_tells_what_it_is(visit: Open, strangers: Path) -> None:
    page = visit(strangers).page
    bar = page.locator('path[aria-label*="Benchmark: test_kind[short-up]"]').first
    bar.scroll_into_view_if_needed()
    bar.hover(force=True)
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for(timeout=PATIENCE)
    assert re.search(r"Time:?\s+1\.00 µs", tip.inner_text())


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page of so many groups that each is folded."""
    folder = tmp_path_factory.mktemp("many")
    found = [
        times(f"t.py::test_{name}_{at}", time * at, group=f"group {at}")
        for at in range(1, 21)
        for name, time in (("quick", 1e-6), ("slow", 3e-6))
    ]
    out = folder / "report.html"
    assert main(["report", str(save(folder / "run.json", stock(*found))), "-o", str(out)]) == 0
    return out


@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_a_folded_group_opens_where_a_link_leads_and_is_drawn_then(
    visit: Open, many: Path, viewport: dict[str, int]
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    opened = visit(many, viewport=viewport, bypass_csp=True)
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.locator("figure.chart:visible").count() == 0
    page.locator('#fastest a[href="#group-3"]').click()
    figure = page.locator("#group-3 figure.chart")
    figure.locator(".plot svg .mark-rect path").first.wait_for(timeout=PATIENCE)
    box = figure.locator(".plot svg").bounding_box()
    assert box is not None
    assert box["width"] > 250
    assert figure.evaluate(OVERLAPPING) == figure.evaluate(CUT) == []
    assert page.locator("figure.chart[data-drawn]").count() == 1
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    assert opened.console == []


def test_a_benchmark_of_a_folded_group_is_shown_where_an_address_names_it(
    visit: Open, many: Path
) -> None:
    page = visit(many, fragment="#benchmark-9").page
    assert page.locator("#benchmark-9").is_visible()
    assert page.locator("#benchmark-5").is_visible() is False
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#benchmark-5").is_visible()
