"""A relay that speaks HTTP/1.0 to its clients: an answer ends where its connection does."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import urlsplit

from conformance.faults.proxy import HOP_BY_HOP
from conformance.target.access import TIMEOUT

_REASON: Final = "As You Like"
"""For every status: what stands beside the number is for people (RFC 9112, 4)."""


class Http10:
    """Serves what the API at `upstream` serves, at `url`; in threads of its own, on a free port of 127.0.0.1.

    Each answer has the version 1.0, no length, and a connection of its own. There are no WebSockets: HTTP/1.0 has none.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        assert parts.hostname is not None
        host, port = parts.hostname, parts.port

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def __getattr__(self, name: str) -> Any:
                # The standard library asks for `do_GET` and the like: all methods are alike here.
                if name.startswith("do_"):
                    return self._relay
                raise AttributeError(name)

            def _relay(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                there = http.client.HTTPConnection(host, port, timeout=TIMEOUT.read)
                try:
                    there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        if name.lower().encode() not in HOP_BY_HOP:
                            there.putheader(name, value)
                    there.endheaders(body or None)
                    answer = there.getresponse()
                    self.send_response_only(answer.status, _REASON)
                    for name, value in answer.getheaders():
                        if name.lower().encode() not in HOP_BY_HOP | {b"content-length"}:
                            self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(answer.read())
                finally:
                    there.close()

            def log_message(self, *_: object) -> None:
                """Nothing is told."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="http-1.0", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}{parts.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
