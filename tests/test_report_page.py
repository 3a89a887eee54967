"""The report page as text: what is in it, that it loads nothing, and that all that a server said stays text."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from page_samples import CURL, conformant, hostile, huge, ordinary
from rich.console import Console
from typer.testing import CliRunner
from verdict_samples import CATALOGUE, MAY, MUST, OTHER, SHOULD, build, judged, ledger

from conformance import catalogue
from conformance.cli import app
from conformance.contract import surface
from conformance.run import reports
from conformance.run.timings import Timings
from conformance.settings import Settings
from conformance.verdicts import document, page
from conformance.verdicts.api_coverage import ApiCoverage, Measure
from conformance.verdicts.ledger import Ledger
from conformance.verdicts.model import Verdict
from conformance.verdicts.page import api_coverage, screens, text

VOID = {"meta", "link", "img", "br", "wbr", "hr", "input"}
RAW = {"script", "style"}


class Page(HTMLParser):
    """What a browser would see: elements in order with their attributes and text, and whether they nest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[tuple[str, list[str]]] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inner: list[str] = []
        self.elements.append((tag, {name: value or "" for name, value in attrs}, inner))
        if tag not in VOID:
            self.open.append((tag, inner))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # In SVG, such an element is closed.
        assert tag == "rect"
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for tag, inner in self.open:
            if not RAW & {name for name, _ in self.open} or tag in RAW:
                inner.append(data)

    def texts(self, tag: str, **wanted: str) -> list[str]:
        """The texts of the elements with these attributes; `class_` is one of the classes."""
        name = wanted.pop("class_", None)
        return [
            " ".join("".join(inner).split())
            for one, attributes, inner in self.elements
            if one == tag
            and (name is None or name in attributes.get("class", "").split())
            and wanted.items() <= attributes.items()
        ]

    def all(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes, _ in self.elements if attribute in attributes]

    @property
    def seen(self) -> str:
        """All that can be read."""
        return self.texts("body")[0]

    @property
    def data(self) -> dict[str, Any]:
        """The verdicts that cells open to."""
        (content,) = [inner for _, attributes, inner in self.elements if attributes.get("id") == "verdicts-data"]
        return dict(json.loads("".join(content)))


def seen(made: Ledger | document.Document) -> Page:
    return Page(page.render(build(made) if isinstance(made, Ledger) else made, CATALOGUE))


@pytest.fixture(scope="module")
def whole() -> Page:
    return seen(ordinary())


def test_the_result_stands_at_the_top(whole: Page) -> None:
    assert whole.texts("h1") == ["✕Non-conformant"]
    assert whole.texts("title") == ["Non-conformant: Prefect REST API conformance"]
    assert "3 of 10 checks failed" in whole.texts("ul", class_="reasons")[0]
    assert whole.texts("p", class_="target") == ["Prefect 3.9.1 on SQLite at http://127.0.0.1:4200/api"]
    facts = dict(zip(whole.texts("dt"), whole.texts("dd"), strict=True))
    assert facts["Started"] == "2026-01-02 03:04 UTC"
    assert facts["Took"] == "12.3 s"
    assert facts["Suite"] == "0.1.0"
    assert facts["Seed"] == "7"
    counts = whole.texts("ul", class_="counts")[0]
    assert counts == "✕3 failed ?1 could not run ≈3 waived ✓2 passed –1 not applicable"


@pytest.mark.parametrize(
    ("made", "title"),
    [(conformant, "✓Conformant"), (ordinary, "✕Non-conformant"), (lambda: build(ledger()), "?Incomplete")],
)
def test_each_result_has_its_sign(made: Any, title: str) -> None:
    assert seen(made()).texts("h1") == [title]


def test_the_matrix_has_a_row_for_each_chapter_and_shows_the_gravest(whole: Page) -> None:
    heads = whole.texts("th", class_="column")
    assert heads[-1] == "other"
    assert set(heads[:-1]) == {"flows", "flow_runs", "automations", "v2/concurrency_limits"}
    cells = {
        attributes["href"]: (attributes["class"], attributes["aria-label"])
        for tag, attributes, _ in whole.elements
        if tag == "a" and attributes.get("href", "").startswith("#cell=") and "aria-label" in attributes
    }
    assert cells == {
        "#cell=verbs/flows": ("failed", "3 failed, 1 waived"),
        "#cell=verbs/flow_runs": ("waived", "1 waived"),
        "#cell=verbs/automations": ("passed", "1 passed"),
        "#cell=verbs/other": ("could-not-run", "1 could not run"),
        "#cell=filter/flows": ("waived", "1 waived"),
        "#cell=filter/flow_runs": ("passed", "1 passed"),
        "#cell=filter/v2/concurrency_limits": ("not-applicable", "1 not applicable"),
    }


