"""What became of each mutant of a sample, kept a line each, so that a sample can be gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class Fate(StrEnum):
    """What the checks made of a mutant."""

    UNREACHED = "unreached"
    """No request of a check comes by it."""
    KILLED = "killed"
    """A check that holds without it fails with it."""
    STOPPED = "stopped"
    """No check fails, but one could not be decided: the server did not answer, and the run is incomplete."""
    SURVIVED = "survived"


class Outcome(BaseModel):
    """One mutant. `ran` of the `reaching` checks were run.

    `requirement`, `subject` and `summary` are of the one that told.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    fate: Fate
    reaching: int
    ran: int
    seconds: float
    requirement: str = ""
    subject: str = ""
    summary: str = ""
    unsteady: tuple[str, ...] = ()
    """Checks that failed with the mutant, and then without it as well: they told nothing."""


class Compared(BaseModel):
    """What a plain Schemathesis run made of a mutant: `new` are failures that it did not have without it.

    Of the `operations` whose requests reach it, `ran` were run.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    fate: Fate
    operations: int
    ran: int
    calls: int
    seconds: float
    new: tuple[str, ...] = ()


def read(path: Path) -> dict[str, Outcome]:
    """What was found so far, by mutant. Of a line that was not finished, nothing."""
    return {found.id: found for found in map(Outcome.model_validate_json, lines(path))}


def read_compared(path: Path) -> dict[str, Compared]:
    """The same of the comparison."""
    return {found.id: found for found in map(Compared.model_validate_json, lines(path))}


def add(path: Path, found: BaseModel) -> None:
    """Keep one more, in place of a line that was not finished."""
    with path.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(f"{found.model_dump_json()}\n".encode())


def lines(path: Path) -> Iterator[str]:
    """The lines of what was kept; of one that was not finished, nothing."""
    if path.exists():
        yield from (line for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n"))
