"""Text of foreign origin, made safe to show: on a terminal, in XML, in a log."""

from __future__ import annotations

import re

# CSI and OSC sequences and the two-character escapes of ECMA-48; then whatever XML 1.0 has no place for.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Marks that reorder the text around them, so that a line could read as what it is not.
_REORDERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """`text` without terminal sequences, and with U+FFFD for each character that could do more than be seen.

    Line feeds and tabs stay; a carriage return with its line feed becomes a line feed.
    """
    seen = _ANSI.sub("", text.replace("\r\n", "\n"))
    return _REORDERING.sub("\N{REPLACEMENT CHARACTER}", _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", seen))
