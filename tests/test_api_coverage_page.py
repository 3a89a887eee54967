"""The coverage of the API as it is shown: on its page, where a server's names stay text, and on the terminal."""

from __future__ import annotations

import io

from api_coverage_samples import EVERYTHING, FILTER, VERSION, surveyed
from rich.console import Console
from test_coverage_page import EVIL, Page
from verdict_samples import MUST, build, judged, ledger

from conformance.contract import Contract
from conformance.verdicts import api_coverage_page, document, terminal
from conformance.verdicts.api_coverage import parse_required
from conformance.verdicts.ledger import Ledger


def page(made: Ledger) -> tuple[str, Page]:
    text = api_coverage_page.render(build(made))
    return text, Page(text)


def test_the_page_has_each_criterion_each_operation_and_what_was_not_seen() -> None:
    made = surveyed(*EVERYTHING[:5])
    made.required = parse_required(["operations=75"])
    _, seen_ = page(made)
    rows = seen_.rows()
    assert [row[1:2] + row[3:] for row in rows if row[:1] in (["1"], ["2"])] == [
        ["Paths", "1", "3", "33.3 %", "–"],
        ["Operations", "2", "4", "50 %", "75 %"],
    ]
    assert [VERSION, "0 of 1", "–", "0 of 1", "–", "0 of 1", "–", "0 of 1", "–"] in rows
    assert "Level 0" in seen_.texts("strong")
    assert f"{FILTER} body options.strict: true" in seen_.texts("li")
    ids = seen_.all("id")
    assert len(set(ids)) == len(ids)
    assert {href[1:] for href in seen_.all("href") if href.startswith("#")} <= set(ids)


def test_the_page_loads_nothing_and_says_when_there_is_nothing() -> None:
    text, seen_ = page(surveyed(*EVERYTHING))
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _, _ in seen_.elements}
    assert seen_.all("src") == []
    assert "url(" not in text
    assert "Nothing: all that the contract has was seen." in seen_.texts("p")
    assert "No contract was found, and nothing was measured." in page(ledger(judged(MUST, "x")))[1].texts("p")


def test_a_hostile_contract_stays_text_and_its_document_is_one() -> None:
    evil = {
        "openapi": "3.1.0",
        "paths": {
            f"/{EVIL}": {
                "post": {
                    "parameters": [{"name": EVIL, "in": "query", "schema": {"enum": [EVIL, "two\nlines", "\ud800"]}}],
                    "responses": {
                        "200": {"content": {"application/json": {"schema": {"properties": {EVIL: {}, "\n": {}}}}}}
                    },
                }
            }
        },
    }
    made = ledger(judged(MUST, "x"))
    made.survey(Contract(evil))
    document.dump(build(made))
    text, seen_ = page(made)
    assert not {"script", "img"} & {tag for tag, _, _ in seen_.elements}
    assert not [name for _, attributes, _ in seen_.elements for name in attributes if name.startswith("on")]
    assert "alert(1)" in "".join(seen_.texts("code"))
    for sequence in ["\x1b", "\u202e", "\ud800"]:
        assert sequence not in text


def test_the_terminal_has_a_line_of_it() -> None:
    def line(made: Ledger) -> list[str]:
        file = io.StringIO()
        terminal.summary(Console(file=file, width=300), build(made), made.catalogue)
        return [line for line in file.getvalue().splitlines() if line.startswith("api:")]

    (told,) = line(surveyed(*EVERYTHING[:3]))
    assert told.startswith("api:     level 0 of 6; paths 33.3 %, operations 25 %, request-content-types 0 %")
    assert line(surveyed(*EVERYTHING)) == ["api:     level 6 of 6"]
    assert line(ledger(judged(MUST, "x"))) == []
