"""A generated case as plain data, and the request that it comes to."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import requests

from conformance.contract import Operation
from conformance.suite.fuzz.parts import ABSENT, Request

UNLIKE: Final = (AttributeError, LookupError, TypeError, ValueError)
"""What is raised by reading a case out of something that is none."""


@dataclass(frozen=True)
class Case:
    """What fills one request.

    `path`: placeholder -> text. `query`: name -> values, or the text after the `?`. `body`: what is to be written as
    JSON; `bytes` are sent as they are, and ABSENT is none. `media`: what the request says its body is; None: JSON,
    where there is one. `keeps_schema`: whether the document allows it.
    """

    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] | str = field(default_factory=dict)
    body: Any = ABSENT
    media: str | None = None
    keeps_schema: bool = True

    def dump(self) -> dict[str, Any]:
        """As JSON has it: `load` of that is the same case."""
        told: dict[str, Any] = {"path": self.path, "query": self.query, "keeps_schema": self.keeps_schema}
        if isinstance(self.body, bytes):
            told["bytes"] = base64.b64encode(self.body).decode("ascii")
        elif self.body is not ABSENT:
            told["body"] = self.body
        return told if self.media is None else {**told, "media": self.media}

    @classmethod
    def load(cls, told: dict[str, Any]) -> Case:
        """The case that `dump` told of. Raises one of `UNLIKE` for anything else."""
        body = base64.b64decode(told["bytes"]) if "bytes" in told else told.get("body", ABSENT)
        return cls(told["path"], told["query"], body, told.get("media"), told["keeps_schema"])

    def request(self, operation: Operation, base_url: str) -> Request | None:
        """Method, URL, body and headers; None for a case that HTTP can't carry."""
        content: dict[str, Any] = {}
        if isinstance(self.body, bytes) or self.body is None:
            # As `json`, None would be no body at all.
            content = {"data": b"null" if self.body is None else self.body}
        elif self.body is not ABSENT:
            content = {"json": self.body}
        media = "application/json" if self.media is None and self.body is not ABSENT else self.media
        headers = {} if media is None else {"content-type": media}
        try:
            url = base_url + operation.path.format(**self.path)
            asked = requests.Request(operation.method, url, headers, params=self.query, **content).prepare()
            address = str(httpx.URL(asked.url or ""))
        except (requests.RequestException, httpx.InvalidURL, ValueError, UnicodeError):
            return None
        body = asked.body.encode("utf-8", "surrogatepass") if isinstance(asked.body, str) else asked.body
        return operation.method, address, body if isinstance(body, bytes) else b"", headers


@dataclass(frozen=True)
class Cases:
    """All of an operation: those that `cover` its parts one by one, and those that were `drawn`."""

    covering: list[Case]
    drawn: list[Case]
