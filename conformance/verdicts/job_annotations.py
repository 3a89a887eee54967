"""What a run comes to as annotations of a GitHub Actions job: workflow commands, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from conformance.verdicts.document import Document, Entry
from conformance.verdicts.model import Result, Verdict, one_line
from conformance.verdicts.printable import printable

MOST: Final = 10
"""Annotations of one kind that GitHub shows of a step; the next ones are dropped without a word."""

_LONGEST: Final = 500
"""Characters of one. An annotation says where to look, and the job's page has the rest."""


def render(document: Document) -> str:
    """At most ten errors, what failed, and ten warnings, what could not run or was wrong with the run; or nothing.

    The last of ten says how many more there are. What a server sent is data in them: a line feed would begin another
    command (docs.github.com, "Workflow commands for GitHub Actions").
    """
    failed = [_said(entry) for entry in document.verdicts if entry.verdict is Verdict.FAILED]
    stuck = [_said(entry) for entry in document.verdicts if entry.verdict is Verdict.COULD_NOT_RUN]
    errors = [(f"error of the run ({error.kind})", error.message) for error in document.errors]
    lines = [*_commands("error", failed), *_commands("warning", [*errors, *stuck])]
    if not lines and document.result is not Result.CONFORMANT:
        lines = [_command("error", f"result: {document.result}", "; ".join(document.reasons))]
    return "".join(f"{line}\n" for line in lines)


def _said(entry: Entry) -> tuple[str, str]:
    return f"{entry.requirement} ({entry.level})", f"{entry.subject}: {entry.summary}"


def _commands(kind: Literal["error", "warning"], said: list[tuple[str, str]]) -> Iterator[str]:
    shown = said if len(said) <= MOST else said[: MOST - 1]
    yield from (_command(kind, title, text) for title, text in shown)
    if len(said) > len(shown):
        yield _command(kind, "and more", f"{len(said) - len(shown)} more: see the summary of the job")


def _command(kind: Literal["error", "warning"], title: str, text: str) -> str:
    return f"::{kind} title={_property(_short(title))}::{_data(_short(text))}"


def _short(text: str) -> str:
    seen = one_line(printable(text))
    return seen if len(seen) <= _LONGEST else f"{seen[:_LONGEST]}…"


def _data(text: str) -> str:
    """As `escapeData` of actions/toolkit does it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As `escapeProperty` of actions/toolkit does it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
