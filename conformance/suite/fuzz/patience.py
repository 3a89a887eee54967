"""What says nothing of a request yet: that the server was busy, or that its connection broke."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from conformance.target import BUSY, Client, Exchange, Unreachable, only_reads
from conformance.target.client import LANDMARK
from conformance.world import World

_WAITS: Final = (0.1, 0.2, 0.3, 0.4)
"""Seconds before the repetitions of a request that the server says it is too busy for.

Few, for before each of them something else is asked of it: a server that does that every time is not busy. But not too
few: where several workers write to one SQLite, a change that reads first may lose to them several times running.
"""


def send(client: Client, world: World, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> Exchange:
    """Send one request; a server that is busy is asked again.

    The answer is of a busy status (429, 502, 503, 504) only where the server takes others of its kind meanwhile,
    questions or changes: it fails on this one. A connection that breaks is tried once more, whatever was asked: a
    server may close one just as a request goes out on it, and here it does no harm to have asked twice, for each
    answer is judged by itself. Raises Busy and Unreachable.
    """
    exchange = _sent(client, method, url, content, headers)
    for wait in _WAITS:
        if exchange.status not in BUSY:
            return exchange
        time.sleep(wait)
        if only_reads(method, urlsplit(url).path):
            client.request("POST", LANDMARK, {"limit": 0})
        else:
            _write_something(world)
        exchange = _sent(client, method, url, content, headers)
    return exchange


def _sent(client: Client, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> Exchange:
    try:
        return client.send_once(method, url, content, headers)
    except Unreachable as trouble:
        if trouble.stalled:
            raise
        return client.send_once(method, url, content, headers)


def _write_something(world: World) -> None:
    """Change nothing, by a write that every generation has: nothing must be one more for it."""
    flow = world.shared("flows").record
    world.workshop.send("PATCH /flows/{id}", {"tags": flow.get("tags", [])}, id=flow["id"])
