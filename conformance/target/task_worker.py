"""A task worker: a client that the server lists as long as it is connected to a WebSocket."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from conformance.target.access import USER_AGENT, Access
from conformance.target.client import Unreachable

PATH = "/task_runs/subscriptions/scheduled"
"""Where task workers wait for what they are to run. OpenAPI knows no WebSockets, so that no document names it."""

_PATIENCE = 10.0


@contextmanager
def task_worker(base_url: str, access: Access, name: str, keys: Sequence[str]) -> Iterator[None]:
    """The task worker `name` that runs the tasks of `keys`, connected to the API at `base_url` inside the block.

    `access` is that of every request; what authorises those says the first message too, as the protocol wants.
    Raises Unreachable where the target accepts no such connection.
    """
    url = base_url.replace("http", "ws", 1) + PATH
    with ExitStack() as stack:
        try:
            socket = stack.enter_context(
                connect(
                    url,
                    subprotocols=[Subprotocol("prefect")],
                    additional_headers=access.headers,
                    ssl=access.tls if url.startswith("wss:") else None,
                    proxy=None if access.own else True,
                    user_agent_header=USER_AGENT,
                    open_timeout=_PATIENCE,
                    close_timeout=_PATIENCE,
                )
            )
            socket.send(json.dumps({"type": "auth", "token": token(access.headers)}))
            welcome = json.loads(socket.recv(timeout=_PATIENCE))
            socket.send(json.dumps({"type": "subscribe", "keys": list(keys), "client_id": name}))
        except (OSError, WebSocketException, ValueError) as error:
            raise Unreachable(f"no task worker can connect to {url}: {error}") from error
        if not isinstance(welcome, dict) or welcome.get("type") != "auth_success":
            raise Unreachable(f"{url} does not take a task worker in")
        yield


def token(headers: Mapping[str, str]) -> str | None:
    """The credentials of an Authorization header, None without one: a bearer's token, or the text of Basic."""
    given = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
    scheme, _, credentials = given.partition(" ")
    if scheme.lower() != "basic":
        return credentials or None
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return credentials
