"""Text on a terminal, as data: what a server sent is shown and never obeyed."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text

from conformance.verdicts.printable import printable


def stdout() -> Console:
    """The console of this process. A log has no width of its own: there, tables get what they need."""
    width = None if sys.stdout.isatty() else 120
    return Console(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def data(console: Console, text: str, style: str = "") -> Text:
    """`text` for this console: no markup, no terminal sequences, no character that its encoding lacks."""
    seen = printable(text)
    if "utf" not in console.encoding:
        seen = seen.encode(console.encoding, "replace").decode(console.encoding)
    return Text(seen, style=style)


def say(console: Console, text: str, style: str = "") -> None:
    """Print lines as they are: the terminal wraps them, so that a command can still be copied whole."""
    console.print(data(console, text, style), soft_wrap=True)