def test_every_verdict_is_in_it(whole: Page) -> None:
    made = ordinary()
    content = whole.data
    told = {
        (content["requirements"][row[1]][0], content["subjects"][row[2]][0], content["verdicts"][row[3]][0], row[0])
        for row in content["rows"]
    }
    assert told == {
        (e.requirement, e.subject, e.verdict.value, page.anchor(e.requirement, e.subject)) for e in made.verdicts
    }
    assert len({row[0] for row in content["rows"]}) == len(made.verdicts)
    # What is not in order can be read without a script, too.
    anchors = set(whole.all("id"))
    for entry in made.verdicts:
        wrong = entry.verdict in (Verdict.FAILED, Verdict.WAIVED, Verdict.COULD_NOT_RUN)
        assert (page.anchor(entry.requirement, entry.subject) in anchors) is wrong


def test_a_failure_is_one_screen(whole: Page) -> None:
    (first, *_) = whole.texts("details", class_="failure")
    for part in [
        f"{MUST} MUST guidelines",
        f"The title of {MUST}",
        f"The text of {MUST}.",
        "Source: REST Guidelines",
        "On GET /flows/{id}: GET /flows/{id} is failed",
        "one two",
        'Expected{"limit": 1}',
        'Observed{"limit": 200}',
        f"# after 2 more requests {CURL}",
        f"prefect-conformance run --select '{MUST} GET /flows/{{id}}'",
    ]:
        assert part in first
    assert len(whole.texts("details", class_="failure")) == 3


def test_the_waivers_stand_by_their_reasons(whole: Page) -> None:
    section = whole.texts("section", id="waivers-section")[0]
    assert "3 failures accepted" in section
    assert "flows, flow_runs is known" in section
    assert whole.texts("details", class_="reason")[0].startswith("≈GET /flows/{id} is known")


def test_four_hundred_waivers_of_one_reason_are_one_line() -> None:
    failed = [judged(MUST, f"GET /flows/{n}", Verdict.FAILED) for n in range(400)]
    made = build(ledger(*failed))
    entries = tuple(e.model_copy(update={"verdict": Verdict.WAIVED, "waiver": "Known."}) for e in made.verdicts)
    shown = seen(made.model_copy(update={"verdicts": entries}))
    (reason,) = shown.texts("details", class_="reason")
    assert reason.startswith("≈Known. 400 subjects")


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ("https://example.org/1?a=b&c", True),
        ("http://example.org/<b>", True),
        ("javascript:alert(1)", False),
        ("https://example.org/\u202ea b", False),
        ("//example.org", False),
    ],
)
def test_a_waiver_shows_where_more_is_told_and_its_last_day(link: str, leads: bool) -> None:
    made = build(ledger(judged(MUST, "GET /flows/{id}", Verdict.FAILED), judged(MUST, "b", Verdict.FAILED)))
    terms = {"verdict": Verdict.WAIVED, "waiver": "Known.", "waiver_link": link, "waiver_expires": date(2027, 1, 31)}
    other = {"verdict": Verdict.WAIVED, "waiver": "Known."}
    first, second = made.verdicts
    shown = seen(
        made.model_copy(update={"verdicts": (first.model_copy(update=terms), second.model_copy(update=other))})
    )
    with_terms, without = shown.texts("details", class_="reason")
    assert "until 2027-01-31" in with_terms
    assert "until" not in without
    assert shown.texts("p", class_="more-at") == [text.line(link)]
    assert (link in shown.all("href")) is leads
    assert any(told.startswith("Known. (until 2027-01-31, ") for told in shown.data["texts"])


