"""Real Prefect servers, provisioned and started by the suite itself."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from conformance.errors import ProvisioningError
from conformance.target.embedded import cache, configuration, template
from conformance.target.embedded.releases import Release, newest, release, supported
from conformance.target.embedded.server import EmbeddedServer, launch_all, spawn

__all__ = [
    "EmbeddedServer",
    "Release",
    "interpreter",
    "newest",
    "release",
    "spawn_guarded",
    "start",
    "start_all",
    "supported",
]

# A warm start takes about 7 s on two idle cores; several at once on a loaded machine take minutes.
_PATIENCE = 180.0
# Nothing of a run's server is worth an orderly end.
_GRACE = 0.5


def start(release: Release, progress: Callable[[str], None]) -> EmbeddedServer:
    """One server: `start_all` of one."""
    return start_all(release, 1, progress)[0]


def start_all(release: Release, number: int, progress: Callable[[str], None]) -> list[EmbeddedServer]:
    """Fresh, healthy servers of `release`, each with an empty database: nobody else's, gone when this process is.

    Provisions the release first if it isn't in the cache, which takes a minute or so and a network. `progress`
    gets a few words before each step. Raises `ProvisioningError`, with one line, if that can't be done.
    """
    if os.name != "posix":
        raise ProvisioningError("servers can only be provisioned on Linux and macOS: start one and give its --url")
    try:
        provisioned = cache.provision(release, progress)
        logs = [cache.new_log(release) for _ in range(number)]
    except OSError as error:
        raise ProvisioningError(
            f"can't write to the cache folder {cache.root()}: {error.strerror or error}; "
            f"make it writable or set {cache.CACHE_VARIABLE} to a folder that is"
        ) from error
    homes: list[Path] = []
    try:
        try:
            for _ in range(number):
                homes.append(Path(tempfile.mkdtemp(prefix="prefect-conformance-")))
                template.copy(provisioned.template, homes[-1])
            progress("starting")
            places = list(zip(homes, logs, strict=True))
            return launch_all(release, provisioned.python, places, patience=_PATIENCE, grace=_GRACE, disposable=True)
        except BaseException:
            for home in homes:
                shutil.rmtree(home, ignore_errors=True)  # the supervisor does it, once there is one
            raise
    except OSError as error:
        raise ProvisioningError(
            f"can't start prefect {release.version} in {tempfile.gettempdir()}: {error.strerror or error}; "
            "free some space there or set TMPDIR to another folder"
        ) from error


def interpreter(release: Release, progress: Callable[[str], None]) -> Path:
    """The Python of the release's environment, which has Prefect's SDK as well. Provisions it as `start_all` does.

    Raises `ProvisioningError` if that can't be done, and `OSError` if the cache folder can't be written.
    """
    if os.name != "posix":
        raise ProvisioningError("Prefect can only be provisioned on Linux and macOS")
    return cache.provision(release, progress).python


def spawn_guarded(release: Release, credentials: str, progress: Callable[[str], None]) -> EmbeddedServer:
    """A server that asks for `credentials` (`user:password`) and CSRF tokens, as far as its release can.

    It is on its way up and not yet healthy: who needs it waits. Raises `ProvisioningError` where it can't be started.
    """
    try:
        provisioned = cache.provision(release, progress)
        log = cache.new_log(release)
        home = Path(tempfile.mkdtemp(prefix="prefect-conformance-"))
        template.copy(provisioned.template, home)
        return spawn(release, provisioned.python, home, log, configuration.guarded(credentials), grace=_GRACE)
    except OSError as error:
        raise ProvisioningError(f"can't start another prefect {release.version}: {error.strerror or error}") from error
