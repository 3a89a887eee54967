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

from conformance.errors import ProvisioningError
from conformance.target.embedded import environment, template
from conformance.target.embedded.folder import CACHE_VARIABLE, root
from conformance.target.embedded.releases import Release

__all__ = ["CACHE_VARIABLE", "Provisioned", "cached", "new_log", "provision", "root"]

# Part of every key: raise it when the way of provisioning changes, so that nobody meets a folder of the old way.
_FORMAT = 1
_LOCK_SECONDS = 900.0
_LOG_DAYS = 7


@dataclass(frozen=True)
class Provisioned:
    """A release that is ready to be started: its interpreter, and the PREFECT_HOME to copy."""

    python: Path
    template: Path


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


def provision(release: Release, progress: Callable[[str], None]) -> Provisioned:
    """The cached environment and template of `release`, made first if they aren't there.

    Several processes may ask at once: one makes them, the others wait. They appear whole or not at all.
    Raises `ProvisioningError` if they can't be made; `OSError` if the cache folder can't be written.
    """
    if found := cached(release):
        return found
    folder = _folder(release)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder, release, progress):
        if found := cached(release):
            return found
        for leftover in (folder, *folder.parent.glob(f"{folder.name}.part-*")):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(
            prefix=f"{folder.name}.part-", dir=folder.parent, ignore_cleanup_errors=True
        ) as name:
            part = Path(name) / "release"
            part.mkdir()
            progress(f"installing prefect {release.version}")
            environment.create(release, part / "environment")
            progress("migrating a database")
            python = environment.python_of(part / "environment")
            template.create(release, python, part / "template", new_log(release))
            part.rename(folder)
    found = cached(release)
    assert found, folder
    return found


def _folder(release: Release) -> Path:
    key = hashlib.sha256(f"{_FORMAT}\n{environment.identity(release)}".encode()).hexdigest()[:12]
    return root() / "servers" / f"prefect-{release.version}-{key}"


@contextlib.contextmanager
def _locked(folder: Path, release: Release, progress: Callable[[str], None]) -> Iterator[None]:
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(f"waiting for another process that installs prefect {release.version}")
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout as error:
            raise ProvisioningError(
                f"another process has been installing prefect {release.version} for {_LOCK_SECONDS:.0f} s: "
                f"stop it, or remove {lock.lock_file}"
            ) from error
    try:
        yield
    finally:
        lock.release()
