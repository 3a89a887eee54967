"""The databases of a run's servers: an empty one each, on SQLite or on PostgreSQL."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from conformance.settings import Dialect
from conformance.target.database import Database
from conformance.target.embedded import cache, template
from conformance.target.embedded.configuration import connection
from conformance.target.embedded.keeping import Keeper
from conformance.target.embedded.postgres import Cluster
from conformance.target.embedded.releases import Release


class Databases(Protocol):
    """Gives each server a database of its own, as a first start leaves it."""

    def place(self, home: Path) -> dict[str, str]:
        """Fill the existing folder `home`, and return the variables that put a server on its database."""

    def close(self) -> list[str]:
        """Give back what was taken, once the servers are gone. Returns a line for what could not be."""


class Sqlite:
    """Each in a file of its home."""

    def __init__(self, made: Path) -> None:
        """Take the PREFECT_HOME to copy."""
        self._template = made

    def place(self, home: Path) -> dict[str, str]:
        """A copy of the template."""
        template.copy(self._template, home)
        return {}

    def close(self) -> list[str]:
        """It is gone with the home."""
        return []


class Private:
    """All in a PostgreSQL of the run's own, which goes with it."""

    def __init__(self, release: Release, python: Path, progress: Callable[[str], None]) -> None:
        made = cache.migrated(release, progress)
        log = cache.new_log(release)
        self._home = made.home
        self._number = 0
        self._cluster = Cluster(cache.postgresql(progress), log)
        try:
            progress("starting PostgreSQL")
            self._cluster.restore(made.cluster)
            self._cluster.start()
            self._keeper = Keeper(python, self._cluster.database, log, keep=True)
        except BaseException:
            self._cluster.remove()
            raise

    def place(self, home: Path) -> dict[str, str]:
        """A database copied from the cluster's template."""
        self._number += 1
        url = self._keeper.create(f"prefect_{self._number}", template.NAME)
        template.copy(self._home, home)
        return connection(url)

    def close(self) -> list[str]:
        """The whole PostgreSQL is removed."""
        self._keeper.close()
        self._cluster.remove()
        return []


class Given:
    """In a PostgreSQL that is somebody's: databases with names of the run's own, dropped at its end.

    The database that the URL names is only connected to: what is in it is neither read nor changed. Prefect is
    migrated in one of ours, of which the others are copies.
    """

    def __init__(self, release: Release, python: Path, database: Database, progress: Callable[[str], None]) -> None:
        log = cache.new_log(release)
        self._name = f"prefect_conformance_{secrets.token_hex(4)}"
        self._number = 0
        self._home = Path(tempfile.mkdtemp(prefix="prefect-conformance-"))
        try:
            self._keeper = Keeper(python, database, log, keep=False)
            try:
                progress("migrating a PostgreSQL database")
                url = self._keeper.create(self._name)
                template.migrate(release, python, self._home, log, url)
            except BaseException:
                self._keeper.close()
                raise
        except BaseException:
            shutil.rmtree(self._home, ignore_errors=True)
            raise

    def place(self, home: Path) -> dict[str, str]:
        """A database copied from the migrated one."""
        self._number += 1
        url = self._keeper.create(f"{self._name}_{self._number}", self._name)
        template.copy(self._home, home)
        return connection(url)

    def close(self) -> list[str]:
        """All of them are dropped."""
        shutil.rmtree(self._home, ignore_errors=True)
        return self._keeper.close()


def provide(release: Release, database: Database, progress: Callable[[str], None]) -> Databases:
    """The databases that `database` asks for. Provisions what they need first; raises ProvisioningError, OSError."""
    provisioned = cache.provision(release, progress)
    if database.dialect is Dialect.SQLITE:
        return Sqlite(provisioned.template)
    if database.url is None:
        return Private(release, provisioned.python, progress)
    return Given(release, provisioned.python, database, progress)
