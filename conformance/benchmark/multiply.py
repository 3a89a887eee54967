"""Has a database of Prefect have so many flow runs: copies of the one that it has.

A program of its own, run by path with the interpreter of a Prefect release, whose driver it connects with. It reads
two lines: the URL of the database (`postgresql+asyncpg://…`) and the number.
"""

import asyncio
import sys

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

_COPY = """
    INSERT INTO flow_run
    SELECT copied.*
    FROM flow_run AS one,
        generate_series((SELECT count(*) FROM flow_run) + 1, CAST(:number AS bigint)) AS n,
        LATERAL jsonb_populate_record(one, jsonb_build_object(
            'id', gen_random_uuid(),
            'name', 'of others ' || n,
            'created', one.created + n * interval '1 second',
            'expected_start_time', one.expected_start_time + n * interval '1 second',
            'state_id', NULL
        )) AS copied
    WHERE one.id = (SELECT id FROM flow_run ORDER BY created LIMIT 1)
"""


async def main(url: str, number: int) -> None:
    """Copy, and have the planner know of it."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(_COPY), {"number": number})
        await connection.execute(text("ANALYZE flow_run"))
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(sys.stdin.readline().strip(), int(sys.stdin.readline())))
