"""How the cost grows with what the server has: a run beside more and more flow runs of others, on PostgreSQL.

They are multiplied in the database: through the API a hundred thousand of them take half an hour.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from conformance.benchmark import measures
from conformance.benchmark.figures import World
from conformance.errors import ConformanceError
from conformance.target import embedded, parse_database
from conformance.target.embedded import Databases, Release

SIZES: Final = (1_000, 10_000, 100_000)

_CHECKS: Final = ("--select", "*flow_runs*", "--no-fuzz")
"""All rules about flow runs: their queries and counts first of all, which read the whole collection."""

_MULTIPLY: Final = Path(__file__).with_name("multiply.py")


def worlds(release: Release, progress: Callable[[str], None]) -> tuple[World, ...]:
    """The rules about flow runs, on one server that has more and more of them. Raises ConformanceError."""
    with server(release) as (url, database):
        found = []
        for size in SIZES:
            populate(release, url, database, size)
            found.append(measures.beside_others(url, _CHECKS, size))
            progress(f"beside {size:,} flow runs of others: {found[-1].seconds:.1f} s")
        return tuple(found)


def populate(release: Release, url: str, database: str, size: int) -> None:
    """Have a server have so many flow runs: one is made through its API, the others are copies of it."""
    if not httpx.post(f"{url}/flow_runs/count", json={}).raise_for_status().json():
        flow = _made(url, "/flows/", {"name": "of others"})
        _made(url, "/flow_runs/", {"flow_id": flow["id"], "tags": ["others"], "state": {"type": "PENDING"}})
    done = subprocess.run(
        [str(embedded.interpreter(release, measures.silent)), "-I", str(_MULTIPLY)],
        input=f"{database}\n{size}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        why = next((line for line in done.stderr.splitlines() if "Error" in line), done.stderr[-200:])
        raise ConformanceError(f"the flow runs can't be multiplied: {why}")


def _made(url: str, path: str, body: object) -> dict[str, str]:
    found: dict[str, str] = httpx.post(f"{url}{path}", json=body).raise_for_status().json()
    return found


@contextmanager
def server(release: Release) -> Iterator[tuple[str, str]]:
    """A server on a PostgreSQL of its own: the URLs of its API and of its database."""
    noted = _Noted(embedded.open_databases(release, measures.silent, parse_database("postgres")))
    try:
        (started,) = embedded.spawn_all(release, 1, measures.silent, noted)
        embedded.wait([started])
        try:
            yield started.url, noted.url
        finally:
            started.stop()
    finally:
        noted.close()


class _Noted:
    """Databases of which the URL of the last one is known."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self.url = ""

    def place(self, home: Path) -> dict[str, str]:
        """The variables that put a server on a new one."""
        variables = self._databases.place(home)
        self.url = next(value for name, value in variables.items() if name.endswith("CONNECTION_URL"))
        return variables

    def close(self) -> list[str]:
        """They are gone."""
        return self._databases.close()
