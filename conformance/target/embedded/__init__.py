"""Real Prefect servers, provisioned and started by the suite itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from conformance.errors import ProvisioningError
from conformance.target.database import Database
from conformance.target.embedded import cache, configuration
from conformance.target.embedded.cache import Kind, kind
from conformance.target.embedded.databases import Databases, provide
from conformance.target.embedded.releases import Release, newest, release, supported
from conformance.target.embedded.server import EmbeddedServer, Place, spawn, wait_for_all

__all__ = [
    "Databases",
    "EmbeddedServer",
    "Kind",
    "Release",
    "interpreter",
    "kind",
    "newest",
    "open_databases",
    "release",
    "spawn_all",
    "spawn_guarded",
    "start",
    "supported",
    "wait",
]

# A warm start takes about 7 s on two idle cores; several at once on a loaded machine take minutes.
_PATIENCE = 180.0
# Nothing of a run's server is worth an orderly end.
_GRACE = 0.5


def open_databases(release: Release, progress: Callable[[str], None], database: Database | None = None) -> Databases:
    """The databases for servers of `release`, as many as are asked for: SQLite's, or those of `database`.

    Provisions the release first if it isn't in the cache, which takes a minute or so and a network. `progress`
    gets a few words before each step. They last until `close`, or as long as this process. Raises
    `ProvisioningError`, with one line, if that can't be done.
    """
    if os.name != "posix":
        raise ProvisioningError("servers can only be provisioned on Linux and macOS: start one and give its --url")
    try:
        return provide(release, database or Database(), progress)
    except OSError as error:
        raise _unwritable(error) from error


def start(release: Release, progress: Callable[[str], None]) -> EmbeddedServer:
    """One server on SQLite, as of `spawn_all`, that is healthy. Raises `ProvisioningError` where it doesn't start."""
    servers = spawn_all(release, 1, progress)
    wait(servers)
    return servers[0]


def wait(servers: Sequence[EmbeddedServer]) -> None:
    """Returns when all are healthy. Raises `ProvisioningError` where one doesn't start; then none is left."""
    wait_for_all(servers, _PATIENCE)


def spawn_all(
    release: Release, number: int, progress: Callable[[str], None], databases: Databases | None = None
) -> list[EmbeddedServer]:
    """Servers of `release`, each with an empty database: nobody else's, gone when this process is.

    They are on their way up and not yet healthy: see `wait`. `databases` are open ones; without them it is SQLite.
    Raises as `open_databases`.
    """
    databases = databases or open_databases(release, progress)
    try:
        python = cache.provision(release, progress).python
        logs = [cache.new_log(release) for _ in range(number)]
    except OSError as error:
        raise _unwritable(error) from error
    try:
        with contextlib.ExitStack() as undone:
            places = []
            for log in logs:
                home = Path(tempfile.mkdtemp(prefix="prefect-conformance-"))
                undone.callback(shutil.rmtree, home, ignore_errors=True)  # the supervisor does it, once there is one
                places.append(Place(home, log, databases.place(home)))
            progress("starting")
            servers = []
            for place in places:
                server = spawn(release, python, place, grace=_GRACE)
                undone.callback(server.stop)
                servers.append(server)
            undone.pop_all()
            return servers
    except OSError as error:
        raise ProvisioningError(
            f"can't start prefect {release.version} in {tempfile.gettempdir()}: {error.strerror or error}; "
            "free some space there or set TMPDIR to another folder"
        ) from error


def interpreter(release: Release, progress: Callable[[str], None]) -> Path:
    """The Python of the release's environment, which has Prefect's SDK as well. Provisions it as `spawn_all` does.

    Raises `ProvisioningError` if that can't be done, and `OSError` if the cache folder can't be written.
    """
    if os.name != "posix":
        raise ProvisioningError("Prefect can only be provisioned on Linux and macOS")
    return cache.provision(release, progress).python


def spawn_guarded(
    release: Release, credentials: str, progress: Callable[[str], None], databases: Databases | None = None
) -> EmbeddedServer:
    """A server that asks for `credentials` (`user:password`) and CSRF tokens, as far as its release can.

    It is on its way up and not yet healthy: who needs it waits. Raises `ProvisioningError` where it can't be started.
    """
    databases = databases or open_databases(release, progress)
    try:
        python = cache.provision(release, progress).python
        log = cache.new_log(release)
        home = Path(tempfile.mkdtemp(prefix="prefect-conformance-"))
        try:
            place = Place(home, log, databases.place(home) | configuration.guarded(credentials))
            return spawn(release, python, place, grace=_GRACE)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)  # the supervisor does it, once there is one
            raise
    except OSError as error:
        raise ProvisioningError(f"can't start another prefect {release.version}: {error.strerror or error}") from error


def _unwritable(error: OSError) -> ProvisioningError:
    return ProvisioningError(
        f"can't write to the cache folder {cache.root()}: {error.strerror or error}; "
        f"make it writable or set {cache.CACHE_VARIABLE} to a folder that is"
    )
