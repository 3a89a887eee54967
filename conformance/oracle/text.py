"""Text search: what the query of a `text` criterion asks of a text.

The OpenAPI document has examples only (`error -debug`, `"connection timeout"`, `+required -excluded`). The rules are
those that the release which brought the search states for it:

- terms apart by space: one of them is enough; `-term` and `!term` exclude; `+term` is required
- `"a phrase"` is one term, in which a backslash makes a quote or a backslash ordinary; an open quote closes at the end
- a sign before a space, or at the end, is no term
- a term stands anywhere in the text, upper and lower case alike
"""

from __future__ import annotations

import re
from typing import Any

_TERM = re.compile(
    r"""(?! [-!+] (?: \s | \Z ) )                       # a sign alone is not a term
        (?P<sign> [-!+] )?
        (?: " (?P<phrase> (?: \\. | [^"\\] )* \\? ) "?  # up to the closing quote, or to the end
          | (?P<word> [^\s"]+ ) )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r'\\(["\\])')


def query(value: Any, text: str) -> bool:
    """Whether the text `value` satisfies the search `text`. A search without terms is no restriction."""
    if value is None:
        return False
    terms: dict[str, list[str]] = {"": [], "-": [], "+": []}
    for found in _TERM.finditer(text):
        term = found["word"] or _ESCAPED.sub(r"\1", found["phrase"] or "")
        if term.strip():
            terms[(found["sign"] or "").replace("!", "-")].append(term.lower())
    lower = value.lower()
    present = {sign: [term in lower for term in wanted] for sign, wanted in terms.items()}
    return (any(present[""]) or not present[""]) and all(present["+"]) and not any(present["-"])
