"""What a run comes to on the terminal: every failure on one screen, the table and the result; and two runs compared."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.catalogue import Catalogue
from conformance.contract.surface import LEVELS
from conformance.verdicts.api_coverage import shown
from conformance.verdicts.comparison import Change, Changed
from conformance.verdicts.console import data, say
from conformance.verdicts.coverage import State
from conformance.verdicts.document import Document, Entry
from conformance.verdicts.model import Judgement, Result, Verdict

MOST_SCREENS: Final = 20
"""Failures shown in full; of the others, a line each."""

MOST_NAMES: Final = 12
"""Names in one list; the others are in `verdicts.json`."""

MOST_GAPS: Final = 6
"""Uncovered parts of the grammar that are named on the terminal; the others are in `coverage.html`."""

_STYLES: Final = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.WAIVED: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.COULD_NOT_RUN: "magenta",
}
_RESULTS: Final = {
    Result.CONFORMANT: "bold green",
    Result.NON_CONFORMANT: "bold red",
    Result.INCOMPLETE: "bold magenta",
}
_CHANGES: Final = {
    Change.REGRESSED: "red",
    Change.FIXED: "green",
    Change.WAIVED: "yellow",
    Change.OTHERWISE: "magenta",
    Change.NEW: "cyan",
    Change.GONE: "dim",
}


def failures(
    console: Console,
    document: Document,
    judgements: Iterable[Judgement],
    catalogue: Catalogue,
    command: str = "prefect-conformance run",
) -> None:
    """Print each failed verdict on a screen of its own, and beyond the first ones a line each.

    `command` begins the line that runs the check again, with the options that name the target.
    """
    details = {(judgement.requirement, judgement.subject): judgement.details for judgement in judgements}
    failed = [entry for entry in document.verdicts if entry.verdict is Verdict.FAILED]
    for number, entry in enumerate(failed[:MOST_SCREENS], 1):
        console.rule(data(console, f"failed {number} of {len(failed)}", "red"), style="red")
        rule = catalogue.get(entry.requirement)
        say(console, f"{entry.requirement} ({entry.level}{f': {rule.title}' if rule else ''})", "bold")
        if rule:
            say(console, rule.text)
            say(console, f"source: {rule.source}", "dim")
        say(console, f"\non {entry.subject}: {entry.summary}", "bold")
        text = details.get((entry.requirement, entry.subject), "").strip("\n")
        if text:
            say(console, text)
        say(console, f"\nrerun: {rerun(entry, command)}\n", "cyan")
    if len(failed) > MOST_SCREENS:
        rest = failed[MOST_SCREENS:]
        console.rule(data(console, f"{len(rest)} more failed; the details are in junit.xml", "red"), style="red")
        for entry in rest:
            say(console, f"{entry.requirement} on {entry.subject}: {entry.summary}")


def rerun(entry: Entry, command: str = "prefect-conformance run") -> str:
    """The line for a POSIX shell that runs this one check again."""
    # What a pattern would read as a wildcard is meant literally.
    pattern = re.sub(r"([*?[])", r"[\1]", f"{entry.requirement} {entry.subject}")
    return f"{command} --select {shlex.quote(pattern)}"


def summary(
    console: Console,
    document: Document,
    catalogue: Catalogue,
    reports: Sequence[Path] = (),
    missing: Sequence[str] = (),
    page: Path | None = None,
) -> None:
    """Print chapters by verdicts, what could not run, errors, operations without a 2xx, the grammar, the result.

    `reports` are the files that were written, `missing` a line for each report that could not be, `page` is the one
    to open.
    """
    console.rule(data(console, "Prefect REST API conformance"))
    console.print(_table(console, document, catalogue))
    stuck = [entry for entry in document.verdicts if entry.verdict is Verdict.COULD_NOT_RUN]
    _list(
        console,
        f"{_many(len(stuck), 'check')} could not run:",
        [f"{entry.requirement} ({entry.level}) on {entry.subject}: {entry.summary}" for entry in stuck],
        "magenta",
    )
    _list(
        console,
        f"{_many(len(document.errors), 'error')} of the run itself:",
        [f"{error.kind}: {error.message}" for error in document.errors],
        "red",
    )
    _differences(console, document)
    _operations(console, document)
    _grammar(console, document)
    _surface(console, document)
    target = document.target
    if target.url is not None:
        on = f" on {target.database}" if target.database else ""
        known = f" ({target.server or 'server'} {target.version}{on})" if target.version else ""
        say(console, f"target:  {target.url}{known}")
    spent = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in document.timings.items())
    say(console, f"time:    {document.run.seconds:.1f} s{f' ({spent})' if spent else ''}")
    say(console, f"seed:    {document.run.seed}")
    for path in reports:
        say(console, f"report:  {path}")
    for why in missing:
        say(console, why, "yellow")
    if page is not None:
        say(console, f"open:    {page}", "bold")
    say(console, f"result:  {document.result}", _RESULTS[document.result])
    for reason in document.reasons:
        say(console, f"         {reason}")


def comparison(console: Console, found: Sequence[Changed]) -> None:
    """Print what became of the checks between two runs, and how many of each; of a failure, what it says now."""
    for change in Change:
        changed = [one for one in found if one.change is change]
        if not changed:
            continue
        say(console, f"{change} ({len(changed)}):", _CHANGES[change])
        for one in changed:
            was, is_ = (entry.verdict if entry else "not checked" for entry in (one.before, one.after))
            why = f": {one.after.summary}" if one.after and one.after.verdict is not Verdict.PASSED else ""
            say(console, f"  {one.requirement} on {one.subject}: {was}, then {is_}{why}")
    counts = Counter(one.change for one in found)
    said = ", ".join(f"{counts[change]} {change}" for change in Change)
    say(console, f"result:  {said}", "bold red" if counts[Change.REGRESSED] else "bold green")


def _table(console: Console, document: Document, catalogue: Catalogue) -> Table:
    counts: dict[str, Counter[Verdict]] = {chapter: Counter() for chapter in catalogue.chapters}
    for entry in document.verdicts:
        counts.setdefault(entry.requirement.partition(".")[0], Counter())[entry.verdict] += 1
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
    table.add_column("chapter", footer="all", no_wrap=True)
    for verdict in Verdict:
        table.add_column(verdict, footer=_cell(document.counts[verdict], verdict), justify="right")
    for chapter, found in counts.items():
        if found:
            title = data(console, catalogue.chapters.get(chapter, chapter))
            table.add_row(title, *(_cell(found[verdict], verdict) for verdict in Verdict))
    return table


def _cell(number: int, verdict: Verdict) -> Text:
    return Text(str(number) if number else "-", style=_STYLES[verdict] if number else "dim")


def _operations(console: Console, document: Document) -> None:
    if not document.operations:
        return
    called = len(document.operations) - len(document.never_called)
    answered = len(document.operations) - len(document.unanswered) - len(document.ineligible)
    ineligible = f", {len(document.ineligible)} ineligible" if document.ineligible else ""
    known = f"{called} called, {answered} answered 2xx{ineligible}"
    say(console, f"{_many(len(document.operations), 'operation')}: {known}")
    unhelpful = document.never_succeeded
    _list(console, f"{len(unhelpful)} called and never answered 2xx:", unhelpful, "yellow")


def _differences(console: Console, document: Document) -> None:
    """What is known to differ between the databases: how much, and by name what deviates on this one only."""
    if not document.differences:
        return
    here = document.target.database
    number = Counter("/".join(difference.databases) for difference in document.differences)
    told = ", ".join(f"{count} on {databases} only" for databases, count in sorted(number.items()))
    say(console, f"deviations that differ between databases: {told}")
    for difference in [d for d in document.differences if here in d.databases][:MOST_NAMES]:
        say(console, f"  {difference.requirement} on {difference.subject}: {difference.reason}", "yellow")


def _grammar(console: Console, document: Document) -> None:
    """How much of the filter grammar is covered, and what is not; nothing where none of it was asked for."""
    grammar = document.grammar
    if not grammar.asked:
        return
    parts = []
    for thing, states in (("cell", grammar.totals.cells), ("related pair", grammar.totals.related)):
        if wanted := states[State.COVERED] + states[State.UNCOVERED]:
            parts.append(f"{states[State.COVERED]} of {_many(wanted, thing)} covered")
    say(console, f"grammar: {', '.join(parts) or 'nothing of it can be judged'}")
    for head, names in (("uncovered", grammar.uncovered), ("no meaning", grammar.unknown)):
        if names:
            more = len(names) - MOST_GAPS
            told = [*map(str, names[:MOST_GAPS]), *([f"and {more} more: see coverage.html"] if more > 0 else [])]
            say(console, f"         {head}: {', '.join(told)}", "yellow")


def _surface(console: Console, document: Document) -> None:
    """Which level of the API's coverage was reached, and what keeps it from a higher one."""
    if (found := document.api_coverage) is not None:
        short = [f"{measure.criterion} {shown(measure)}" for measure in found.criteria if not measure.whole]
        say(console, f"api:     level {found.level} of {max(LEVELS)}{'; ' if short else ''}{', '.join(short)}")


def _list(console: Console, head: str, lines: Sequence[str], style: str = "") -> None:
    if not lines:
        return
    say(console, head, style)
    for line in lines[:MOST_NAMES]:
        say(console, f"  {line}")
    if len(lines) > MOST_NAMES:
        say(console, f"  and {len(lines) - MOST_NAMES} more: see verdicts.json")


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
