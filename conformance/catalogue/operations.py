"""The operations ledger: which operations belong to no collection, and which no run is to see succeed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.errors import ConformanceError

_FILE: Final = "operations.toml"

_Label = Annotated[str, Field(pattern=r"^[A-Z]+ /\S*$")]
"""An operation by its name in the contract: `METHOD /path`."""


class _Ineligible(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: _Label
    reason: Annotated[str, Field(pattern=r"^\S.*\.$")]


class Operations(BaseModel):
    """What the ledger's file says. A generation may lack an operation that is named here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    standalone: tuple[_Label, ...]
    entries: tuple[_Ineligible, ...] = Field(alias="ineligible")

    @cached_property
    def ineligible(self) -> Mapping[str, str]:
        """Operation -> why no run is to see it succeed."""
        return {entry.operation: entry.reason for entry in self.entries}


@cache
def load_operations() -> Operations:
    """Read the ledger's file. Raises ConformanceError for a malformed one, or an operation that stands twice."""
    try:
        text = files(__package__).joinpath(_FILE).read_text("utf-8")
        found = Operations.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConformanceError(f"catalogue file {_FILE}: {error}") from error
    named = [*found.standalone, *(entry.operation for entry in found.entries)]
    if twice := sorted({label for label in named if named.count(label) > 1}):
        raise ConformanceError(f"catalogue file {_FILE}: {twice[0]} stands twice")
    return found
