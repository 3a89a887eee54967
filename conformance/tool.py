"""What the commands for those who work on the suite share: how they say things, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from conformance.errors import ConformanceError, ExitCode


def say(text: str) -> None:
    """Progress, on the standard error output."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command prints


def run(command: Callable[..., None]) -> None:
    """The command, with the options of the command line. What the user can mend is one line, and ends with 2."""
    try:
        typer.run(command)
    except ConformanceError as error:
        say(f"Error: {error}")
        sys.exit(ExitCode.USAGE)
