"""A gateway as Prefect Cloud has one, in front of a real server: other paths, a token, and nothing of its insides."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from conformance.faults import Proxy

ACCOUNT, WORKSPACE = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PREFIX = f"/api/accounts/{ACCOUNT}/workspaces/{WORKSPACE}"

_HIDDEN = ("/health", "/ready", "/version", "/hello", "/admin/", "/csrf-token", "/openapi.json", "/docs", "/redoc")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Gateway(Proxy):
    """Serves what the API at `upstream` serves below PREFIX, to whoever brings `token`.

    Its administration is not there: half of it is answered with 403, half with 404, and there is no document. Each
    `every`th request is told to come back later. `requests` counts what came in, `token` may be changed.
    """

    def __init__(self, upstream: str, token: str, every: int = 53) -> None:
        super().__init__(upstream)
        self.token = token
        self.requests = 0
        self.later = 0
        self.url = self.url.removesuffix(self._base) + PREFIX
        self._every = every
        self._numbers = itertools.count(1)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await super()._serve(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
        path = scope["raw_path"].decode("ascii")
        within = path.removeprefix(PREFIX)
        inside = {**scope, "headers": headers, "raw_path": (self._base + within).encode("ascii")}
        if scope["type"] == "websocket":
            await super()._serve(inside, receive, send)
            return
        self.requests += 1
        if (refusal := self._refusal(scope, path, within)) is not None:
            status, more = refusal
            body = json.dumps({"detail": f"{status} of the gateway"}).encode()
            length = (b"content-length", str(len(body)).encode())
            start = [(b"content-type", b"application/json"), length, *more]
            await send({"type": "http.response.start", "status": status, "headers": start})
            await send({"type": "http.response.body", "body": body})
            return

        async def outside(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, value.replace(self._base.encode(), PREFIX.encode(), 1) if name == b"location" else value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await super()._serve(inside, receive, outside)

    def _refusal(self, scope: Message, path: str, within: str) -> tuple[int, list[tuple[bytes, bytes]]] | None:
        if not path.startswith(f"{PREFIX}/"):
            return 404, []
        if (b"authorization", f"Bearer {self.token}".encode()) not in scope["headers"]:
            return 401, [(b"www-authenticate", b"Bearer")]
        if within.startswith(_HIDDEN):
            # Prefect's own client takes a 404 for a server without such tokens, and nothing else.
            return (403 if len(within) % 2 and within != "/csrf-token" else 404), []
        if next(self._numbers) % self._every == 0:
            self.later += 1
            return 429, [(b"retry-after", b"1")]
        return None
