"""The tokens of a server with protection against cross-site request forgery, for a client that is no browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock

import httpx

from conformance.errors import TargetTrouble

TOKEN = "Prefect-Csrf-Token"  # noqa: S105 - the name of a header
CLIENT = "Prefect-Csrf-Client"
OPERATION = "GET /csrf-token"

_MARGIN = timedelta(seconds=30)
"""A token that ends so soon is renewed before it is sent."""


class Csrf:
    """The token of one client, called `name`: fetched when first needed, renewed before it ends. Threads may share it.

    A client's new token ends its former one: no two processes may have the same name. `learn` is told each token.
    """

    def __init__(self, name: str, learn: Callable[[str], None]) -> None:
        self._name = name
        self._learn = learn
        self._token: str | None = None
        self._ends: datetime | None = None
        self._lock = Lock()

    def headers(self, ask: Callable[[str], httpx.Response]) -> Mapping[str, str]:
        """The headers of a request that changes something; `ask` sends for a token for the client of that name.

        Raises TargetTrouble where none is given.
        """
        with self._lock:
            if self._token is None or (self._ends is not None and self._ends - _MARGIN < datetime.now(UTC)):
                self._token, self._ends = _read(ask(self._name))
                self._learn(self._token)
            return {CLIENT: self._name, TOKEN: self._token}

    def forget(self) -> None:
        """The token is good no more."""
        with self._lock:
            self._token = None

    @staticmethod
    def is_refused(response: httpx.Response) -> bool:
        """Whether the token of a request was not accepted."""
        return response.status_code == httpx.codes.FORBIDDEN and b"csrf" in response.content.lower()


def _read(response: httpx.Response) -> tuple[str, datetime | None]:
    try:
        answer = response.json()
        token, expires = answer["token"], answer.get("expiration")
        ends = datetime.fromisoformat(expires) if expires else None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TargetTrouble(f"{OPERATION} gives no token: it answers {response.status_code}") from error
    return str(token), ends if ends is None or ends.tzinfo else ends.replace(tzinfo=UTC)
