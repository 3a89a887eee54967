"""The world that all mutants are judged on: seeded once, and kept with the database that it is in."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from conformance.errors import ConformanceError
from conformance.mutants.server import Mutable
from conformance.run import Run, Shared
from conformance.settings import Settings

DATABASE: Final = "prefect.db"
_SHARED, _FILES = "shared.json", "run"


def world(server: Mutable, folder: Path, progress: Callable[[str], None]) -> Shared:
    """What workbenches on the server are made of: read from `folder` where a world is kept there, or else seeded.

    Raises ConformanceError where it can't be seeded.
    """
    kept = folder / _SHARED
    if not kept.exists():
        _seed(server, folder, progress)
    return Shared.model_validate_json(kept.read_text("utf-8")).model_copy(update={"url": server.url})


def _seed(server: Mutable, folder: Path, progress: Callable[[str], None]) -> None:
    run = Run(Settings(url=server.url, exclusive=True, reports=folder), progress).open()
    run.populate()
    assert run.workbench is not None
    shared = run.workbench.shared
    trouble = run.workbench.world.population.trouble
    run.workbench.close()
    shutil.rmtree(folder / _FILES, ignore_errors=True)
    # It is nobody's business to sweep what is on this server: the note of it in the user's state is taken away.
    shutil.move(shared.folder, folder / _FILES)
    if trouble is not None:
        raise ConformanceError(f"the world can't be seeded: {trouble}")
    server.keep()
    # There is no secret in it: the server asks for none.
    text = shared.model_copy(update={"folder": folder / _FILES}).model_dump_json()
    (folder / _SHARED).write_text(text, "utf-8")
