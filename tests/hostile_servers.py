"""Servers that mean harm, or are broken in ways that no framework lets a server be: each writes its own bytes."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from conformance.data import fixtures


@dataclass(frozen=True)
class Asked:
    """A request, as it came. `path` is without a query; the names of `headers` are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """Whoever asks: what is written goes out as it is. `gone` is set when the server ends."""

    def __init__(self, write: Callable[[bytes], Any], gone: threading.Event) -> None:
        self.write = write
        self.gone = gone

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """A whole and truthful answer."""
        self.head(status, **{"content_length": str(len(body)), **headers})
        self.write(body)

    def head(self, status: int, **headers: str) -> None:
        """The head of an answer, which ends with these headers."""
        lines = [f"HTTP/1.1 {status} -", "content-type: application/json"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def chunk(self, part: bytes) -> None:
        """A part of an answer whose head says `transfer-encoding: chunked`."""
        self.write(b"%x\r\n%s\r\n" % (len(part), part))


Behaviour = Callable[[Asked, Peer], None]


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[tuple[str, list[Asked]]]:
    """A server on a free port that does what `behaviour` does; yields its API's base URL and what it is asked."""
    seen: list[Asked] = []
    gone = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                while (asked := _read(self)) is not None:
                    seen.append(asked)
                    behaviour(asked, Peer(self.wfile.write, gone))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: Any) -> None:
            """Whoever asks may go in the middle of it."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/api", seen
        finally:
            gone.set()
            server.shutdown()


def _read(handler: socketserver.StreamRequestHandler) -> Asked | None:
    first = handler.rfile.readline().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers = {}
    while line := handler.rfile.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = handler.rfile.read(int(headers.get("content-length", 0)))
    return Asked(first[0], first[1].partition("?")[0], headers, body)


@cache
def contract() -> bytes:
    """A real document."""
    return (fixtures() / "contracts" / "prefect-3.9.1.json").read_bytes()


_FIRST: dict[str, Callable[[], bytes]] = {
    "/api/openapi.json": contract,
    "/openapi.json": contract,
    "/api/health": lambda: b"true",
    "/api/flows/filter": lambda: b"[]",
    "/api/admin/version": lambda: b'"3.9.1"',
}


def once_known(behaviour: Behaviour) -> Behaviour:
    """A server that is taken for a Prefect, and misbehaves in all but the questions that it is known by."""

    def behave(asked: Asked, peer: Peer) -> None:
        if asked.path in _FIRST:
            peer.answer(200, _FIRST[asked.path]())
        else:
            behaviour(asked, peer)

    return behave


def with_document(behaviour: Behaviour) -> Behaviour:
    """A server that is taken for a Prefect until its document is read."""

    def behave(asked: Asked, peer: Peer) -> None:
        if asked.path in _FIRST and not asked.path.endswith("/openapi.json"):
            peer.answer(200, _FIRST[asked.path]())
        else:
            behaviour(asked, peer)

    return behave


def document(edit: Callable[[dict[str, Any]], object]) -> Behaviour:
    """A server whose document has been edited."""

    @cache
    def edited() -> bytes:
        content = json.loads(contract())
        edit(content)
        return json.dumps(content).encode()

    def behave(asked: Asked, peer: Peer) -> None:
        if asked.path.endswith("/openapi.json"):
            peer.answer(200, edited())
        else:
            peer.answer(404, b"{}")

    return with_document(behave)


# What a body can be


def always(status: int, body: bytes, **headers: str) -> Behaviour:
    """Everything is answered alike."""
    return lambda _, peer: peer.answer(status, body, **headers)


def endless(_: Asked, peer: Peer) -> None:
    """A list that never ends, as fast as it is taken."""
    peer.head(200, transfer_encoding="chunked")
    peer.chunk(b"[0")
    rows = b",0" * 30_000
    while not peer.gone.is_set():
        peer.chunk(rows)


def dripping(_: Asked, peer: Peer) -> None:
    """A list that never ends, a row in each second: no silence is long enough to be one."""
    peer.head(200, transfer_encoding="chunked")
    peer.chunk(b"[0")
    while not peer.gone.wait(1):
        peer.chunk(b",0")


def dripping_head(_: Asked, peer: Peer) -> None:
    """A header that never ends, a character in each second."""
    peer.write(b"HTTP/1.1 200 OK\r\nx-long: ")
    while not peer.gone.wait(1):
        peer.write(b"x")


def stalling(_: Asked, peer: Peer) -> None:
    """Not a word after the headers."""
    peer.head(200, content_length="2")
    peer.gone.wait()


@cache
def _bomb() -> bytes:
    """Ten gigabytes of zeros in ten megabytes, but for the checksum, which nobody comes to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + part * 1000 + packer.flush()


