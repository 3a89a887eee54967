"""Text of foreign origin in Markdown that holds HTML, as the pages of CI systems render it."""

from __future__ import annotations

import re

from conformance.verdicts.model import one_line
from conformance.verdicts.printable import printable

# A point ends `www.`, of which some hosts make a link.
_SPECIAL = re.compile(r"[^A-Za-z0-9 .,/(){}=\x80-\U0010ffff-]|(?<=[Ww])\.")


def literal(text: str) -> str:
    """`text` on one line, as itself: every character that Markdown, HTML or a host's own syntax could read is a number.

    A character reference is text and never markup (CommonMark, "Entity and numeric character references").
    """
    return _SPECIAL.sub(_reference, one_line(printable(text)))


def code(text: str) -> str:
    """`literal`, set as code: a host makes no link of a name, an address or a number that stands there."""
    return f"<code>{literal(text) or ' '}</code>"


def block(text: str) -> str:
    """`text` with its lines, as they are, to stand between empty lines.

    What begins with `<pre>` ends with `</pre>` and nothing else (CommonMark, "HTML blocks").
    """
    return f"<pre>{re.sub('[&<>]', _reference, printable(text).strip(chr(10)))}</pre>"


def _reference(sign: re.Match[str]) -> str:
    return f"&#{ord(sign[0])};"
