"""Where things are kept from one run to the next."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "PREFECT_CONFORMANCE_CACHE"


def root() -> Path:
    """The cache folder: the user's, or what PREFECT_CONFORMANCE_CACHE says. It need not exist yet."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("prefect-conformance", appauthor=False)


def put(place: Path, text: str) -> None:
    """Write the file `place`, in a folder that is there: whoever reads it meanwhile sees all of it, or what was before.

    Raises OSError.
    """
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".part-") as folder:
        part = Path(folder, place.name)
        part.write_text(text, "utf-8")
        part.replace(place)
