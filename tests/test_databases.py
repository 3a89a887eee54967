"""`--database`: what it says, a PostgreSQL of the run's own, and one that is somebody's."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import cli, silent

from conformance.errors import ConformanceError, ProvisioningError
from conformance.settings import Dialect
from conformance.target import parse_database
from conformance.target.embedded import cache, newest, open_databases, postgres
from conformance.target.embedded.keeping import Keeper

PASSWORD = "wOrd/of a:test@1"

# Narrow, and with both a server's answers and the population behind it.
NARROW = ("--select", "routes.snake-case", "--select", "filter.any flows.name.any_", "--workers", "1")

# Another process than this one, to be killed: it has made a database and waits.
_HOST = """
import sys
from pathlib import Path
from conformance.target import parse_database
from conformance.target.embedded.keeping import Keeper
keeper = Keeper(Path(sys.argv[1]), parse_database("env:THE_URL"), Path(sys.argv[2]), keep=False)
keeper.create("prefect_conformance_doomed")
print("made", flush=True)
input()
"""


def eventually(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("choice", [None, "sqlite"])
def test_sqlite_is_the_default(choice: str | None) -> None:
    database = parse_database(choice, {})
    assert (database.dialect, database.url, database.secrets) == (Dialect.SQLITE, None, ())


def test_a_private_postgresql_has_no_url() -> None:
    database = parse_database("postgres", {"PGPASSWORD": PASSWORD})
    assert (database.dialect, database.url, database.secrets) == (Dialect.POSTGRESQL, None, ())


@pytest.mark.parametrize(
    ("choice", "variables", "url"),
    [
        ("postgresql+asyncpg://me@host:5433/mine", {}, "postgresql+asyncpg://me@host:5433/mine"),
        ("postgresql://me@host/mine?ssl=require", {}, "postgresql+asyncpg://me@host/mine?ssl=require"),
        ("postgresql://me@/mine?host=/run/pg", {}, "postgresql+asyncpg://me@/mine?host=/run/pg"),
        ("postgresql://me@h/m", {"PGPASSWORD": "a@b"}, "postgresql+asyncpg://me:a%40b@h/m"),
        ("env:DB", {"DB": "postgresql://me:secret@h/m"}, "postgresql+asyncpg://me:secret@h/m"),
        ("env:DB", {"DB": "postgresql://me:secret@h/m", "PGPASSWORD": "x"}, "postgresql+asyncpg://me:secret@h/m"),
    ],
)
def test_the_url_of_a_postgresql(choice: str, variables: dict[str, str], url: str) -> None:
    database = parse_database(choice, variables)
    assert (database.dialect, database.url) == (Dialect.POSTGRESQL, url)
    assert "secret" not in repr(database)
    assert "secret" not in database.shown


def test_a_password_is_a_secret_in_both_its_forms() -> None:
    database = parse_database("postgresql://me@h/m", {"PGPASSWORD": PASSWORD})
    assert set(database.secrets) == {PASSWORD, quote(PASSWORD, safe="")}


@pytest.mark.parametrize(
    ("choice", "variables", "said"),
    [
        ("mysql://me:hush@host/db", {}, "neither sqlite, postgres, nor the URL"),
        ("postgresql+psycopg2://host/db", {}, "neither sqlite, postgres, nor the URL"),
        ("postgresql", {}, "neither sqlite, postgres, nor the URL"),
        ("", {}, "neither sqlite, postgres, nor the URL"),
        ("postgresql://host:port/db", {}, "neither sqlite, postgres, nor the URL"),
        ("postgresql://[::1/db", {}, "neither sqlite, postgres, nor the URL"),
        ("postgresql://host/d\nb", {}, "neither sqlite, postgres, nor the URL"),
        ("postgresql://me:hush@host/db", {}, "set PGPASSWORD"),
        ("postgresql://me@host/db?password=hush", {}, "set PGPASSWORD"),
        ("env:DB", {}, "the environment variable 'DB' is not set"),
        ("env:DB", {"DB": ""}, "the environment variable 'DB' is not set"),
        ("env:DB", {"DB": "hush"}, "--database env:DB: neither"),
        ("env:DB", {"DB": "postgresql://me@host/db?password=hush"}, "write the password as"),
    ],
)
def test_what_is_no_database(choice: str, variables: dict[str, str], said: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        parse_database(choice, variables)
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_url_and_a_database_to_start_on_exclude_each_other(tmp_path: Path) -> None:
    done = cli("run", "--url", "http://127.0.0.1:9/api", "--database", "postgresql://host/db", cwd=tmp_path)
    assert done.returncode == 2
    assert "exclude each other" in done.stderr


@pytest.fixture(scope="module")
def python() -> Path:
    return cache.provision(newest(), silent).python


class There:
    """A PostgreSQL that is somebody's, with what is in it."""

    def __init__(self, cluster: postgres.Cluster, programs: Path) -> None:
        self._cluster = cluster
        self._programs = programs

    def url(self, user: str, name: str = "theirs", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{quote(password, safe='')}@/{name}?host={self._cluster.folder}"

    def sql(self, statement: str, name: str = "postgres") -> str:
        command = [str(self._programs / "bin" / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres"]
        done = subprocess.run(
            [*command, "-h", str(self._cluster.folder), "-d", name, "-c", statement],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def names(self) -> list[str]:
        return self.sql("SELECT datname FROM pg_database ORDER BY 1").split()


@pytest.fixture(scope="module")
def there(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    installed = cache.postgresql(silent)
    log = tmp_path_factory.mktemp("there") / "log"
    cluster = postgres.Cluster(installed, log)
    try:
        cluster.initialise()
        (cluster.data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
        cluster.start()
        Keeper(python, cluster.database, log, keep=True).close()  # it is up
        found = There(cluster, postgres.programs(installed))
        password = PASSWORD.replace("'", "''")
        found.sql(f"CREATE ROLE suite LOGIN CREATEDB PASSWORD '{password}'")
        found.sql(f"CREATE ROLE poor LOGIN PASSWORD '{password}'")
        found.sql("CREATE DATABASE theirs")
        found.sql("CREATE TABLE flow AS SELECT 'precious' AS name", "theirs")
        yield found
    finally:
        cluster.remove()


@pytest.mark.server
@pytest.mark.parametrize(
    ("user", "name", "password", "said"),
    [
        ("suite", "theirs", "wrong", "refuses the user or the password"),
        ("nobody_known", "theirs", PASSWORD, "refuses the user or the password"),
        ("suite", "nowhere", PASSWORD, "has no such database"),
        ("poor", "theirs", PASSWORD, "does not let this user create databases"),
    ],
)
def test_a_postgresql_that_refuses(there: There, user: str, name: str, password: str, said: str) -> None:
    database = parse_database("env:DB", {"DB": there.url(user, name, password)})
    before = there.names()
    with pytest.raises(ProvisioningError) as caught:
        open_databases(newest(), silent, database)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert password not in str(caught.value)
    assert there.names() == before


@pytest.mark.server
def test_no_postgresql_is_told_on_one_line(tmp_path: Path, python: Path) -> None:
    done = cli("run", "--database", "postgresql://me@127.0.0.1:9/db", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "no PostgreSQL answers at 127.0.0.1:9" in done.stderr


@pytest.mark.server
def test_a_port_that_something_else_has_taken(python: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def hang_up() -> None:
            other.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        port = other.getsockname()[1]
        database = parse_database(f"postgresql://me@127.0.0.1:{port}/db", {})
        with pytest.raises(ProvisioningError) as caught:
            open_databases(newest(), silent, database)
    assert str(port) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.server
@pytest.mark.wide
def test_a_database_is_dropped_when_its_maker_is_killed(there: There, python: Path, tmp_path: Path) -> None:
    maker = subprocess.Popen(
        [sys.executable, "-c", _HOST, str(python), str(tmp_path / "log")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"THE_URL": there.url("suite")},
    )
    assert maker.stdout
    assert maker.stdout.readline().strip() == "made"
    assert "prefect_conformance_doomed" in there.names()

    maker.send_signal(signal.SIGKILL)
    maker.communicate()

    assert eventually(lambda: "prefect_conformance_doomed" not in there.names(), 10)


@pytest.fixture
def own_temp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that nobody else uses, with a name as short as a socket's has to be."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="pc-") as name:
        Path(name).chmod(0o755)
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)


def running_in(folder: Path) -> list[str]:
    """The command lines of processes that name `folder` (Linux; elsewhere none are found)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in command:
            found.append(command.decode(errors="replace"))
    return found


def judged(folder: Path) -> tuple[str | None, str]:
    content = json.loads((folder / "reports" / "verdicts.json").read_text())
    return content["target"]["database"], content["result"]


@pytest.mark.server
@pytest.mark.wide
def test_a_run_on_a_postgresql_of_its_own_leaves_nothing(tmp_path: Path, own_temp: Path) -> None:
    done = cli("run", "--database", "postgres", *NARROW, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert judged(tmp_path) == ("postgresql", "conformant")
    assert "(prefect 3.9.1 on postgresql)" in done.stdout
    assert not running_in(own_temp)
    assert not list(own_temp.iterdir())


@pytest.mark.server
@pytest.mark.wide
def test_a_run_on_somebodys_postgresql_leaves_it_as_it_was(
    there: There, tmp_path: Path, own_temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_URL", there.url("suite"))
    before = there.names()

    done = cli("run", "--database", "env:THE_URL", *NARROW, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert judged(tmp_path) == ("postgresql", "conformant")
    assert there.names() == before
    assert there.sql("SELECT string_agg(name, ',') FROM flow", "theirs") == "precious"
    assert there.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "theirs") == "1"
    assert not list(own_temp.iterdir())
    logs = sorted((cache.root() / "logs").glob("*.log"), key=lambda log: log.stat().st_mtime)[-5:]
    written = [*(tmp_path / "reports").rglob("*"), *logs]
    told = [done.stdout, done.stderr, *(path.read_text(errors="replace") for path in written if path.is_file())]
    assert len(told) > 6
    for text in told:
        assert PASSWORD not in text
        assert quote(PASSWORD, safe="") not in text
