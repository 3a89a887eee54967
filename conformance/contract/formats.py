"""The string formats of the API's schemas, as JSON Schema's own vocabulary defines them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def is_date_time(value: object) -> bool:
    """RFC 3339: a date and a time with a zone. An instant without a zone is none."""
    if not isinstance(value, str):
        return True
    if not _RFC3339.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value.upper().replace(" ", "T"))
    except ValueError:
        return False
    return True


def is_uuid(value: object) -> bool:
    """RFC 9562, in its form with hyphens."""
    if not isinstance(value, str):
        return True
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


FORMATS: MappingProxyType[str, Callable[[object], bool]] = MappingProxyType(
    {"date-time": is_date_time, "uuid": is_uuid}
)
"""Format name -> whether a value has it. Values that are not strings have every format, as the standard says."""