def bomb(_: Asked, peer: Peer) -> None:
    """Ten gigabytes of zeros in ten megabytes."""
    peer.answer(200, _bomb(), content_encoding="gzip")


@cache
def _nested_bomb() -> bytes:
    return gzip.compress(_bomb(), 9)


def nested_bomb(_: Asked, peer: Peer) -> None:
    """The same, packed twice: a few kilobytes of it are all of it."""
    peer.answer(200, _nested_bomb(), content_encoding="gzip, gzip")


def no_gzip(_: Asked, peer: Peer) -> None:
    """It says that it is compressed, and is not."""
    peer.answer(200, b"[]", content_encoding="gzip")


def too_long(_: Asked, peer: Peer) -> None:
    """Less comes than was announced, and the connection is closed."""
    peer.head(200, content_length="100", connection="close")
    peer.write(b"[]")
    raise ConnectionAbortedError


def too_short(_: Asked, peer: Peer) -> None:
    """More comes than was announced."""
    peer.head(200, content_length="2")
    peer.write(b'[]{"id": "what follows is an answer to nothing"}')


ROWS = b"[" + b", ".join([b'{"id": "00000000-0000-4000-8000-000000000000", "name": "x"}'] * 100_000) + b"]"


def many_rows(_: Asked, peer: Peer) -> None:
    """A hundred thousand rows, whatever was asked."""
    peer.answer(200, ROWS)


DEEP = b"[" * 1_000_000 + b"]" * 1_000_000


def redirecting(to: str) -> Behaviour:
    """Whoever asks is sent elsewhere."""
    return always(307, b"", location=to)


def going_round(asked: Asked, peer: Peer) -> None:
    """Whoever asks is sent to where he is."""
    peer.answer(307, b"", location=asked.path)


def late_by_one() -> Behaviour:
    """Each answer is that to the request before."""
    last = [b"{}"]

    def behave(asked: Asked, peer: Peer) -> None:
        body, last[0] = last[0], asked.body or b"{}"
        peer.answer(200, body)

    return behave


# What a document can be


def refers_to(reference: str) -> Behaviour:
    """The body of a query, and what it answers, are described elsewhere."""

    def edit(content: dict[str, Any]) -> None:
        schemas = content["components"]["schemas"]
        schemas["FlowFilter"]["properties"]["name"] = {"$ref": reference}
        schemas["Flow"]["properties"]["name"] = {"$ref": reference}
        schemas["StateCreate"]["properties"]["name"] = {"$ref": reference}

    return document(edit)


def _cyclic(content: dict[str, Any]) -> None:
    schemas = content["components"]["schemas"]
    schemas["Flow"] = {"$ref": "#/components/schemas/Wolf"}
    schemas["Wolf"] = {"$ref": "#/components/schemas/Flow"}
    schemas["FlowFilter"]["properties"]["name"] = {"allOf": [{"$ref": "#/components/schemas/FlowFilter"}]}
    schemas["FlowCreate"]["properties"]["tags"] = {"$ref": "#/components/schemas/FlowCreate"}
    schemas["StateCreate"] = {"anyOf": [{"$ref": "#/components/schemas/StateCreate"}]}


cyclic = document(_cyclic)


def operations(number: int) -> Behaviour:
    """So many operations that it does not have."""

    def edit(content: dict[str, Any]) -> None:
        content["paths"] |= {f"/api/x{n}": {"get": {}} for n in range(number)}

    return document(edit)


def padded(size: int) -> Behaviour:
    """So many bytes of words."""
    return document(lambda content: content.update({"x-words": "x" * size}))
