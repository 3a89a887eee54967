"""A server that asks for credentials and CSRF tokens, started beside the ones that a run tests."""

from __future__ import annotations

import time
from collections.abc import Mapping

import httpx
from pydantic import BaseModel, ConfigDict

from conformance.target.access import basic
from conformance.target.client import Unreachable

_POLL_SECONDS = 0.1


class Guarded(BaseModel):
    """Where it is, and how to get in.

    `credentials` is what it was told to ask for (`user:password`); `basic_auth`: whether its release does so.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    credentials: str
    basic_auth: bool

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that let a request in; none where the release knows no credentials."""
        return {"Authorization": basic(self.credentials)} if self.basic_auth else {}

    def wait(self, patience: float) -> None:
        """Return when it answers: it is started and left to itself. Raises Unreachable after `patience` seconds."""
        deadline = time.monotonic() + patience
        with httpx.Client(trust_env=False, timeout=2) as client:
            while True:
                try:
                    if client.get(f"{self.url}/health").is_success:
                        return
                    why = "it is not healthy"
                except httpx.TransportError as error:
                    why = str(error) or type(error).__name__
                if time.monotonic() > deadline:
                    raise Unreachable(f"the server that asks for credentials is not up: {why}")
                time.sleep(_POLL_SECONDS)
