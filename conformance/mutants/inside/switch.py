"""Which mutant is in force: the one that a request names in a header, for that request alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

HEADER = b"x-conformance-mutant"
"""`module:number`, or `none` for a request of which it is only noted what it reaches."""

TAKE = "/__mutants__/take"
"""Answers with the mutants that were reached by requests with the header since it was last asked for."""

FORGET = "/__mutants__/forget"
"""Empties the caches of the server: what a mutant has put there is gone."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Turn:
    """One request: the mutant in force (None: none), and those that it has come by."""

    __slots__ = ("mutant", "reached")

    def __init__(self, mutant: tuple[str, int] | None) -> None:
        self.mutant = mutant
        self.reached: set[tuple[str, int]] | None = set()


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)

ROUTES: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
"""Module and name of an endpoint -> the mutants of its route's status: module, number, and status."""

_reached: set[tuple[str, int]] = set()


def asker(module: str) -> Callable[[int], bool]:
    """The function that the changed source of `module` asks."""
    keys: dict[int, tuple[str, int]] = {}

    def ask(number: int) -> bool:
        turn = _turn.get()
        if turn is None or turn.reached is None:
            return False
        key = keys.get(number)
        if key is None:
            key = keys[number] = (module, number)
        turn.reached.add(key)
        return key == turn.mutant

    return ask


class Switch:
    """Stands before the application; without the header, requests pass as they are."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, with the mutant that it names; the switch's own paths are answered here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in (TAKE, FORGET):
            await _answer(scope["path"], send)
            return
        named = dict(scope["headers"]).get(HEADER)
        if named is None:
            await self._app(scope, receive, send)
            return
        module, _, number = named.decode("ascii").partition(":")
        turn = Turn((module, int(number)) if number else None)
        # The application is not to see what it would not get otherwise.
        scope = dict(scope, headers=[pair for pair in scope["headers"] if pair[0] != HEADER])
        token = _turn.set(turn)
        try:
            await self._app(scope, receive, _sender(scope, turn, send))
        finally:
            _turn.reset(token)
            if turn.reached is not None:
                _reached.update(turn.reached)
            # What the request has left running goes on without the mutant.
            turn.mutant = turn.reached = None


def _sender(scope: Scope, turn: Turn, send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and turn.reached is not None and message["status"] < 300:
            endpoint = scope.get("endpoint")
            name = (getattr(endpoint, "__module__", ""), getattr(endpoint, "__qualname__", ""))
            for module, number, status in ROUTES.get(name, ()):
                turn.reached.add((module, number))
                if turn.mutant == (module, number):
                    message = dict(message, status=status)
        await send(message)

    return sending


async def _answer(path: str, send: Send) -> None:
    if path == FORGET:
        _forget()
    content = json.dumps(sorted(f"{module}:{number}" for module, number in _reached)).encode()
    _reached.clear()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(content)).encode())]}
    )
    await send({"type": "http.response.body", "body": content})


def _forget() -> None:
    for name, module in list(sys.modules.items()):
        if not name.startswith("prefect.server"):
            continue
        owners = [module, *(value for value in vars(module).values() if isinstance(value, type))]
        for owner in owners:
            for value in list(vars(owner).values()):
                if type(value).__module__.partition(".")[0] == "cachetools":
                    value.clear()
