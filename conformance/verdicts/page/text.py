"""Text of foreign origin as the page shows it: bounded, and with nothing in it that could do more than be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conformance.verdicts.printable import printable

LINE: Final = 400
"""Characters of a name or a summary that are shown."""


@dataclass(frozen=True)
class Shown:
    """A text as it is shown. `left_out` are the characters beyond; `exact`, whether all of it stands there as it is."""

    text: str
    left_out: int
    exact: bool


def shown(text: str, most: int) -> Shown:
    """The first `most` characters of a text, made safe to show."""
    # Cut before it is looked at: what comes may be megabytes.
    head = text[:most]
    seen = printable(head)
    return Shown(seen, max(len(text) - most, 0), exact=seen == text)


def line(text: str, most: int = LINE) -> str:
    """The same on one line, which says how much it leaves out."""
    found = shown(text, most)
    one = " ".join(found.text.split())
    return f"{one}… ({found.left_out:,} more characters)" if found.left_out else one
