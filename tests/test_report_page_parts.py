"""What the report page is made of: anchors, places, faces, bars, and words."""

from __future__ import annotations

import hashlib

import pytest
from verdict_samples import MUST, OTHER, build, judged, ledger

from conformance.verdicts import page
from conformance.verdicts.model import Verdict
from conformance.verdicts.page import faces, placing, summary, text


def test_an_anchor_is_the_same_in_every_run() -> None:
    # Written down: others link to it.
    assert page.anchor("filter.any", "flows.name.any_") == ANCHOR
    assert page.anchor("filter.any", "flows.name.any_\ud800").startswith("v-")


ANCHOR = "v-" + hashlib.sha256(b"filter.any\nflows.name.any_").hexdigest()[:12]


@pytest.mark.parametrize(
    ("subject", "resource"),
    [
        ("POST /flows/filter", "flows"),
        ("GET /flow_runs/{id}/graph", "flow_runs"),
        ("POST /v2/concurrency_limits/", "v2/concurrency_limits"),
        ("GET /flows: by name", "flows"),
        ("POST /flow_runs/{id}/do: one, and: another", "flow_runs"),
        ("v2/concurrency_limits", "v2/concurrency_limits"),
        ("flows.name.any_", "flows"),
        ("flows/latest.name", "flows"),
        ("flow_runs RUNNING->PAUSED", "flow_runs"),
        ("flows, flow_runs", "flows"),
        ("flow_runs of flows", "flow_runs"),
        ("moons.name", "other"),
        ("a pause", "other"),
        ("GET /", "other"),
        ("GET /{anything}", "other"),
    ],
)
def test_the_resource_of_a_subject(subject: str, resource: str) -> None:
    made = ledger(judged(MUST, subject))
    made.operations(["POST /flows/filter", "GET /flow_runs/{id}/graph", "POST /v2/concurrency_limits/"])
    (placed,), columns = placing.place(build(made))
    assert placed.resource == resource
    assert columns == [resource]


def test_more_resources_than_columns_stand_together() -> None:
    made = ledger(*(judged(MUST, f"GET /r{n}") for n in range(60)), judged(OTHER, "GET /r59"))
    placed, columns = placing.place(build(made))
    assert len(columns) == 41
    assert (columns[0], columns[-1]) == ("r59", "other")
    assert {one.resource for one in placed} == set(columns)


def test_a_cell_shows_the_gravest() -> None:
    shown = faces.face({Verdict.PASSED: 5, Verdict.WAIVED: 2, Verdict.COULD_NOT_RUN: 1})
    assert (shown.verdict, shown.text, shown.told) == (
        Verdict.COULD_NOT_RUN,
        "?1",
        "1 could not run, 2 waived, 5 passed",
    )
    assert faces.face({Verdict.PASSED: 5, Verdict.NOT_APPLICABLE: 1}).text == "✓"


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.04, "0.0 s"), (59.96, "60.0 s"), (1178.1, "19 min 38 s"), (7261, "2 h 1 min 1 s")]
)
def test_a_time_in_words(seconds: float, told: str) -> None:
    assert summary.duration(seconds) == told


def test_a_bar_shows_one_of_thousands_and_is_never_too_long() -> None:
    parts = summary.bar({Verdict.FAILED: 1, Verdict.WAIVED: 0, Verdict.PASSED: 99_999}, 100_000)
    assert [part.kind for part in parts] == ["failed", "passed"]
    assert parts[0].length > 3
    assert sum(part.length for part in parts) == pytest.approx(1000, abs=0.1)
    assert summary.bar({"time": 1.0}, 4.0)[0].length == pytest.approx(250)
    assert summary.bar({Verdict.PASSED: 0}, 0) == []


def test_a_line_says_what_it_leaves_out() -> None:
    assert text.line("a\n b") == "a b"
    assert text.line("x" * 410) == f"{'x' * 400}… (10 more characters)"
    assert text.shown("a\x1b[31mb", 10) == text.Shown("ab", 0, exact=False)
