"""Text searches made of the world's own texts: terms that hit, terms that must not, and each sign of the grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_WORD = re.compile(r"[a-z][a-z0-9_%-]{3,}", re.ASCII | re.IGNORECASE)
_MOST = 6
"""Texts that searches are made of."""

_LONGEST = 200
"""Characters of a search that the document allows."""


def searches(texts: Sequence[str]) -> Iterator[str]:
    """Searches for `texts`, ASCII alone: how letters beyond it are folded is no part of the grammar."""
    nobody = "nobody-has-this"
    yield ""
    yield nobody
    yield f"-{nobody}"
    chosen = [(text, words) for text in texts if text.isascii() and (words := _WORD.findall(text))]
    for text, words in chosen[:_MOST]:
        first, last = words[0], words[-1]
        other = next((word for found, _ in reversed(chosen) if found != text for word in _WORD.findall(found)), nobody)
        asked = (
            first,
            last.upper(),
            first[1:-1],
            f"{first} {other}",
            f"{nobody} {last}",
            f"-{first}",
            f"!{last}",
            f"{other} -{first}",
            f"-{first} -{other}",
            f"+{first}",
            f"+{first} +{last}",
            f"+{first} +{other}",
            f"+{first} {other} -{nobody}",
            f'"{first} {last}"',
            *_phrases(text),
        )
        yield from (search for search in asked if len(search) <= _LONGEST)


def _phrases(text: str) -> Iterator[str]:
    """A stretch of the text as it is, in quotes, and the same required and excluded."""
    middle = text[len(text) // 4 : len(text) // 4 + 24]
    quoted = '"' + middle.replace("\\", "\\\\").replace('"', '\\"') + '"'
    yield from (quoted, f"+{quoted}", f"-{quoted}", quoted.swapcase())
