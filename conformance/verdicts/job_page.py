"""What the page of a CI job says of a run: a verdicts document as Markdown, within the bounds that hosts set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from conformance.catalogue import Catalogue
from conformance.verdicts.document import Document, Entry
from conformance.verdicts.markdown import block, code, literal
from conformance.verdicts.model import Verdict
from conformance.verdicts.terminal import rerun

LARGEST: Final = 1_000_000
"""Bytes of the whole. GitHub refuses a step's summary of more than 1 MiB (docs.github.com, "Workflow commands")."""

_LONGEST: Final = 8_000
"""Characters of one failure's details; the whole is in `verdicts.json`."""

_MOST_LINES: Final = 50
"""Lines of one list."""


def render(document: Document, catalogue: Catalogue, most: int = LARGEST) -> str:
    """The result and its reasons, the target, the chapters by verdicts, what failed, could not run and was in error.

    What a server sent is text in it, and nothing else. At most `most` bytes in UTF-8: of failures beyond them, a line
    each, and of those beyond that, how many there are. `most` has to leave room for the tables (some 10 kB).
    """
    head = "\n".join(_head(document, catalogue))
    tail = "\n".join(_tail(document))
    # Room for the line that says how many are not shown.
    room = most - _size(head) - _size(tail) - 200
    return "\n".join([head, *_failures(document, catalogue, room), tail])


def _head(document: Document, catalogue: Catalogue) -> Iterator[str]:
    yield f"## Prefect REST API conformance: {document.result}"
    yield ""
    yield from (f"- {literal(reason)}" for reason in document.reasons)
    target = document.target
    about = [code(target.url)] if target.url else []
    if target.version:
        about.append(f"{literal(target.server or 'server')} {code(target.version)}")
    if target.database:
        about.append(f"on {target.database}")
    checks = sum(document.counts.values())
    yield ""
    yield f"{', '.join(about)}{': ' if about else ''}{checks} checks in {document.run.seconds:.0f} s, "
    yield f"seed {document.run.seed}, suite {literal(document.suite.version)}."
    yield ""
    yield f"| chapter | {' | '.join(Verdict)} |"
    yield f"|---|{'---:|' * len(Verdict)}"
    counts: dict[str, Counter[Verdict]] = {}
    for entry in document.verdicts:
        counts.setdefault(entry.requirement.partition(".")[0], Counter())[entry.verdict] += 1
    for chapter, found in counts.items():
        yield f"| {literal(catalogue.chapters.get(chapter, chapter))} | {_cells(found)} |"
    yield f"| all | {_cells(document.counts)} |"
    yield ""


def _cells(counts: Mapping[Verdict, int]) -> str:
    return " | ".join(str(counts.get(verdict, 0) or "-") for verdict in Verdict)


def _failures(document: Document, catalogue: Catalogue, room: int) -> Iterator[str]:
    failed = [entry for entry in document.verdicts if entry.verdict is Verdict.FAILED]
    if not failed:
        return
    yield f"### Failed ({len(failed)})"
    yield ""
    # The first ones whole, then a line each, as far as they fit.
    lines = [_line(entry) for entry in failed]
    spared = sum(map(_size, lines))
    whole: str | None = ""
    for number, (entry, line) in enumerate(zip(failed, lines, strict=True)):
        spared -= _size(line)
        if whole is not None:
            whole = _whole(entry, catalogue)
            if room - _size(whole) >= spared:
                room -= _size(whole)
                yield whole
                continue
            whole = None
        room -= _size(line)
        if room < 0:
            yield f"\n… and {len(failed) - number} more failed: see `junit.xml`."
            return
        yield line
    yield ""


def _line(entry: Entry) -> str:
    return f"- {_named(entry)}"


def _named(entry: Entry) -> str:
    return f"{literal(entry.requirement)} ({entry.level}) on {code(entry.subject)}: {code(entry.summary)}"


def _whole(entry: Entry, catalogue: Catalogue) -> str:
    rule = catalogue.get(entry.requirement)
    details = entry.details if len(entry.details) <= _LONGEST else f"{entry.details[:_LONGEST]}…"
    return "\n".join(
        [
            f"<details><summary>{_named(entry)}</summary>",
            "",
            *([f"{literal(rule.text)}", ""] if rule else []),
            *([block(details), ""] if details else []),
            block(rerun(entry)),
            "",
            "</details>",
            "",
        ]
    )


def _tail(document: Document) -> Iterator[str]:
    stuck = [_named(entry) for entry in document.verdicts if entry.verdict is Verdict.COULD_NOT_RUN]
    yield from _list(f"Could not run ({len(stuck)})", stuck)
    errors = [f"{error.kind}: {code(error.message)}" for error in document.errors]
    yield from _list(f"Errors of the run itself ({len(errors)})", errors)


def _list(head: str, lines: Sequence[str]) -> Iterator[str]:
    if not lines:
        return
    yield f"### {head}"
    yield ""
    # A line may quote a whole answer.
    yield from (f"- {line if _size(line) <= _LONGEST else literal(line[:200]) + '…'}" for line in lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield f"- … and {len(lines) - _MOST_LINES} more: see `verdicts.json`."
    yield ""


def _size(text: str) -> int:
    """What it takes in the file, with the line feed after it."""
    return len(text.encode()) + 1
