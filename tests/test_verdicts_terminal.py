"""What a person sees: while it runs, of each failure, and at the end."""

from __future__ import annotations

import io
import shlex
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from verdict_samples import CATALOGUE, MUST, OTHER, SHOULD, build, cell, judged, ledger, of, waived, with_grammar

from conformance.settings import Dialect
from conformance.verdicts import terminal
from conformance.verdicts.ledger import ErrorKind, Ledger
from conformance.verdicts.model import Verdict
from conformance.verdicts.printable import printable
from conformance.verdicts.progress import Progress

EVIL = "[bold]x[/bold] [/] :smile: \x1b]0;owned\x07\x1b[2J\x9b31m \u202edcba"


def screen(*, live: bool = False, width: int = 100) -> Console:
    return Console(file=io.StringIO(), force_terminal=live, width=width, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_failure_is_one_screen_with_all_that_it_takes() -> None:
    long = f"curl -sS -X POST http://127.0.0.1:4200/api/flows/filter -d '{'x' * 300}'"
    failed = judged(MUST, "POST /flows/{id}", Verdict.FAILED, details=f"expected 200\nobserved 500\nreplay:\n{long}")
    made = ledger(failed, judged(OTHER, "a"))
    console = screen()
    terminal.failures(console, build(made), made.judgements, CATALOGUE, "prefect-conformance run --url http://x/api")
    text = shown(console)
    for part in [
        "failed 1 of 1",
        "verbs.must (MUST: The title of verbs.must)",
        "The text of verbs.must.",
        "source: REST Guidelines",
        "on POST /flows/{id}: POST /flows/{id} is failed",
        "expected 200\nobserved 500\n",
        long,
        "rerun: prefect-conformance run --url http://x/api --select 'verbs.must POST /flows/{id}'\n",
    ]:
        assert part in text
    assert OTHER not in text


@pytest.mark.parametrize("live", [True, False])
def test_what_a_server_sends_is_shown_and_not_obeyed(live: bool) -> None:
    made = ledger(judged(MUST, EVIL, Verdict.FAILED, summary=EVIL, details=EVIL))
    made.error(EVIL, ErrorKind.WAIVER)
    made.count(f"GET /{printable(EVIL)}", "500")
    console = screen(live=live)
    with Progress(console) as progress:
        progress.phase(EVIL)
        progress.chapter(EVIL)
        progress.checked(made.judgements[0], 1, 1)
        progress.message(EVIL)
    terminal.failures(console, build(made), made.judgements, CATALOGUE)
    terminal.summary(console, build(made), CATALOGUE, missing=[EVIL])
    text = shown(console)
    assert "[bold]x[/bold] [/] :smile:" in text
    for sequence in ["\x1b]0;", "\x1b[2J", "\x9b", "\u202e", "\x07"]:
        assert sequence not in text


@given(st.text(min_size=1).filter(str.strip))
def test_the_rerun_line_selects_that_check(subject: str) -> None:
    entry = of(judged(MUST, subject, Verdict.FAILED)).verdicts[0]
    words = shlex.split(terminal.rerun(entry))
    assert words[:3] == ["prefect-conformance", "run", "--select"]
    assert fnmatchcase(f"{entry.requirement} {entry.subject}", words[3])
    assert not fnmatchcase(f"{entry.requirement} {entry.subject}x", words[3])


def test_hundreds_of_failures_are_twenty_screens_and_a_list() -> None:
    made = ledger(*(judged(MUST, f"s{n:03}", Verdict.FAILED, details=f"the details of {n:03}") for n in range(300)))
    console = screen()
    terminal.failures(console, build(made), made.judgements, CATALOGUE)
    text = shown(console)
    assert text.count("rerun: ") == text.count("the details of") == terminal.MOST_SCREENS
    assert "280 more failed" in text
    assert sum(line.startswith("verbs.must on s") for line in text.splitlines()) == 280


def test_the_summary_has_the_table_the_gaps_and_the_result(tmp_path: Path) -> None:
    made = ledger(
        judged(MUST, "a"),
        judged(MUST, "b"),
        judged(OTHER, "c", Verdict.COULD_NOT_RUN),
        judged(SHOULD, "d", Verdict.FAILED),
    )
    made.operations(["GET /idle", "GET /harm"], {"GET /harm": "It would do harm."})
    made.count("GET /harm", "400")
    made.count("GET /fine", "204")
    for number in range(14):
        made.count(f"GET /bad{number:02}", "500")
    console = screen()
    written = [tmp_path / "verdicts.json"]
    terminal.summary(
        console, build(made), CATALOGUE, written, ["the Allure report was not …"], page=tmp_path / "index.html"
    )
    lines = [line.rstrip() for line in shown(console).splitlines()]
    table = {line.split()[0]: line.split()[1:] for line in lines if line.split() and line.split()[0] != "─"}
    assert table["Verbs"] == ["2", "-", "-", "-", "1"]
    assert table["Filtering"] == ["-", "1", "-", "-", "-"]
    assert table["all"] == ["2", "1", "-", "-", "1"]
    for line in [
        "1 check could not run:",
        "  verbs.other (MUST) on c: c is could-not-run",
        "17 operations: 16 called, 1 answered 2xx, 1 ineligible",
        "14 called and never answered 2xx:",
        "  GET /bad11",
        "  and 2 more: see verdicts.json",
        "target:  http://127.0.0.1:4200/api (prefect 3.9.1 on sqlite)",
        "time:    12.3 s (world 1.5 s, checks 2.2 s)",
        f"report:  {tmp_path / 'verdicts.json'}",
        "the Allure report was not …",
        f"open:    {tmp_path / 'index.html'}",
        "result:  non-conformant",
        "         1 of 4 checks failed",
    ]:
        assert line in lines
    assert "  GET /bad12" not in lines


def test_the_summary_tells_what_differs_between_databases() -> None:
    for database, told in ((Dialect.SQLITE, ["  verbs.must on b: b is known"]), (Dialect.POSTGRESQL, [])):
        accepted = waived((MUST, "b"), databases=(Dialect.SQLITE,), database=database)
        made = build(ledger(judged(MUST, "a"), judged(MUST, "b", Verdict.FAILED), waivers=accepted))
        made = made.model_copy(update={"target": made.target.model_copy(update={"database": database})})
        console = screen()
        terminal.summary(console, made, CATALOGUE)
        lines = shown(console).splitlines()
        first = lines.index("deviations that differ between databases: 1 on sqlite only")
        assert list(takewhile(lambda line: line.startswith("  "), lines[first + 1 :])) == told


def grammar_lines(made: Ledger) -> list[str]:
    console = screen()
    terminal.summary(console, build(made), CATALOGUE)
    lines = shown(console).splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("grammar:")), len(lines))
    return [lines[first], *takewhile(lambda line: line.startswith("  "), lines[first + 1 :])] if lines[first:] else []