def test_each_requirement_is_a_row_without_javascript(whole: Page) -> None:
    assert len(whole.texts("table", class_="each")) == 1
    rows = whole.texts("th", scope="row")
    first = rows.index(MUST)
    assert rows[first : first + 4] == [MUST, OTHER, f"{SHOULD} SHOULD", f"{MAY} MAY"]
    assert whole.texts("span", class_="failed", title="3 failed") == ["✕3"]
    assert whole.texts("span", class_="waived", title="1 waived") == ["≈1"] * 3


def test_the_operations_by_their_statuses(whole: Page) -> None:
    section = whole.texts("section", **{"aria-labelledby": "operations"})[0]
    assert "7 operations: 5 called, 3 answered 2xx, 1 ineligible." in section
    assert "GET /never never called" in section
    assert "POST /flow_runs/ 3 × 503" in section
    assert "POST /harm It would do harm." in section
    assert "Operation Calls 200 201 204 400 404 503 No answer Requirements" in " ".join(whole.texts("th"))
    assert "GET /flows/{id}1,202" in section


def test_the_grammar_the_errors_the_databases_and_the_timings(whole: Page) -> None:
    grammar = whole.texts("section", **{"aria-labelledby": "grammar"})[0]
    assert "2 of 4 operators of the criteria and 2 of 3 related collections covered" in grammar
    assert "flows.end.before_: no miss, no null" in grammar
    assert {"coverage.html", "coverage.html#collection-1", "coverage.html#unknown"} <= set(whole.all("href"))
    trouble = whole.texts("section", **{"aria-labelledby": "trouble"})[0]
    assert "1 check could not run" in trouble
    assert "a pause is could-not-run" in trouble
    assert "waiver w.toml: the waiver of x is stale" in trouble
    differences = whole.texts("section", **{"aria-labelledby": "differences"})[0]
    assert "this run was on sqlite" in differences
    timings = whole.texts("section", **{"aria-labelledby": "timings"})[0]
    assert "The run took 12.3 s" in timings
    assert "world1.5" in timings


def test_a_run_with_nothing_in_it_is_a_page_too() -> None:
    made = build(ledger())
    empty = made.model_copy(
        update={
            "target": document.Target(),
            "timings": {},
            "run": made.run.model_copy(update={"shard": "1/2", "read_only": True}),
        }
    )
    shown = seen(empty)
    assert "No check was planned." in shown.seen
    assert "The contract was not read." in shown.seen
    assert "No failure is waived." in shown.seen
    assert "server of unknown version" in shown.seen.lower()
    assert "reading only" in shown.seen


def test_the_coverage_of_the_api_stands_there_where_it_was_measured() -> None:
    measured = ApiCoverage(
        level=2,
        criteria=(
            Measure(criterion=surface.Criterion.PATHS, covered=9, total=9),
            Measure(criterion=surface.Criterion.STATUS_CODES, covered=1999, total=2000),
            Measure(criterion=surface.Criterion.PARAMETERS, covered=0, total=0),
        ),
        operations={},
        required={surface.Criterion.STATUS_CODES: 100.0, surface.Criterion.PATHS: 90.0},
    )
    found = api_coverage.shape(measured)
    assert found is not None
    told = [(one.name, one.percent, one.required, one.short) for one in found.criteria]
    assert told == [
        ("Paths", "100 %", "90 %", False),
        ("Status codes", "99.9 %", "100 %", True),
        ("Parameters", "100 %", "", False),
    ]
    assert api_coverage.shape(None) is None
    assert "Coverage of the API" not in seen(ordinary()).seen


