"""The servers that a run starts for itself: one for each worker, and one that asks for credentials."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from conformance.errors import ProvisioningError
from conformance.run.timings import Timings
from conformance.settings import Settings
from conformance.target import Access, Guarded, Redactor, Target, discover, embedded, parse_database, recollection

Progress = Callable[[str], None]

_NOWHERE: Final = "http://127.0.0.1/api"
"""Stands where one of them would be."""


class OwnServers:
    """Those of `settings`; `start` and `stop` are its two ends, and `stop` also follows a failed `start`.

    What goes wrong is a ProvisioningError, with one line for the user. `timings` get what is waited for.
    """

    def __init__(self, settings: Settings, timings: Timings, progress: Progress) -> None:
        self.release = embedded.release(settings.server) if settings.server else embedded.newest()
        self._settings = settings
        self._timings = timings
        self._progress = progress
        self._database = parse_database(settings.database)
        self._databases: embedded.Databases | None = None
        self._servers: list[embedded.EmbeddedServer] = []
        self._guarded: embedded.EmbeddedServer | None = None
        self._healthy = False
        self._recalled: embedded.Kind | None = None

    @property
    def urls(self) -> list[str]:
        """The base URL of each worker's."""
        return [server.url for server in self._servers]

    def known(self) -> Target | None:
        """What a server of them has said of itself in an earlier run, at no address; None where that is not known."""
        kind = self._kind()
        return None if kind is None else recollection.recall(kind, _NOWHERE)

    def start(self) -> None:
        """Provision the release where it is not there, and start a server for each worker; they are on their way up."""
        began = time.perf_counter()

        def say(text: str) -> None:
            if text == "starting":
                self._timings["provisioning"] = round(time.perf_counter() - began, 3)
            self._progress(f"prefect {self.release.version}: {text}")

        with self._redacted():
            self._databases = embedded.open_databases(self.release, say, self._database)
            self._servers = embedded.spawn_all(self.release, self._settings.workers, say, self._databases)
        self._timings.add("start", time.perf_counter() - began - self._timings.get("provisioning", 0.0))

    def wait(self) -> None:
        """Return when all are healthy.

        Once is enough: one that was healthy and is not any more has been lost, which the checks tell.
        """
        if not self._healthy:
            with self._timings.phase("start"), self._redacted():
                embedded.wait(self._servers)
            self._healthy = True

    def target(self, access: Access) -> Target:
        """The first of them, as a server of its kind has said before, in whichever run; or as it says when it is up.

        Raises TargetError as `discover`.
        """
        kind = self._kind()
        if kind is not None:
            with self._timings.phase("target"):
                if (known := recollection.recall(kind, self.urls[0])) is not None:
                    self._recalled = kind
                    return known
        self.wait()
        self._progress(f"reading the contract of {self.urls[0]}")
        with self._timings.phase("target"):
            found = discover(self.urls[0], access, self._settings.contract, self._settings.rate)
        if kind is not None:
            recollection.remember(kind, found)
        return found

    def differs(self, target: Target, access: Access) -> bool:
        """Whether the first server says anything else than what was recalled, which is forgotten then.

        It takes the server more than a second. Raises TargetError as `discover`.
        """
        if self._recalled is None:
            return False
        served = discover(target.url, access)
        if (served.raw, served.version) == (target.raw, target.version):
            return False
        recollection.forget(self._recalled)
        return True

    def guard(self) -> Guarded:
        """Start another one, which asks for credentials, and for CSRF tokens where its release can.

        Nobody waits for it here: it comes up while the world is seeded and the checks are collected.
        """
        credentials = f"conformance:{secrets.token_hex(16)}"
        self._guarded = embedded.spawn_guarded(self.release, credentials, self._progress, self._databases)
        return Guarded(url=self._guarded.url, credentials=credentials, basic_auth=self.release.basic_auth)

    def stop(self) -> list[str]:
        """End all of them, and give their databases back. Returns a line for each that could not be."""
        for server in (*self._servers, *([self._guarded] if self._guarded else [])):
            server.stop()
        return [] if self._databases is None else self._databases.close()

    def _kind(self) -> embedded.Kind | None:
        """By what it is known what they say; None where another document than theirs counts."""
        return None if self._settings.contract is not None else embedded.kind(self.release)

    @contextmanager
    def _redacted(self) -> Iterator[None]:
        """What goes wrong with a server may quote what that said of the connection which it was given."""
        try:
            yield
        except ProvisioningError as error:
            raise ProvisioningError(Redactor(self._database.secrets).text(str(error))) from error
