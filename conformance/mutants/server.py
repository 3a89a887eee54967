"""A real server whose source has every mutant in it, and whose database can be put back to what it was."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self

import httpx
from pydantic import PrivateAttr

from conformance.mutants import inside
from conformance.mutants.inside import switch
from conformance.mutants.inside.finder import VARIABLE
from conformance.mutants.points import PATTERN
from conformance.target import Access
from conformance.target.bounds import BoundedClient
from conformance.target.embedded import EmbeddedServer, Release
from conformance.target.embedded.cache import new_log, provision
from conformance.target.embedded.server import launch

NONE: Final = "none"
"""What the header says where only what is reached is to be noted."""

_ANSWERS = 10.0
"""Seconds within which a server that is well says what was reached."""

_TIMEOUT: Final = httpx.Timeout(30.0)
"""A mutant may keep its requests from ever being answered: that is known sooner than in a run."""


class Marked(Access):
    """Requests carry the header that switches a mutant on, while `marking` says which."""

    _marking: dict[str, str] = PrivateAttr(default_factory=dict)

    def mark(self, mutant: str | None) -> None:
        """From now on, send the header for that mutant, or none at all."""
        self._marking.clear()
        if mutant is not None:
            self._marking[switch.HEADER.decode("ascii")] = mutant

    def client(self) -> BoundedClient:
        """As of any access, with the header of the moment on each request."""
        client = super().client()
        client.timeout = _TIMEOUT

        def mark(request: httpx.Request) -> None:
            request.headers.update(self._marking)

        client.event_hooks = {"request": [mark], "response": []}
        return client


class Mutable:
    """The server of all mutants, on a copy of the database `kept`, or on an empty one where there is none yet.

    `keep` makes its database the kept one, `restore` puts that back; `restart` starts it anew where a mutant has
    brought it to its knees, at another address.
    """

    def __init__(self, release: Release, kept: Path) -> None:
        self._release = release
        provisioned = provision(release, lambda _: None)
        self.python = provisioned.python
        self._folder = Path(tempfile.mkdtemp(prefix="prefect-conformance-"))
        self._home = self._folder / "home"
        shutil.copytree(provisioned.template, self._home)
        self._kept = kept
        if kept.exists():
            shutil.copy2(kept, self._database)
        self._log = new_log(release)
        self._server = self._launch()

    def _launch(self) -> EmbeddedServer:
        folder = Path(inside.__file__).parent
        variables = {"PYTHONPATH": str(folder), VARIABLE: PATTERN, "PYTHONDONTWRITEBYTECODE": "1"}
        return launch(
            self._release, self.python, self._home, self._log, variables, patience=1800, grace=0.5, disposable=False
        )

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return self._server.url

    @property
    def _database(self) -> Path:
        return self._home / "prefect.db"

    def keep(self) -> None:
        """Note what is in the database now."""
        with closing(sqlite3.connect(self._database)) as here, closing(sqlite3.connect(self._kept)) as copy:
            here.backup(copy)

    def restore(self) -> None:
        """Put the database back to what it was, under the running server, and empty the server's caches."""
        with closing(sqlite3.connect(self._kept)) as copy, closing(sqlite3.connect(self._database, timeout=30)) as here:
            copy.backup(here)
        self._told(switch.FORGET)

    def take(self) -> set[str]:
        """The mutants that requests with the header have reached since it was last asked."""
        return set(self._told(switch.TAKE))

    def is_well(self) -> bool:
        """Whether it answers."""
        try:
            self._told(switch.TAKE)
        except httpx.HTTPError:
            return False
        return True

    def _told(self, path: str) -> list[Any]:
        # At the root: the switch stands before the application, and its paths before the API's.
        found: list[Any] = httpx.get(self.url.removesuffix("/api") + path, timeout=_ANSWERS, trust_env=False).json()
        return found

    def restart(self) -> None:
        """End it however it is, and start it on the database that was kept."""
        self._server.stop()
        for path in self._home.glob("prefect.db*"):
            path.unlink()
        shutil.copy2(self._kept, self._database)
        self._server = self._launch()

    def close(self) -> None:
        """End it; its files are gone."""
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
