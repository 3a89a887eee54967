"""What is known of the mutants that survive: why each of them does."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from conformance.errors import ConformanceError
from conformance.mutants.points import Mutant

FILE = Path(__file__).with_name("survivors.toml")


class Kind(StrEnum):
    """Why a mutant is not seen."""

    EQUIVALENT = "equivalent"
    """No answer of the server differs by it."""
    UNPROMISED = "unpromised"
    """Answers differ in what no rule promises, or what no client can wait for."""
    UNSEEN = "unseen"
    """An answer differs, and no check looks there: one is missing."""


class Reason(BaseModel):
    """One survivor. `after` is what stands in the source with the mutant: it tells that the number still means it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    after: str
    kind: Kind
    reason: Annotated[str, Field(min_length=1)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    survivor: tuple[Reason, ...] = ()


def reasons(mutants: Mapping[str, Mutant], path: Path = FILE) -> dict[str, Reason]:
    """By mutant. Raises ConformanceError for a file that is wrong, or an entry that means another mutant."""
    try:
        listed = _File.model_validate(tomllib.loads(path.read_text("utf-8"))).survivor
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConformanceError(f"{path.name} is malformed: {' '.join(str(error).split())[:300]}") from error
    for one in listed:
        if one.id not in mutants or mutants[one.id].point.text != one.after:
            raise ConformanceError(f"{path.name}: {one.id} is no mutant that has {one.after!r} in its place")
    return {one.id: one for one in listed}
