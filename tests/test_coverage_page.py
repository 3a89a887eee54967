"""The page of the grammar's coverage: what it says, that it loads nothing, and that a server's names stay text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from verdict_samples import MUST, build, cell, judged, ledger, pair, with_grammar

from conformance.verdicts import coverage_page
from conformance.verdicts.coverage import State
from conformance.verdicts.ledger import Ledger

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&amp;\x1b[2J\u202e{{ 7*7 }}"
VOID = {"meta", "link", "img", "br", "wbr", "hr", "input"}


class Page(HTMLParser):
    """What a browser would see: elements in order with their attributes and text, and whether they nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[tuple[str, list[str]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text: list[str] = []
        self.elements.append((tag, {name: value or "" for name, value in attrs}, text))
        if tag not in VOID:
            self.open.append((tag, text))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, text in self.open:
            text.append(data)

    def texts(self, *tags: str) -> list[str]:
        return [" ".join("".join(text).split()) for tag, _, text in self.elements if tag in tags]

    def rows(self) -> list[list[str]]:
        rows: list[list[str]] = []
        for tag, _, text in self.elements:
            if tag == "tr":
                rows.append([])
            elif tag in ("td", "th"):
                rows[-1].append(" ".join("".join(text).split()))
        return rows

    def all(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes, _ in self.elements if attribute in attributes]


def page(made: Ledger) -> Page:
    return Page(coverage_page.render(build(made)))


def test_each_cell_has_a_row_that_says_how_it_was_judged() -> None:
    rows = page(with_grammar(ledger(judged(MUST, "x")))).rows()
    for row in [
        ["name", "any_", "2", "1", "never null"],
        ["state.type", "any_", "1", "1", "1"],
        ["end", "before_", "4", "none", "none"],
        ["old", "ge_", "deprecated"],
        ["text", "query", "no meaning"],
        ["tags", "all_", "none", "none", "none"],
        ["Asked", "runs", "pools", "moons", "flows"],
        ["flows", "4", "1", "no meaning", "–"],
        ["runs", "–", "–", "–", "uncovered"],
        ["flows", "pools, runs", "1"],
        ["covered", "2", "2"],
        ["uncovered", "2", "1"],
    ]:
        assert row in rows


def test_what_is_uncovered_stands_before_the_tables_and_leads_to_its_row() -> None:
    seen = page(with_grammar(ledger(judged(MUST, "x"))))
    items = seen.texts("li")
    assert items[:3] == [
        "flows.end.before_: no miss, no null",
        "runs.tags.all_: no hit, no miss, no null",
        "runs by flows",
    ]
    assert items[3:6] == ["POST /moons/filter", "flows.text.query", "flows by moons"]
    ids = seen.all("id")
    assert len(set(ids)) == len(ids)
    targets = [href.removeprefix("#") for href in seen.all("href") if href.startswith("#")]
    assert set(targets) <= set(ids)
    assert {"flows.end.before_", "runs.tags.all_", "runs-by-flows"} <= set(targets)


def test_the_tables_can_be_read_without_seeing_them() -> None:
    seen = page(with_grammar(ledger(judged(MUST, "x"))))
    tags = [tag for tag, _, _ in seen.elements]
    assert tags.count("caption") == tags.count("table") == 5
    assert all(attributes.get("scope") for tag, attributes, _ in seen.elements if tag == "th")
    for tag, attributes, _ in seen.elements:
        # What scrolls can be reached and has a name.
        if attributes.get("class") == "scroll":
            assert (tag, attributes["tabindex"], attributes["role"]) == ("div", "0", "region")
            assert attributes["aria-label"]
    assert ("html", {"lang": "en"}) in [(tag, attributes) for tag, attributes, _ in seen.elements]


def test_it_loads_nothing() -> None:
    seen = page(with_grammar(ledger(judged(MUST, "x"))))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _, _ in seen.elements}
    assert seen.all("src") == []
    assert [href for href in seen.all("href") if not href.startswith("#")] == ["catalogue.html"]
    (style,) = seen.texts("style")
    assert "url(" not in style
    assert "@import" not in style


def test_a_run_that_judged_nothing_of_it_says_so() -> None:
    assert "This run judged nothing of the grammar." in page(ledger(judged(MUST, "x"))).texts("p")
    made = ledger(judged(MUST, "x"))
    made.know([cell("flows.id.any_", nullable=False)], [], [], [])
    made.cover({"cells": {"flows.id.any_": {"hit": 1, "miss": 1}}, "related": []})
    assert "Nothing that was to be judged is uncovered." in page(made).texts("p")


def test_what_was_not_asked_for_is_told_from_what_is_uncovered() -> None:
    rows = page(with_grammar(ledger(judged(MUST, "runs by flows"), filtered=True))).rows()
    assert ["tags", "all_", "not asked for"] in rows
    assert ["end", "before_", "4", "no question", "no question"] in rows
    assert ["runs", "–", "–", "–", "uncovered"] in rows


@pytest.mark.parametrize("state", [State.UNCOVERED, State.UNKNOWN, State.DEPRECATED])
def test_a_hostile_name_stays_text(state: State) -> None:
    made = ledger(judged(MUST, "x"))
    evil = cell("flows.x.any_", state).model_copy(update={"criterion": EVIL, "operator": EVIL})
    by = pair("flows by x", state).model_copy(update={"by": EVIL})
    made.know([evil], [by], [EVIL], [])
    if state is State.UNCOVERED:
        made.cover({"cells": {}, "related": [["flows", [EVIL, EVIL], 1]]})
    text = coverage_page.render(build(made))
    seen = Page(text)
    assert not {"script", "img"} & {tag for tag, _, _ in seen.elements}
    assert not [name for _, attributes, _ in seen.elements for name in attributes if name.startswith("on")]
    assert "alert(1)" in "".join(seen.texts("code"))
    assert "{{ 7*7 }}" in "".join(seen.texts("code"))
    for sequence in ["\x1b", "\u202e"]:
        assert sequence not in text