def test_it_loads_nothing_and_its_policy_lets_nothing_in(whole: Page) -> None:
    assert not {"iframe", "object", "embed", "base", "form action"} & {tag for tag, _, _ in whole.elements}
    assert whole.all("src") == []
    assert whole.all("style") == []
    links = {href for href in whole.all("href") if not href.startswith(("#", "data:image/svg+xml,"))}
    assert {re.sub("#.*", "", link) for link in links} == {"verdicts.json", "catalogue.html", "coverage.html"}
    (style,) = [inner for tag, _, inner in whole.elements if tag == "style"]
    assert "url(" not in "".join(style)
    assert "@import" not in "".join(style)
    assert not re.findall(r"https?://(?!127\.0\.0\.1)[^'\"\s]*", whole.source.replace("http://www.w3.org/2000/svg", ""))
    (policy,) = [
        attributes["content"]
        for _, attributes, _ in whole.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert set(rules) == {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}
    assert rules["img-src"] == "data:"
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        own = [inner for one, attributes, inner in whole.elements if one == tag and "type" not in attributes]
        digests = [base64.b64encode(hashlib.sha256("".join(inner).encode()).digest()).decode() for inner in own]
        assert rules[rule] == " ".join(f"'sha256-{digest}'" for digest in digests)


def test_the_scripts_make_no_markup_of_text(whole: Page) -> None:
    script = "".join("".join(inner) for tag, given, inner in whole.elements if tag == "script" and "type" not in given)
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "DOMParser"]:
        assert sink not in script
    assert not [name for _, attributes, _ in whole.elements for name in attributes if name.startswith("on")]


