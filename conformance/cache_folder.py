"""Where things are kept from one run to the next."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "PREFECT_CONFORMANCE_CACHE"


def root() -> Path:
    """The cache folder: the user's, or what PREFECT_CONFORMANCE_CACHE says. It need not exist yet."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("prefect-conformance", appauthor=False)
