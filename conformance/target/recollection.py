"""What a server of the suite's own said of itself: the next one of its kind says the same, and is not yet up."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from conformance.cache_folder import put
from conformance.contract import Contract, Reading
from conformance.target.discovery import Target

_FORMAT: Final = 1


class _Known(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    version: str
    csrf: bool
    document: str


def recall(place: Path, url: str) -> Target | None:
    """The target at `url`, as `remember` has kept one of its kind in the file `place`; None where there is none."""
    try:
        known = _Known.model_validate_json(place.read_bytes())
    except (OSError, ValidationError):
        return None
    if known.format != _FORMAT:
        return None
    raw = known.document.encode()
    reading = Reading(base=urlsplit(url).path, version=known.version, served=True)
    return Target(url, known.version, Contract.parse(raw, reading), raw, csrf=known.csrf)


def remember(place: Path, target: Target) -> None:
    """Keep a target in the file `place`; not one of which the user has to be told something, or of another's document.

    A place that can't be written is none.
    """
    if target.notes or target.contract.reading.hidden or not target.contract.reading.served:
        return
    with suppress(OSError, UnicodeDecodeError):
        known = _Known(format=_FORMAT, version=target.version, csrf=target.csrf, document=target.raw.decode())
        put(place, known.model_dump_json())
