"""Text of the catalogue and the waivers in Markdown that people read as it is, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CODE = re.compile(r"(`[^`]*`)")
# An underscore within or after a word is no mark.
_MARKS = re.compile(r"[*<>&\[\]\\]|(?<!\w)_+")


def prose(text: str) -> str:
    """`text` on one line. What is between backticks is code in it already; nothing else in it is Markdown."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(part if _CODE.fullmatch(part) else _MARKS.sub(_escaped, part) for part in parts)


def _escaped(marks: re.Match[str]) -> str:
    return "".join(f"\\{mark}" for mark in marks[0])


def code(text: str) -> str:
    """`text` as code, whatever backticks it has."""
    seen = " ".join(text.split())
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", seen)), default=0))
    space = " " if "`" in seen else ""
    return f"{ticks}{space}{seen}{space}{ticks}"


def fenced(text: str, language: str) -> Iterator[str]:
    """The lines of `text` as a block of code."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    yield f"{fence}{language}"
    yield from text.strip("\n").splitlines()
    yield fence
