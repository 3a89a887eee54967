"""JSON that can be read in one way only."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn


def loads(raw: bytes) -> Any:
    """What JSON text says. Raises ValueError or RecursionError for what is none, or could be read in two ways."""
    return json.loads(raw, object_pairs_hook=_once, parse_constant=_no_constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once: of two, a reader may take either."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, number in Counter(key for key, _ in pairs).items() if number > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