def test_the_summary_tells_what_of_the_grammar_is_uncovered() -> None:
    assert grammar_lines(with_grammar(ledger(judged(MUST, "x")))) == [
        "grammar: 2 of 4 cells covered, 2 of 3 related pairs covered",
        "         uncovered: flows.end.before_ (miss, null), runs.tags.all_ (hit, miss, null), runs by flows",
        "         no meaning: POST /moons/filter, flows.text.query, flows by moons",
    ]


def test_a_grammar_that_is_covered_is_one_line_and_a_long_list_is_cut() -> None:
    made = ledger(judged(MUST, "x"))
    made.know([cell("flows.id.any_", nullable=False)], [], [], [])
    made.cover({"cells": {"flows.id.any_": {"hit": 1, "miss": 1}}, "related": []})
    assert grammar_lines(made) == ["grammar: 1 of 1 cell covered"]
    made = ledger(judged(MUST, "x"))
    made.know([cell(f"flows.f{number}.any_", nullable=False) for number in range(9)], [], [], [])
    told = [f"flows.f{number}.any_ (hit, miss)" for number in range(terminal.MOST_GAPS)]
    assert grammar_lines(made) == [
        "grammar: 0 of 9 cells covered",
        f"         uncovered: {', '.join(told)}, and 3 more: see coverage.html",
    ]


def test_a_run_that_was_asked_for_a_part_tells_of_no_other() -> None:
    assert grammar_lines(with_grammar(ledger(judged(MUST, "flows.end.before_"), filtered=True))) == [
        "grammar: 2 of 3 cells covered, 2 of 2 related pairs covered",
        "         uncovered: flows.end.before_ (miss, null)",
        "         no meaning: POST /moons/filter, flows.text.query, flows by moons",
    ]
    made = ledger(judged(MUST, "GET /flows/{id}"), filtered=True)
    made.know([cell("flows.id.any_")], [], ["POST /moons/filter"], ["flows.id.any_"])
    assert grammar_lines(made) == []


def test_a_terminal_without_unicode_is_no_reason_to_end() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=file, width=100)
    made = ledger(judged(MUST, "flüsse 😀", Verdict.FAILED, details="…"))
    with Progress(console) as progress:
        progress.phase("flüsse…")
    terminal.failures(console, build(made), made.judgements, CATALOGUE)
    terminal.summary(console, build(made), CATALOGUE)
    file.flush()


def test_a_log_hears_of_each_step_and_not_of_each_check() -> None:
    clock = Clock()
    console = screen()
    with Progress(console, clock) as progress:
        progress.phase("starting Prefect 3.9.1")
        clock.now = 75
        for number in range(200):
            progress.chapter("Verbs" if number % 2 else "Routes")
            progress.checked(judged(MUST, "a", Verdict.FAILED), number + 1, 200)
        clock.now = 106
        progress.checked(judged(MUST, "b", Verdict.COULD_NOT_RUN), 200, 200)
        progress.message("a note")
    assert shown(console).splitlines() == [
        "0:00  starting Prefect 3.9.1",
        "1:15  checking: Routes",
        "1:15  checking: Verbs",
        "1:46  200/200 checks, 200 failed, 1 could not run",
        "1:46  a note",
    ]


def test_a_terminal_has_one_live_line_and_keeps_the_messages() -> None:
    clock = Clock()
    console = screen(live=True)
    with Progress(console, clock) as progress:
        clock.now = 61
        progress.phase("seeding the world")
        progress.message("the base URL has no /api: added")
        progress.chapter("Verbs")
        progress.checked(judged(MUST, "a"), 3, 9)
    progress.message("after the end")
    progress.close()
    text = shown(console)
    assert "the base URL has no /api: added\n" in text
    assert "1:01 Verbs: 3/9 checks" in text
    assert text.endswith("after the end\n")


@given(st.text(st.characters(codec=None)))
def test_printable_leaves_what_can_only_be_seen(text: str) -> None:
    seen = printable(text)
    assert printable(seen) == seen
    seen.encode("utf-8")
    assert not any(character in seen for character in "\x00\x07\x08\x1b\r\x7f\x85\x9b\u202e\u2066\ufffe")


def test_printable_keeps_text() -> None:
    for text in ["", "a\n\tb", "flüsse 😀 مرحبا", "x[bold]"]:
        assert printable(text) == text
    assert printable("a\r\nb\x1b[1;31mred\x1b[0m\x1b]8;;http://x\x1b\\link") == "a\nbredlink"
