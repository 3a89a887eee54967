"""Which database an embedded server is put on: what `--database` says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

from conformance.errors import ConformanceError
from conformance.settings import Dialect

_SQLITE = "sqlite"
_PRIVATE = "postgres"
_VARIABLE = "env:"

NAMES = (_SQLITE, _PRIVATE)
"""The choices that say a kind and no place."""

_DRIVER = "postgresql+asyncpg"
_SCHEMES = (_DRIVER, "postgresql")


@dataclass(frozen=True)
class Database:
    """A kind of database, and where it is: `url` is of a PostgreSQL that is there already, with its password.

    Without a URL it is one that is made for the run.
    """

    dialect: Dialect = Dialect.SQLITE
    url: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown: the password, as it is and as the URL has it."""
        password = urlsplit(self.url).password if self.url else None
        return (password, unquote(password)) if password else ()

    @property
    def shown(self) -> str:
        """Where the PostgreSQL of `url` is, for a message: no user, no password, no options."""
        parts = urlsplit(self.url or "")
        host = parts.hostname or dict(parse_qsl(parts.query)).get("host", "localhost")
        return f"{host}:{parts.port}" if parts.port else host

    def named(self, name: str) -> str:
        """The URL of the database of that name beside the one of `url`."""
        return urlunsplit(urlsplit(self.url or "")._replace(path=f"/{name}"))


def parse_database(choice: str | None, variables: Mapping[str, str] = os.environ) -> Database:
    """What `choice` means: nothing or `sqlite`, `postgres`, a URL, or `env:NAME` for a URL in a variable.

    A password comes from a variable: the one with the URL, or PGPASSWORD. On the command line every user of the
    machine could read it. Raises ConformanceError for all else, and never shows what might be a secret.
    """
    if choice in (None, _SQLITE):
        return Database()
    if choice == _PRIVATE:
        return Database(Dialect.POSTGRESQL)
    assert choice is not None
    told = choice.removeprefix(_VARIABLE)
    if from_variable := told != choice:
        if not variables.get(told):
            raise ConformanceError(f"--database {choice}: the environment variable {told!r} is not set")
        told = variables[told]
    parts = _split(told, choice if from_variable else "URL")
    hidden = {name for name, _ in parse_qsl(parts.query)} & {"password", "passfile", "sslpassword"}
    if not from_variable and (parts.password is not None or hidden):
        raise ConformanceError(
            "--database has a password, which every user of this machine can read in the list of processes: "
            "set PGPASSWORD, or set a variable to the URL and pass --database env:NAME"
        )
    if hidden:
        raise ConformanceError(f"--database {choice}: write the password as USER:PASSWORD@HOST, not as an option")
    if parts.password is None and variables.get("PGPASSWORD"):
        user, at, host = parts.netloc.rpartition("@")
        parts = parts._replace(netloc=f"{user}:{quote(variables['PGPASSWORD'], safe='')}{at or '@'}{host}")
    return Database(Dialect.POSTGRESQL, urlunsplit(parts._replace(scheme=_DRIVER)))


def _split(url: str, named: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and "//" in url and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not url.isprintable():
        raise ConformanceError(
            f"--database {named}: neither {_SQLITE}, {_PRIVATE}, nor the URL of a PostgreSQL; "
            f"pass one such as {_DRIVER}://user@host:5432/postgres, or env:NAME for the variable that holds it"
        )
    return parts
