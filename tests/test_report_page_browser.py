"""The report page in Chromium: what a reader does with it, and that it asks nobody for anything."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page_samples import CURL, conformant, hostile, huge, ordinary
from verdict_samples import CATALOGUE, MAY, MUST, OTHER, SHOULD

from conformance import catalogue
from conformance.verdicts import page as report

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS_TO_OPEN = 1.0

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium: none of {', '.join(_NAMES)} on the PATH")

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of the samples."""
    folder = tmp_path_factory.mktemp("pages")
    for made in (ordinary, conformant, hostile):
        (folder / f"{made.__name__}.html").write_text(report.render(made(), CATALOGUE), "utf-8")
    (folder / "huge.html").write_text(report.render(huge(6400), catalogue.load()), "utf-8")
    return folder


@pytest.fixture
def visit(browser: Any, pages: Path) -> Iterator[Open]:
    """Opens a page. At the end, nothing may have been asked of a network or said on the console."""
    contexts: list[Any] = []
    said: list[str] = []

    def opened(name: str = "ordinary", hash_: str = "", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        contexts.append(context)

        def route(asked: Any) -> None:
            if asked.request.url.startswith("file:"):
                asked.continue_()
            else:
                said.append(f"asked for {asked.request.url}")
                asked.abort()

        context.route("**/*", route)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"a dialog: {dialog.message}"))
        page.set_default_timeout(30_000)
        page.goto(f"{(pages / name).as_uri()}.html{hash_}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def until(page: Any, condition: str) -> None:
    """Wait for it. Playwright's own way evaluates a text in the page, which the page's policy forbids."""
    end = time.monotonic() + 5
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def drawn(page: Any) -> list[str]:
    """The verdicts in the list under the matrix."""
    return [" ".join(text.split()) for text in page.locator("#list summary").all_inner_texts()]


def cell(page: Any, name: str) -> Any:
    return page.locator(f'#matrix td a[href="#cell={name}"]')


def require_opened(page: Any, *parts: str) -> None:
    """The verdict that is open in the drawer has these texts; it is filled a moment after it opens."""
    opened = page.locator("#drawer-list details[open]")
    for part in parts:
        sync_api.expect(opened).to_contain_text(part)


def test_a_cell_opens_to_its_verdicts(visit: Open) -> None:
    page = visit()
    assert page.locator("h1").inner_text() == "✕\nNon-conformant"
    cell(page, "verbs/flows").click()
    assert page.locator("#drawer").is_visible()
    assert page.locator("#drawer-count").inner_text() == "3 failed, 1 waived"
    page.wait_for_url("**#cell=verbs/flows")
    assert page.locator("#drawer-list summary").count() == 4
    page.locator("#drawer-list summary", has_text="POST /flows/filter").click()
    require_opened(page, f"The text of {MUST}.", "no two sides", "curl x", f"--select '{MUST} POST /flows/filter'")
    page.keyboard.press("Escape")
    assert not page.locator("#drawer").is_visible()
    page.wait_for_url(lambda url: "#" not in url)


def test_a_chapter_opens_to_its_requirements(visit: Open) -> None:
    page = visit()
    page.get_by_role("button", name="All requirements").click()
    told = {
        line.get_attribute("data-line"): [
            (one.get_attribute("class"), one.inner_text(), one.get_attribute("aria-label"))
            for one in line.locator("td a").all()
        ]
        for line in page.locator("tbody.rows tr").all()
    }
    assert told == {
        MUST: [("failed", "✕3", "3 failed")],
        OTHER: [
            ("waived", "≈1", "1 waived"),
            ("waived", "≈1", "1 waived"),
            ("passed", "✓", "1 passed"),
            ("could-not-run", "?1", "1 could not run"),
        ],
        SHOULD: [("passed", "✓", "1 passed"), ("not-applicable", "–", "1 not applicable")],
        MAY: [("waived", "≈1", "1 waived")],
    }
    page.evaluate("location.hash = 'verdict=waived'")
    until(page, "document.getElementById('found').textContent === '3 of 10 verdicts'")
    assert [line.get_attribute("data-line") for line in page.locator("tbody.rows tr:visible").all()] == [OTHER, MAY]
    page.locator(f'#matrix th a[href="#cell={OTHER}"]').click()
    assert page.locator("#drawer-list summary").count() == 2


def test_a_verdict_that_is_waived_opens_to_its_reason_and_one_that_passed_to_its_rule(visit: Open) -> None:
    page = visit("ordinary", f"#{report.anchor(OTHER, 'GET /flows/{id}')}")
    require_opened(page, "Waived: GET /flows/{id} is known", '{"limit": 200}', CURL)
    page.evaluate(f"location.hash = '{report.anchor(SHOULD, 'flow_runs.start_time.before_')}'")
    page.locator("#drawer-title", has_text="before_").wait_for()
    require_opened(page, f"prefect-conformance run --select '{SHOULD} flow_runs.start_time.before_'")


def test_a_link_to_a_failure_shows_it(visit: Open) -> None:
    anchor = report.anchor(MUST, "flows.name.any_")
    page = visit("ordinary", f"#{anchor}")
    assert page.locator(f"#{anchor} .body").is_visible()
    top = f"document.getElementById('{anchor}').getBoundingClientRect().top"
    until(page, f"{top} >= 0 && {top} < innerHeight")
    page.keyboard.press("Tab")
    assert page.evaluate(f"document.activeElement.parentElement.id === '{anchor}'")


# The address and the page change one after the other.
FOUND_ONE = "document.querySelector('#found').innerText === '1 of 10 verdicts'"


def test_the_filter_stands_in_the_address_and_comes_from_it(visit: Open) -> None:
    page = visit()
    page.get_by_role("checkbox", name="failed", exact=True).check(force=True)
    until(page, "location.hash === '#verdict=failed'")
    page.get_by_label("Requirement, subject or summary").fill("filter")
    until(page, "location.hash === '#verdict=failed&text=filter'")
    until(page, FOUND_ONE)
    assert drawn(page) == [f"✕ failed: {MUST} POST /flows/filter POST /flows/filter is failed"]
    assert cell(page, "verbs/flows").inner_text() == "✕1"
    assert not cell(page, "verbs/flow_runs").is_visible()
    assert not page.locator('tr[data-line="filter"]').is_visible()

    again = visit("ordinary", page.url[page.url.index("#") :])
    until(again, FOUND_ONE)
    assert drawn(again) == drawn(page)
    assert again.get_by_role("checkbox", name="failed", exact=True).is_checked()
    assert again.get_by_label("Requirement, subject or summary").input_value() == "filter"

    page.get_by_role("button", name="Clear the filter").click()
    until(page, "location.hash === ''")
    until(page, "document.querySelector('#found').innerText === '10 verdicts'")
    assert cell(page, "verbs/flows").inner_text() == "✕3"
    assert page.locator('tr[data-line="filter"]').is_visible()
    page.go_back()
    until(page, "location.hash === '#verdict=failed&text=filter'")
    until(page, FOUND_ONE)
    assert len(drawn(page)) == 1


def test_each_part_of_the_filter(visit: Open) -> None:
    page = visit()
    for hash_, number in {
        "#verdict=waived,failed": 6,
        "#level=MAY": 1,
        "#level=SHOULD&verdict=passed": 1,
        "#profile=core": 0,
        "#profile=guidelines": 10,
        "#text=FLOW_runs%20before": 1,
        "#text=%3Cscript%3E": 0,
        "#verdict=no-such": 0,
    }.items():
        page.evaluate(f"location.hash = '{hash_}'")
        until(page, f"document.getElementById('found').textContent === '{number} of 10 verdicts'")
        until(page, f"document.querySelectorAll('#list summary').length === {number}")


def test_a_faulty_address_is_a_page_like_any_other(visit: Open) -> None:
    page = visit("ordinary", "#cell=%E0%A4%A")
    page.keyboard.press("Escape")
    for hash_ in ["#%E0%A4%A", "#v-000000000000", "#text=%", "#=&=", "#no-such", "#verdict=failed"]:
        page.evaluate(f"location.hash = '{hash_}'")
    until(page, "document.getElementById('found').textContent === '3 of 10 verdicts'")


def test_it_is_walked_with_the_keyboard_alone(visit: Open) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "To the content"
    page.keyboard.press("Enter")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('#matrix .fold')"):
            break
    focus = page.locator(":focus")
    assert focus.inner_text() == "Verbs"
    assert not page.locator("#rows-verbs").is_visible()
    page.keyboard.press("Enter")
    assert focus.get_attribute("aria-expanded") == "true"
    assert page.locator("#rows-verbs").is_visible()
    page.keyboard.press("ArrowDown")
    assert focus.inner_text() == "must"
    page.keyboard.press("ArrowRight")
    assert focus.get_attribute("href") == f"#cell={MUST}/flows"
    page.keyboard.press("ArrowUp")
    assert focus.get_attribute("href") == "#cell=verbs/flows"
    page.keyboard.press("End")
    assert focus.get_attribute("href") == "#cell=verbs/other"
    page.keyboard.press("Enter")
    assert page.locator("#drawer").is_visible()
    # The only one of a cell is open already.
    assert page.locator("#drawer-list details[open]").count() == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#drawer-list details[open]").count() == 0
    page.keyboard.press("Escape")
    assert focus.get_attribute("href") == "#cell=verbs/other"
    # The whole matrix is one stop: the next one is behind it.
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.matches('#matrix *')")


def test_a_curl_is_copied(visit: Open) -> None:
    page = visit(
        "ordinary", f"#{report.anchor(MUST, 'GET /flows/{id}')}", permissions=["clipboard-read", "clipboard-write"]
    )
    opened = page.locator("details.failure[open]")
    opened.get_by_role("button", name="Copy replay").click()
    assert page.evaluate("navigator.clipboard.readText()") == f"# after 2 more requests\n{CURL}"
    assert page.locator("#said").inner_text() == "Copied to the clipboard"
    opened.get_by_role("button", name="rerun").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"prefect-conformance run --select '{MUST} GET /flows/{{id}}'"


def test_without_a_clipboard_the_curl_is_selected(visit: Open) -> None:
    page = visit("ordinary", f"#{report.anchor(MUST, 'GET /flows/{id}')}")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator("details.failure[open]").get_by_role("button", name="Copy replay").click()
    until(page, "document.getElementById('said').textContent.startsWith('Selected')")
    assert page.evaluate("getSelection().toString()").strip().endswith(CURL)


def test_the_rerun_of_a_script_is_that_of_the_suite(visit: Open) -> None:
    """Failures beyond the first ones, and all that did not fail, have theirs from the script."""
    page = visit()
    for anchor in page.evaluate("[...document.querySelectorAll('details.failure')].map((one) => one.id)"):
        text = page.locator(f"#{anchor} .code:last-of-type pre").text_content()
        page.evaluate(f"document.getElementById('{anchor}').remove()")
        page.evaluate(f"location.hash = '{anchor}'")
        made = page.locator("#drawer-list .code:last-of-type pre", has_text=text)
        made.wait_for()
        assert made.text_content() == text


def test_a_hostile_server_scripts_nothing(visit: Open) -> None:
    page = visit("hostile")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.get_by_role("button", name="List of all").click()
    for one in page.locator("#list summary").all():
        one.click()
    page.locator("#matrix td a").first.click()
    page.keyboard.press("Escape")
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 3
    assert "<script>alert(1)</script>" in page.locator("#list").inner_text()
    assert "Expected" in (page.locator("#failures-section").text_content() or "")


@pytest.mark.parametrize("name", ["ordinary", "hostile"])
def test_it_fits_a_phone(visit: Open, name: str) -> None:
    page = visit(name, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    width = "document.documentElement.scrollWidth"
    assert page.evaluate(width) == 360
    page.evaluate("for (const one of document.querySelectorAll('details.failure, details.reason')) one.open = true")
    page.evaluate("for (const one of document.querySelectorAll('section')) one.style.contentVisibility = 'visible'")
    assert page.evaluate(width) == 360
    page.locator("#matrix td a").first.tap()
    assert page.locator("#drawer").is_visible()
    assert page.evaluate("document.getElementById('drawer').scrollWidth") <= 360


def test_on_paper_the_failures_are_whole(visit: Open) -> None:
    page = visit()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.failure .body").first.is_visible()
    assert page.locator("details.failure[open]").count() == 3
    assert not page.locator("#filter").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details.failure[open]").count() == 0


def test_it_can_be_read_without_a_script(visit: Open) -> None:
    page = visit(java_script_enabled=False)
    assert not page.locator("#filter").is_visible()
    assert page.locator("table.each tbody th").all_inner_texts()[0].startswith(MUST)
    assert page.locator("table.each .failed").first.is_visible()
    page.locator("details.failure summary").first.click()
    assert CURL in page.locator("details.failure .body").first.inner_text()
    page.locator("details.reason summary").first.click()
    assert page.locator("details.reason li").first.is_visible()
    page.locator("details.table summary").click()
    assert page.locator(".operations").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Open, scheme: str) -> None:
    page = visit("ordinary", color_scheme=scheme)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.get_by_role("button", name="All requirements").click()
    page.get_by_role("button", name="List of all").click()
    page.evaluate("for (const one of document.querySelectorAll('section')) one.style.contentVisibility = 'visible'")
    found = axe.Axe().run(page).response["violations"]
    page.locator("#matrix td a").first.click()
    page.evaluate("for (const one of document.querySelectorAll('#drawer details')) one.open = true")
    found += axe.Axe().run(page, context="#drawer").response["violations"]
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", background))) < 40) is (scheme == "dark")
    told = [(one["id"], one["impact"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
    assert [one for one in told if one[1] in ("serious", "critical")] == []


def test_thousands_of_verdicts_open_in_a_second(visit: Open) -> None:
    """In the time of the processor: other processes of a test run have it as well, and that is not the page's fault."""
    took = []
    for _ in range(2):
        page = visit("conformant")
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(page.url.replace("conformant", "huge"), wait_until="load")
        # The first painting belongs to it.
        until(page, "performance.getEntriesByName('first-contentful-paint').length")
        metrics = session.send("Performance.getMetrics")["metrics"]
        took.append(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))
        page.context.close()
    assert min(took) < SECONDS_TO_OPEN


def test_thousands_of_verdicts_are_filtered_while_one_types(visit: Open) -> None:
    page = visit("huge")
    page.evaluate("location.hash = 'verdict=passed'")
    until(page, "document.getElementById('found').textContent.includes(' of 6,400')")
    assert page.locator("#list > li").count() == 101
    page.get_by_role("button", name=re.compile("^Show 100 more of")).click()
    assert page.locator("#list > li").count() == 201
    took = page.evaluate(
        "(() => { const began = performance.now(); document.getElementById('text').value = 'collection_1 paging';"
        "document.getElementById('filter').requestSubmit(); return performance.now() - began; })()"
    )
    assert took < 500
