"""The migrated database that every server of a release starts from a copy of."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from conformance.errors import ProvisioningError
from conformance.target.embedded.configuration import connection
from conformance.target.embedded.keeping import Keeper
from conformance.target.embedded.postgres import Cluster
from conformance.target.embedded.releases import Release
from conformance.target.embedded.server import launch

NAME = "template_of_prefect"
"""The migrated database of a cluster."""

CLUSTER = "cluster"
HOME = "home"

# A first start runs every migration: 15 to 30 s on two cores, several times that on a loaded machine.
_PATIENCE = 300.0
# Most releases close the database in good order within it; what a killed one leaves, the checkpoint brings home.
_GRACE = 5.0


def create(release: Release, python: Path, template: Path, log: Path) -> None:
    """Makes the folder `template`: a PREFECT_HOME as a first start of the server leaves it.

    A real start, not `prefect server database upgrade`: it also registers the block types, and the note that it
    has done so, just as it does for a user. Raises `ProvisioningError` if the server doesn't start.
    """
    template.mkdir()
    launch(release, python, template, log, patience=_PATIENCE, grace=_GRACE, disposable=False).stop()
    databases = list(template.glob("*.db"))
    if not databases:
        raise ProvisioningError(f"prefect {release.version} started without a database; its log is {log}")
    for database in databases:
        # Most of it is still in the write-ahead log. Bring it into the one file.
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def create_on_postgresql(release: Release, python: Path, installed: Path, folder: Path, log: Path) -> None:
    """Fills the existing `folder` with a cluster that has the migrated database `NAME`, and the PREFECT_HOME to it."""
    cluster = Cluster(installed, log)
    try:
        cluster.initialise()
        cluster.start(disposable=False)
        with Keeper(python, cluster.database, log, keep=True) as keeper:
            keeper.create(NAME)
            (folder / HOME).mkdir()
            migrate(release, python, folder / HOME, log, cluster.database.named(NAME))
        cluster.stop()
        cluster.save(folder / CLUSTER)
    finally:
        cluster.remove()


def migrate(release: Release, python: Path, home: Path, log: Path, url: str) -> None:
    """Fills the PostgreSQL database of that URL, and the existing folder `home`, by a first start of the server."""
    variables = connection(url)
    launch(release, python, home, log, variables, patience=_PATIENCE, grace=_GRACE, disposable=False).stop()


def copy(template: Path, home: Path) -> None:
    """Fills the existing folder `home` with a fresh copy."""
    shutil.copytree(template, home, dirs_exist_ok=True)
