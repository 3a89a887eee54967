"""Makes databases in a PostgreSQL for a run and drops them after it, however that one ends.

A program of its own, run by path with the interpreter of a Prefect release: it connects with the driver and by the
rules that the server will connect with.

    python -I keeper.py

It reads lines of JSON and answers each with one. The first is how to connect: `url` (`postgresql+asyncpg://…`),
`patience` (seconds in which a PostgreSQL that is just starting may come up) and `keep`: whether the databases stay.
Each other one is a database to be made: `create`, and `template`, the name of one to copy or null. The answer is
`{}`, or `error` and `sqlstate` where it can't be done. At the end of its input (the parent closed the pipe, or died,
by SIGKILL too) it drops what it has made, with whoever is still connected; what it could not is the last answer.
"""

import asyncio
import json
import sys
import time
from collections.abc import Coroutine
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_STARTING = "57P03"
_IN_USE = "55006"


async def main() -> None:
    """Serve until the input ends."""
    told = json.loads(sys.stdin.readline() or "null")
    if told is None:
        return
    # What the server's own process does with the URL. Each statement is on a connection of its own, so that an idle
    # one is nothing that a restart or a firewall could cut.
    engine = create_async_engine(
        told["url"], isolation_level="AUTOCOMMIT", poolclass=NullPool, connect_args={"timeout": 10}
    )
    made: list[str] = []
    _answer(await _tried(_connect(engine, told["patience"])))
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        wanted = json.loads(line)
        made.append(wanted["create"])  # also where it fails half-way
        _answer(await _tried(_create(engine, wanted["create"], wanted["template"])))
    left = {} if told["keep"] else {name: why for name in reversed(made) if (why := await _tried(_drop(engine, name)))}
    _answer({"left": left})


async def _connect(engine: Any, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            await _execute(engine, "SELECT 1")
        except Exception as error:
            starting = isinstance(error, OSError) or _sqlstate(error) == _STARTING
            if not starting or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def _create(engine: Any, name: str, template: str | None) -> None:
    copied = f' TEMPLATE "{template}"' if template else ""
    await _execute_unused(engine, f'CREATE DATABASE "{name}"{copied}')


async def _drop(engine: Any, name: str) -> None:
    # The name is one that the parent has made up.
    sessions = f"FROM pg_stat_activity WHERE datname = '{name}'"
    await _execute(engine, f"SELECT pg_terminate_backend(pid) {sessions}")
    await _execute_unused(engine, f'DROP DATABASE IF EXISTS "{name}"')


async def _execute_unused(engine: Any, statement: str) -> None:
    """Execute what a database is not to be in use for: sessions end a moment after their process, or their ending."""
    for _ in range(49):
        try:
            await _execute(engine, statement)
        except Exception as error:
            if _sqlstate(error) != _IN_USE:
                raise
            await asyncio.sleep(0.1)
        else:
            return
    await _execute(engine, statement)


async def _execute(engine: Any, statement: str) -> None:
    async with engine.connect() as connection:
        await connection.execute(text(statement))


async def _tried(attempt: Coroutine[Any, Any, None]) -> dict[str, Any]:
    """Nothing where it went well."""
    try:
        await attempt
    except Exception as error:  # noqa: BLE001 - told to who asked
        root: Any = error
        while following := getattr(root, "orig", None) or root.__cause__:
            root = following
        words = " ".join(str(root).split()) or type(root).__name__
        return {"error": words, "sqlstate": _sqlstate(error), "unreachable": isinstance(root, (OSError, TimeoutError))}
    return {}


def _sqlstate(error: Any) -> str | None:
    while error is not None:
        if found := getattr(error, "sqlstate", None):
            return str(found)
        error = getattr(error, "orig", None) or error.__cause__
    return None


def _answer(content: object) -> None:
    print(json.dumps(content), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
