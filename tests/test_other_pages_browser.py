"""The pages beside the report in Chromium: coverage of the grammar, coverage of the API, and the requirements."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_coverage_samples import CONTRACT
from page_samples import hostile, ordinary

from conformance import catalogue
from conformance.run import reports
from conformance.verdicts.document import Document

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
NAMES = ("coverage.html", "api-coverage.html", "catalogue.html")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium: none of {', '.join(_NAMES)} on the PATH")

Open = Callable[..., Any]


def surveyed() -> Document:
    """The ordinary run, which also measured what it reached of a contract."""
    from verdict_samples import MUST, build, judged, ledger

    made = ledger(judged(MUST, "x"))
    made.survey(CONTRACT)
    return ordinary().model_copy(update={"api_coverage": build(made).api_coverage})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name, made in (("ordinary", surveyed()), ("hostile", hostile())):
        (folder / name).mkdir()
        reports.pages(made, catalogue.load(), folder / name)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any, pages: Path) -> Iterator[Open]:
    """Opens a page. At the end, nothing may have been asked for beside it, or said on the console."""
    contexts: list[Any] = []
    said: list[str] = []

    def opened(name: str, sample: str = "ordinary", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)
        page = context.new_page()
        address = (pages / sample / name).as_uri()
        page.on("request", lambda asked: None if asked.url == address else said.append(f"asked for {asked.url}"))
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"a dialog: {dialog.message}"))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_by_day_and_by_night(visit: Open, name: str, scheme: str) -> None:
    page = visit(name, color_scheme=scheme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    found = axe.Axe().run(page).response["violations"]
    told = [(one["id"], one["impact"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
    assert [one for one in told if one[1] in ("serious", "critical")] == []
    # Canvas, where a page has no colour of its own, follows the scheme as well.
    colour = page.evaluate("getComputedStyle(document.body).color")
    assert (min(map(int, re.findall(r"\d+", colour)[:3])) > 200) is (scheme == "dark")


@pytest.mark.parametrize("sample", ["ordinary", "hostile"])
@pytest.mark.parametrize("name", NAMES)
def test_each_fits_a_phone(visit: Open, name: str, sample: str) -> None:
    page = visit(name, sample, viewport={"width": 360, "height": 740})
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("h1").is_visible()


@pytest.mark.parametrize("name", ["coverage.html", "api-coverage.html"])
def test_a_hostile_server_is_text(visit: Open, name: str) -> None:
    page = visit(name, "hostile")
    assert page.locator("script, img").count() == 0
    assert "<script>alert(1)</script>" in page.locator("body").inner_text()


def test_a_requirement_is_reached_by_its_anchor(visit: Open) -> None:
    page = visit("catalogue.html")
    page.evaluate("location.hash = 'routes.plural'")
    assert page.locator("section:target").inner_text().startswith("routes.plural")
