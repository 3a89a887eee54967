"""What a server of the suite's own said of itself: the next one of its kind says the same, and is not yet up."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from conformance.cache_folder import put
from conformance.contract import Contract, DocumentError, Reading
from conformance.target import discovery
from conformance.target.discovery import Target
from conformance.target.embedded import Kind

_READERS: Final = (Path(__file__), Path(discovery.__file__))
"""The modules that decide what is made of the answers."""


class _Known(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    version: str
    csrf: bool
    document: str


def recall(kind: Kind, url: str) -> Target | None:
    """The target at `url`, as `remember` has kept one of its kind; None where none is kept."""
    try:
        known = _Known.model_validate_json(kind.place.read_bytes())
        if known.key != _key(kind):
            return None
        raw = known.document.encode()
        found = Contract.parse(raw, Reading(base=urlsplit(url).path, version=known.version, served=True))
    except (OSError, ValidationError, DocumentError):
        return None
    return Target(url, known.version, found, raw, csrf=known.csrf)


def remember(kind: Kind, target: Target) -> None:
    """Keep a target; not one of which the user has to be told something, nor one that is judged by another's document.

    A place that can't be written is none.
    """
    if target.notes or target.contract.reading.hidden or not target.contract.reading.served:
        return
    with suppress(OSError, UnicodeDecodeError):
        known = _Known(key=_key(kind), version=target.version, csrf=target.csrf, document=target.raw.decode())
        put(kind.place, known.model_dump_json())


def forget(kind: Kind) -> None:
    """What is kept is not true any more."""
    with suppress(OSError):
        kind.place.unlink()


def _key(kind: Kind) -> str:
    digest = hashlib.sha256(kind.key.encode())
    for module in _READERS:
        digest.update(module.read_bytes())
    return digest.hexdigest()
