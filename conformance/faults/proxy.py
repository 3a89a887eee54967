"""A reverse proxy in front of a real server: transparent, but for the fault in force."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from conformance.faults.fault import Headers, Interposed, Request, Response
from conformance.target.access import TIMEOUT

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers about one connection (RFC 9110, 7.6.1; RFC 2616, 13.5.1): each side of the proxy has its own."""

_BODILESS = frozenset({204, 304})

# Below the five seconds after which uvicorn, which Prefect runs on, closes an idle connection: a request must not
# be sent on one that is just being closed.
_KEEP_UPSTREAM = 2.0
_KEEP_CLIENT = 60
_PATIENCE = 10.0


class Proxy:
    """Serves what the API at `upstream` serves, at `url`; in a thread of its own, on a free port of 127.0.0.1.

    `fault` may be switched between requests; None: the bytes of status, headers and body are the real server's.
    `troubles` has a line for each request that the proxy itself could not bring to an end. Such a one is answered
    502, which a check takes for a target that is busy: never a verdict.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.fault: Interposed | None = None
        self.troubles: list[str] = []
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._base = parts.path.rstrip("/")
        self._client: httpx.AsyncClient | None = None
        # asyncio turns off Nagle's delay only where the protocol is named; with it, each answer takes 40 ms longer.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{self._base}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._serve,
                interface="asgi3",
                http="h11",
                ws="websockets-sansio",
                lifespan="on",
                log_level="warning",
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=_KEEP_CLIENT,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="fault-proxy", daemon=True
        )

    def start(self) -> Self:
        """Begin to serve. Raises RuntimeError where that can't be done."""
        self._thread.start()
        deadline = time.monotonic() + _PATIENCE
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the fault proxy does not start")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """End the thread and close the port."""
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._socket.close()

    @contextmanager
    def bent(self, fault: Interposed | None) -> Iterator[None]:
        """With `fault` in force."""
        before, self.fault = self.fault, fault
        try:
            yield
        finally:
            self.fault = before

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] == "websocket":
            await self._join(scope, receive, send)
            return
        target = scope["raw_path"].decode("ascii")
        request = Request(
            method=scope["method"],
            path=target.removeprefix(self._base),
            query=scope["query_string"].decode("ascii"),
            headers=_end_to_end(scope["headers"]),
            body=await _read(receive),
        )
        fault = self.fault
        try:
            # What is not below the API's base URL is not the API's: no fault touches it.
            if fault is None or not target.startswith(f"{self._base}/"):
                await self._pass_on(request, target, send)
            else:
                await _answer(await fault.bend(request, self._ask), send)
        except Exception as error:  # noqa: BLE001 - a defect of a bend is said, and is no answer of the server
            self.troubles.append(f"{request.method} {target}: {type(error).__name__}: {error}")
            await _answer(Response.of(502, {"detail": self.troubles[-1]}), send)

    async def _join(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """A WebSocket's messages, as they are: no fault touches them."""
        await receive()
        path = scope["raw_path"].decode("ascii")
        asked = [Subprotocol(name) for name in scope["subprotocols"]]
        async with connect(self._origin.replace("http", "ws", 1) + path, subprotocols=asked or None) as upstream:
            await send({"type": "websocket.accept", "subprotocol": upstream.subprotocol})
            there = asyncio.ensure_future(_to_upstream(receive, upstream))
            back = asyncio.ensure_future(_from_upstream(upstream, send))
            _, pending = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()

    async def _live(self, receive: _Receive, send: _Send) -> None:
        """The client belongs to the loop of the server's thread: it lives as long as that."""
        async with httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=TIMEOUT,
            limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_UPSTREAM),
        ) as self._client:
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(self, request: Request, target: str, send: _Send) -> None:
        """As it is: the bytes of the body come and go still encoded, as they came."""
        response = await self._open(request, target)
        try:
            await send(_start(response.status_code, _end_to_end(response.headers.raw)))
            async for chunk in response.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            await response.aclose()

    async def _ask(self, request: Request) -> Response:
        """The real server's answer, for a bend to read: not compressed, so that a client sees no gzip either."""
        plain = tuple(header for header in request.headers if header[0].lower() != b"accept-encoding")
        request = replace(request, headers=(*plain, (b"accept-encoding", b"identity")))
        response = await self._open(request, self._base + request.path)
        try:
            body = b"".join([chunk async for chunk in response.aiter_raw()])
        finally:
            await response.aclose()
        return Response(response.status_code, _end_to_end(response.headers.raw), body)

    async def _open(self, request: Request, target: str) -> httpx.Response:
        assert self._client is not None
        # Built without the client: it would add headers of its own. The target goes out byte for byte: a URL would
        # be normalised.
        sent = httpx.Request(
            request.method,
            self._origin,
            headers=list(request.headers),
            content=request.body,
            extensions={"target": (f"{target}?{request.query}" if request.query else target).encode("ascii")},
        )
        sent.extensions["timeout"] = TIMEOUT.as_dict()
        try:
            return await self._client.send(sent, stream=True)
        except (httpx.ReadError, httpx.RemoteProtocolError):
            # A server that drops a connection after a 500 resets the next request on it, before it has read it.
            return await self._client.send(sent, stream=True)


async def _to_upstream(receive: _Receive, upstream: ClientConnection) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        await upstream.send(message["bytes"] if text is None else text)


async def _from_upstream(upstream: ClientConnection, send: _Send) -> None:
    try:
        async for message in upstream:
            key = "text" if isinstance(message, str) else "bytes"
            await send({"type": "websocket.send", key: message})
    except ConnectionClosed:
        pass
    await send({"type": "websocket.close", "code": upstream.close_code or 1000})


async def _read(receive: _Receive) -> bytes:
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(chunks)


async def _answer(response: Response, send: _Send) -> None:
    headers, body = response.headers, response.body
    names = {name.lower() for name, _ in headers}
    if not names & {b"content-length", b"transfer-encoding"} and response.status not in _BODILESS:
        headers = (*headers, (b"content-length", str(len(body)).encode()))
    await send(_start(response.status, headers))
    if b"transfer-encoding" in names:
        # What has no announced length comes in two pieces: a client has to put them together.
        half = len(body) // 2
        await send({"type": "http.response.body", "body": body[:half], "more_body": True})
        body = body[half:]
    await send({"type": "http.response.body", "body": body})


def _start(status: int, headers: Headers) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return tuple((name, value) for name, value in headers if name.lower() not in HOP_BY_HOP)
