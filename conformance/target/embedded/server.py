"""One running server process, from its start to its certain end."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx

from conformance.errors import ProvisioningError
from conformance.target.embedded import configuration, supervisor
from conformance.target.embedded.releases import Release

_POLL_SECONDS = 0.05
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Place:
    """Where a server is put: its PREFECT_HOME, the file of its log, and variables beside those of every server."""

    home: Path
    log: Path
    variables: Mapping[str, str] = field(default_factory=dict)


class EmbeddedServer:
    """A server: `url` is its base URL, `log` what it wrote. It ends with `stop`, or with this process.

    The folder `removed` goes with it.
    """

    def __init__(
        self,
        url: str,
        version: str,
        log: Path,
        process: subprocess.Popen[bytes],
        grace: float,
        removed: Path | None = None,
    ) -> None:
        self._removed = removed
        self.url = url
        self.version = version
        self.log = log
        self._process = process
        self._grace = grace
        self._started = time.monotonic()
        self._ports = contextlib.ExitStack()

    def keep(self, ports: contextlib.ExitStack) -> None:
        """Hold what reserves its port until it has taken it, or ends."""
        self._ports = ports

    def wait_until_healthy(self, patience: float) -> None:
        """Returns when the server answers. Raises `ProvisioningError` `patience` seconds after its start."""
        with httpx.Client(trust_env=False, timeout=2) as client:
            while self._process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if client.get(f"{self.url}/health").is_success:
                        self._ports.close()  # it has its port
                        return
                if time.monotonic() > self._started + patience:
                    raise ProvisioningError(
                        f"prefect {self.version} was not up after {patience:.0f} s: {last_line(self.log)}; "
                        f"its log is {self.log}"
                    )
                time.sleep(_POLL_SECONDS)
        raise ProvisioningError(
            f"prefect {self.version} ended while it was starting: {last_line(self.log)}; its log is {self.log}"
        )

    def stop(self) -> None:
        """Ends the server and everything that it started; its temporary files are gone too. Twice does no harm."""
        self._ports.close()
        if self._process.returncode is not None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        # A process forked from this one may hold the other end of that pipe open.
        self._process.terminate()
        try:
            self._process.wait(self._grace + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._removed is not None:  # a supervisor that was stopped before it listened to signals leaves it
            shutil.rmtree(self._removed, ignore_errors=True)


def launch(
    release: Release,
    python: Path,
    home: Path,
    log: Path,
    variables: Mapping[str, str] = MappingProxyType({}),
    *,
    patience: float,
    grace: float,
    disposable: bool,
) -> EmbeddedServer:
    """Starts a server on a free port of 127.0.0.1 and returns when it is healthy, within `patience` seconds.

    `home` is removed when it ends if `disposable`; `grace` is how long it may take to stop before it is killed. Raises
    `ProvisioningError` if it ends early or is not healthy in time.
    """
    servers = [spawn(release, python, Place(home, log, variables), grace=grace, disposable=disposable)]
    wait_for_all(servers, patience)
    return servers[0]


def wait_for_all(servers: Sequence[EmbeddedServer], patience: float) -> None:
    """Returns when all are healthy. Raises `ProvisioningError` where one does not come to it; then none is left."""
    try:
        for server in servers:
            server.wait_until_healthy(patience)
    except BaseException:
        for server in servers:
            server.stop()
        raise


def spawn(release: Release, python: Path, place: Place, *, grace: float, disposable: bool = True) -> EmbeddedServer:
    """Starts a server on a free port of 127.0.0.1 and does not wait for it; arguments as of `launch`."""
    with contextlib.ExitStack() as ports:
        port = ports.enter_context(_reserved_port())
        server = _spawn(release, python, place, port, grace=grace, disposable=disposable)
        server.keep(ports.pop_all())
    return server


def _spawn(
    release: Release, python: Path, place: Place, port: int, *, grace: float, disposable: bool
) -> EmbeddedServer:
    home = place.home
    with place.log.open("ab") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", supervisor.__file__, str(grace), str(home) if disposable else ""),
                *configuration.command(release, python, port),
            ],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd=home,  # empty of .env and prefect.toml, which Prefect would read
            env=configuration.environment(release, python, home) | dict(place.variables),
            start_new_session=True,  # Ctrl-C in the terminal is for the suite, which then stops the server
        )
    url = f"http://127.0.0.1:{port}/api"
    return EmbeddedServer(url, release.version, place.log, process, grace, home if disposable else None)


@contextlib.contextmanager
def _reserved_port() -> Iterator[int]:
    """A free port that stays ours until the server has it.

    A server takes seconds to start: a port that is only looked up can be another's by then, whose healthy answer
    would be taken for ours. On Linux a bound socket that doesn't listen keeps others out, and not the server,
    since both allow the address to be reused; elsewhere the same would keep the server out.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port


def last_line(log: Path) -> str:
    """The last line of a log that says something: not blank, not a frame of a traceback."""
    for line in reversed(_ANSI.sub("", log.read_text(encoding="utf-8", errors="replace")).splitlines()):
        if line.strip() and not line[0].isspace() and not line.startswith("Traceback"):
            return line.strip()[:300]
    return "it wrote nothing"
