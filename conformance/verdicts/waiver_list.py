"""Waivers as a table on the terminal: what is accepted, for which releases, since and until when, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.table import Column, Table

from conformance.verdicts.console import data, say
from conformance.verdicts.waivers import Waiver


def show(console: Console, waivers: Sequence[Waiver], today: date) -> None:
    """Print a line for each, the oldest first, and how many they are. `today` is what their age is counted to."""
    if not waivers:
        say(console, "no waiver")
        return
    table = Table(
        Column("requirement", no_wrap=True),
        "subject",
        "holds for",
        Column("since", no_wrap=True),
        Column("days", justify="right"),
        Column("expires", no_wrap=True),
        box=None,
        pad_edge=False,
    )
    linked = any(waiver.link for waiver in waivers)
    if linked:
        table.add_column("link", overflow="fold")
    for waiver in sorted(waivers, key=lambda w: (w.since or date.min, w.requirement, w.subject, w.versions)):
        table.add_row(
            data(console, waiver.requirement),
            data(console, waiver.subject),
            data(console, _holds_for(waiver)),
            str(waiver.since or "unknown"),
            "" if waiver.since is None else str((today - waiver.since).days),
            str(waiver.expires or "never"),
            *([data(console, waiver.link or "")] if linked else []),
        )
    console.print(table)
    expiring = sum(waiver.expires is not None for waiver in waivers)
    of_them = f", {expiring} of which expire{'s' if expiring == 1 else ''}" if expiring else ""
    say(console, f"{len(waivers)} waiver{'' if len(waivers) == 1 else 's'}{of_them}")


def _holds_for(waiver: Waiver) -> str:
    on = f" on {', '.join(waiver.databases)}" if waiver.databases else ""
    return f"{', '.join(waiver.versions) or 'every release'}{on}"