def test_what_a_hostile_server_says_stays_text() -> None:
    shown = seen(hostile())
    tags = [tag for tag, _, _ in shown.elements]
    assert "img" not in tags
    assert tags.count("script") == 3
    assert not [name for _, attributes, _ in shown.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in shown.seen
    assert "{{ 7*7 }}" in shown.seen
    for character in ["\x00", "\x1b", "\x9b", "\u061c", "\u202e", "\u2066", "\ud800"]:
        assert character not in shown.source
    assert "\N{REPLACEMENT CHARACTER}" in shown.seen
    raw = re.search(r'id="verdicts-data">(.*?)</script>', shown.source, re.DOTALL)
    assert raw is not None
    assert not set(raw[1]) & set("<>&\u2028\u2029")
    told = shown.data
    assert len(told["rows"]) == 6
    assert any("<script>alert(1)</script>" in subject for subject, _, _ in told["subjects"])
    # What can't be shown as it is isn't offered as a command either.
    assert {exact for subject, _, exact in told["subjects"] if "script" in subject} == {0}
    assert "Some of its characters can't be shown" in shown.seen


def test_a_text_of_megabytes_is_cut_and_says_so() -> None:
    long = "x" * 10_000_000
    made = ledger(
        judged(MUST, f"GET /{long}", Verdict.FAILED, summary=long, findings=(long,)),
        judged(OTHER, "flows", Verdict.FAILED, details=f"expected: {long}\nobserved: {long}\nreplay:\ncurl {long}"),
        judged(SHOULD, "flows", Verdict.NOT_APPLICABLE, summary=long),
    )
    made.error(long)
    shown = seen(made)
    assert len(shown.source) < 600_000
    assert "9,996,000 more characters: see verdicts.json." in shown.seen
    assert "9,992,005 more characters: the whole is in verdicts.json." in shown.seen


def test_more_failures_than_can_be_read_are_lines() -> None:
    number = screens.MOST_SCREENS + 5
    made = ledger(*(judged(MUST, f"GET /flows/{n:04}", Verdict.FAILED, details="observed: x") for n in range(number)))
    shown = seen(made)
    assert len(shown.texts("details", class_="failure")) == screens.MOST_SCREENS
    assert "5 more failures" in shown.texts("h3")
    # Those open to their details by the data; the others have them on the page.
    assert [len(row) for row in shown.data["rows"]].count(7) == 5


def test_details_without_room_are_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.verdicts.page.block._ROOM", 5)
    made = ledger(*(judged(OTHER, f"runs {n}", Verdict.COULD_NOT_RUN, details="observed: 12345") for n in range(3)))
    assert [told is None for told in seen(made).data["details"]] == [False, True, True]


def test_the_same_document_makes_the_same_page() -> None:
    assert page.render(ordinary(), CATALOGUE) == page.render(ordinary(), CATALOGUE)


def test_a_document_of_another_suite_has_requirements_without_a_text() -> None:
    source = page.render(ordinary(), catalogue.load())
    assert "The title of" not in source
    assert len(Page(source).texts("details", class_="failure")) == 3


def test_what_it_names_is_there(whole: Page) -> None:
    ids = whole.all("id")
    assert len(set(ids)) == len(ids)
    targets = {href[1:] for href in whole.all("href") if href.startswith("#") and "=" not in href}
    shown_by_a_script = {row[0] for row in whole.data["rows"]}
    assert targets <= set(ids) | shown_by_a_script
    for attribute in ("aria-labelledby", "aria-controls", "for", "form", "data-all"):
        assert set(whole.all(attribute)) <= set(ids)
    for tag, attributes, _ in whole.elements:
        if "scroll" in attributes.get("class", "").split():
            # What scrolls can be reached and has a name.
            assert (attributes["tabindex"], attributes["role"]) == ("0", "region")
            assert attributes["aria-label"]
        assert tag != "th" or attributes.get("scope")


def test_more_statuses_than_columns_stand_together() -> None:
    made = ledger(judged(MUST, "x"))
    for status in range(200, 299):
        made.count("GET /flows", str(status), 300 - status)
    heads = seen(made).texts("th", class_="number")
    assert "other" in heads
    assert len(heads) < 40


def test_a_whole_run_is_a_page_of_megabytes_at_most() -> None:
    source = page.render(huge(6400), catalogue.load())
    assert len(source) < 3_000_000
    raw = re.search(r'id="verdicts-data">(.*?)</script>', source, re.DOTALL)
    assert raw is not None
    assert len(json.loads(raw[1])["rows"]) == 6400


def test_the_command_renders_it_again(tmp_path: Path) -> None:
    made = ordinary().model_copy(
        update={"run": ordinary().run.model_copy(update={"command": "prefect-conformance run --seed 7"})}
    )
    verdicts = tmp_path / "run" / "verdicts.json"
    document.write(made, verdicts)
    beside = CliRunner().invoke(app, ["report", str(verdicts.parent)])
    assert beside.exit_code == 0
    assert beside.stdout.strip() == str(verdicts.parent / "index.html")
    elsewhere = CliRunner().invoke(app, ["report", str(verdicts), "--output", str(tmp_path / "pages" / "of")])
    assert elsewhere.exit_code == 0
    folder = tmp_path / "pages" / "of"
    assert sorted(file.name for file in folder.iterdir()) == [
        "api-coverage.html",
        "catalogue.html",
        "coverage.html",
        "index.html",
        "verdicts.json",
    ]
    one, other = ((where / "index.html").read_bytes() for where in (verdicts.parent, folder))
    assert one == other
    assert b"prefect-conformance run --seed 7 --select" in one
    assert (folder / "verdicts.json").read_bytes() == verdicts.read_bytes()


def test_a_folder_that_takes_no_page_is_one_line(tmp_path: Path) -> None:
    document.write(ordinary(), tmp_path / "verdicts.json")
    (tmp_path / "file").touch()
    failed = CliRunner().invoke(app, ["report", str(tmp_path), "--output", str(tmp_path / "file")])
    assert "can't write reports to" in str(failed.exception)
    (tmp_path / "index.html").mkdir()
    failed = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert "can't write the pages" in str(failed.exception)


def test_a_run_writes_it_and_says_where(tmp_path: Path) -> None:
    made = ledger(judged(MUST, "flows", Verdict.FAILED))
    made.close()
    run = SimpleNamespace(
        contract=None,
        settings=Settings(url="http://127.0.0.1:4200/api", reports=tmp_path, seed=11, allure=False),
        catalogue=CATALOGUE,
        ledger=made,
        target=document.Target(url="http://127.0.0.1:4200/api"),
        started=datetime(2026, 1, 2, tzinfo=UTC),
        seconds=1.0,
        lost=None,
        timings=Timings(),
        progress=print,
    )
    (tmp_path / "index.html").write_text("an earlier run's", "utf-8")
    written = reports.write(run)
    assert written.page == tmp_path / "index.html"
    console = Console(file=io.StringIO(), width=120)
    reports.show(run, written, console)
    assert isinstance(console.file, io.StringIO)
    assert f"open:    {tmp_path / 'index.html'}\n" in console.file.getvalue()
    # What is rendered again from the verdicts is the same page, with the command that names the target again.
    again = document.load(tmp_path / "verdicts.json")
    assert written.page.read_text("utf-8") == page.render(again, CATALOGUE)
    line = "prefect-conformance run --url http://127.0.0.1:4200/api --seed 11 --select 'verbs.must flows'"
    assert line in Page(page.render(again, CATALOGUE)).texts("pre", **{"aria-label": "Rerun"})
