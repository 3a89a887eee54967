"""The reports folder of a run: one run at a time writes there, and what an earlier one left is never taken for its own.

While a run is under way, what lies there is whole and of the earlier run: what the checks write for Allure goes to a
folder of its own first, and nothing is replaced before there are verdicts. A run that was killed leaves a note, by
which who reads the folder is told.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from conformance.errors import ConformanceError

PAGES: Final = ("index.html", "catalogue.html", "coverage.html", "api-coverage.html")
"""What `conformance.run.reports.pages` writes."""

_UNDER_WAY, _LOCK, _NOTE, _RESULTS = ".under-way", "lock", "begun", "allure-results"
_CERTIFICATE: Final = ("certificate.json", "badge.json", "badge.svg")
_BY_FILE: Final = ("junit.xml", "contract.json", *PAGES)
_EARLIER: Final = "earlier"


class FolderError(ConformanceError):
    """A reports folder is another run's for now, or has what none has finished."""


class Claim:
    """A reports folder that is this process's until `release`."""

    def __init__(self, folder: Path) -> None:
        """Take it, and throw away what a run that was killed has left unfinished.

        Raises FolderError while another run has it, or where nothing can be written.
        """
        self.folder = folder
        try:
            self._lock = _taken(folder)
            shutil.rmtree(unfinished_results(folder), ignore_errors=True)
            unfinished_results(folder).mkdir(exist_ok=True)
        except Timeout as error:
            raise FolderError(
                f"{folder}: another run is under way there; wait until it has ended, or name another folder "
                "with --reports"
            ) from error
        except OSError as error:
            raise FolderError(
                f"can't write reports to {folder}: {error.strerror or error}; name another folder with --reports"
            ) from error

    def begin(self, started: datetime) -> None:
        """Note that a run has begun."""
        (self.folder / _UNDER_WAY / _NOTE).write_text(f"{started.isoformat(timespec='seconds')}\n", "utf-8")

    def release(self, *, whole: bool) -> None:
        """Let others have it. `whole`: nothing of the run is left to be written."""
        if whole:
            (self.folder / _UNDER_WAY / _NOTE).unlink(missing_ok=True)
            shutil.rmtree(unfinished_results(self.folder), ignore_errors=True)
        self._lock.release()


def unfinished_results(folder: Path) -> Path:
    """Where the checks of a run that is under way write for Allure; `make_room` puts them into their place."""
    return folder / _UNDER_WAY / _RESULTS


def require_whole(folder: Path) -> None:
    """Raise FolderError unless the last run that began in `folder` has written all its reports."""
    note = folder / _UNDER_WAY / _NOTE
    try:
        begun = " ".join(note.read_text("utf-8", "replace").split())[:40]
    except OSError:
        return
    try:
        _taken(folder).release()
    except Timeout as error:
        raise FolderError(f"{folder}: a run is under way there, begun at {begun}; wait until it has ended") from error
    except OSError:
        pass  # a copy that nobody may write to: nothing is under way in it
    raise FolderError(
        f"{folder}: a run begun there at {begun} was killed before its reports were whole, and what lies there is of "
        "an earlier one, if anything; run again, or name the verdicts.json itself to read it all the same"
    )


def put_certified_aside(folder: Path) -> Path | None:
    """Move a certificate, with all the reports that it is of, into a folder beside them; None where there is none.

    Another run may write where they were: whoever was certified keeps the evidence.
    """
    certificate = folder / _CERTIFICATE[0]
    if not certificate.is_file():
        return None
    at = datetime.fromtimestamp(certificate.stat().st_mtime, UTC)
    name = f"{at:%Y-%m-%dT%H-%M-%SZ}"
    to, number = folder / _EARLIER / name, 1
    while to.exists():
        number += 1
        to = folder / _EARLIER / f"{name}-{number}"
    to.mkdir(parents=True)
    for part in (*_CERTIFICATE, "verdicts.json", *_BY_FILE, "allure-report", _RESULTS):
        if (folder / part).exists():
            (folder / part).replace(to / part)
    return to


def make_room(folder: Path) -> None:
    """Remove what an earlier run has left beside its verdicts, and put this one's results for Allure in their place.

    The history that Allure compares runs by stays, and so does what no run writes. Raises OSError for what can't be
    moved; what can't be removed is told by whoever writes in its place.
    """
    for name in (*_CERTIFICATE, *_BY_FILE, "allure-report/index.html"):
        if (folder / name).is_file():
            (folder / name).unlink()
    made = unfinished_results(folder)
    if made.is_dir():
        shutil.rmtree(folder / _RESULTS, ignore_errors=True)
        made.replace(folder / _RESULTS)


def _taken(folder: Path) -> FileLock:
    """The lock of the folder, held. Raises Timeout where another process holds it, OSError where there can be none."""
    (folder / _UNDER_WAY).mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _UNDER_WAY / _LOCK)
    lock.acquire(timeout=0)
    return lock
