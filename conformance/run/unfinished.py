"""Runs whose objects may still be on a server: kept in the user's state folder until they are removed."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import platformdirs
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from conformance.errors import ConformanceError
from conformance.world import CreatedLedger, Inventory

STATE_VARIABLE: Final = "PREFECT_CONFORMANCE_STATE"

_ABOUT, _BEFORE, _LOCK = "run.json", "before.json", "lock"


class About(BaseModel):
    """What is known of a run: its prefix is its id. `url` is without credentials."""

    model_config = ConfigDict(frozen=True)

    prefix: str
    url: str
    started: datetime


@dataclass(frozen=True)
class Unfinished:
    """The folder of a run on a server that is not its own.

    It has the ledger of created objects, the document that the target served, and what was on it before.
    """

    folder: Path
    about: About

    @property
    def ledger(self) -> CreatedLedger:
        """What the run created."""
        return CreatedLedger(created(self.folder))

    def before(self) -> Inventory | None:
        """What was on the target when the run began; None for a run that had it to itself."""
        return before(self.folder)

    def close(self) -> None:
        """Everything is removed: nobody needs the folder any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def lock(self) -> FileLock:
        """Take hold of it. Raises ConformanceError while the run itself, or another sweep, has it."""
        lock = FileLock(self.folder / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ConformanceError(
                f"{self.about.prefix} is under way, or is being swept; wait until it has ended"
            ) from error
        return lock


def root() -> Path:
    """The state folder: the user's, or what PREFECT_CONFORMANCE_STATE says. It need not exist yet."""
    chosen = os.environ.get(STATE_VARIABLE)
    return (
        Path(chosen).expanduser().absolute()
        if chosen
        else platformdirs.user_state_path("prefect-conformance", appauthor=False)
    )


def created(folder: Path) -> Path:
    """The ledger of created objects in the folder of a run."""
    return folder / "created.jsonl"


def before(folder: Path) -> Inventory | None:
    """What was on the target when the run of that folder began, if that was noted."""
    path = folder / _BEFORE
    return Inventory.model_validate(json.loads(path.read_text("utf-8"))) if path.exists() else None


def remember(folder: Path, found: Inventory) -> None:
    """Note what is on the target before anything is created there."""
    # An id may be anything, half a surrogate pair too.
    _write(folder / _BEFORE, json.dumps(found.model_dump(), default=sorted))


def begin(about: About) -> Unfinished:
    """The folder of a new run. Raises ConformanceError where there can be none."""
    folder = root() / "runs" / about.prefix
    try:
        folder.mkdir(parents=True, mode=0o700)
        _write(folder / _ABOUT, about.model_dump_json())
    except OSError as error:
        raise ConformanceError(
            f"can't note in {folder} what the run creates: {error.strerror or error}; "
            f"name another folder in {STATE_VARIABLE}"
        ) from error
    return Unfinished(folder, about)


def find() -> Iterator[Unfinished]:
    """Every run that has not been cleaned up, the oldest first; those under way are among them."""
    found = []
    for path in (root() / "runs").glob(f"*/{_ABOUT}"):
        # One that ended while it was being made has created nothing.
        with suppress(OSError, ValidationError):
            found.append(Unfinished(path.parent, About.model_validate_json(path.read_text("utf-8"))))
    yield from sorted(found, key=lambda each: each.about.started)


def named(id_: str) -> Unfinished:
    """The run of that id. Raises ConformanceError for one that never was, or has been cleaned up."""
    if re.fullmatch(r"[a-z0-9-]+", id_):
        for each in find():
            if each.about.prefix == id_:
                return each
    raise ConformanceError(
        f"there is no unfinished run {id_!r}: it never was, or what it created is removed; "
        "`prefect-conformance sweep` lists those that there are"
    )


def _write(path: Path, text: str) -> None:
    """Write a file that survives even a machine that loses its power."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
