"""The conditions that hold for every requirement."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_FILE: Final = "conditions.toml"


@cache
def load_conditions() -> Mapping[str, str]:
    """Key -> sentence, as in a requirement's own `conditions`."""
    found: Mapping[str, str] = tomllib.loads(files(__package__).joinpath(_FILE).read_text("utf-8"))
    return found
