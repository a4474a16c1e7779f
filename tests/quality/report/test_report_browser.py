"""The page in a real browser without a network: it asks for nothing, fits a phone, and can be read in both schemes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from quality.report import HTML, Reports

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
CONTRAST = """() => {
  const parts = c => c.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) {
    const c = parts(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; }
    return [255, 255, 255]; };
  const poor = [];
  let seen = 0;
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const a = light(parts(getComputedStyle(e).color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    seen += 1;
    if (ratio < 4.5) poor.push([e.tagName, e.className, e.textContent.slice(0, 30), ratio]);
  }
  return [seen, poor];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path, "Chromium is not installed; install Debian's package `chromium`."
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(everything: Reports, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / HTML
    path.write_text(everything.html)
    return path


def opened(browser: Browser, file: Path, width: int, scheme: str) -> tuple[Page, list[str]]:
    """The page, and what it asked for or complained about."""
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)  # type: ignore[arg-type]
    page = context.new_page()
    heard: list[str] = []
    page.on("request", lambda r: heard.append(r.url) if r.url != file.as_uri() else None)
    page.on("console", lambda m: heard.append(m.text))
    page.on("pageerror", lambda e: heard.append(str(e)))
    page.goto(file.as_uri())
    return page, heard


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_loads_nothing_and_fits(browser: Browser, file: Path, width: int, scheme: str) -> None:
    page, heard = opened(browser, file, width, scheme)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.locator("svg").count() > 20
    seen, poor = page.evaluate(CONTRAST)
    assert seen > 200
    assert poor == []
    assert heard == []
    page.context.close()


@pytest.mark.slow
def test_headings_step_down_one_at_a_time_and_links_lead_somewhere(browser: Browser, file: Path) -> None:
    page, _ = opened(browser, file, 1280, "light")
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    lost = "[...document.querySelectorAll('a')].filter(a => !document.querySelector(a.getAttribute('href'))).length"
    assert page.evaluate(lost) == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert page.evaluate("document.querySelectorAll('table:not(:has(> caption))').length") == 0
    page.context.close()


@pytest.mark.slow
def test_it_prints(browser: Browser, file: Path, tmp_path: Path) -> None:
    page, _ = opened(browser, file, 1280, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    target = tmp_path / "report.pdf"
    page.pdf(path=target, format="A4", print_background=True)
    assert target.read_bytes().startswith(b"%PDF")
    page.context.close()
