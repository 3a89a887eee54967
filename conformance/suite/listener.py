"""A listener on this machine that counts who connects: whether a server fetches what a document refers to."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from typing import Self
from urllib.parse import urlsplit

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
_POLL_SECONDS = 0.1


class Listener:
    """Listens on a free port of 127.0.0.1, at `url`, and answers everyone with an empty JSON object.

    `connections`: how many there have been. A connection counts before it is answered, so that whoever has waited
    for the answer has been counted.
    """

    def __init__(self) -> None:
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(_POLL_SECONDS)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="listener", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._socket.accept()
                with connection:
                    self.connections += 1
                    connection.settimeout(_POLL_SECONDS * 10)
                    connection.recv(65536)
                    connection.sendall(_ANSWER)


def is_here(url: str) -> bool:
    """Whether the host of `url` is this machine by its address, so that a listener on 127.0.0.1 is in its reach."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False
