"""The recorder stands at the client: every request that creates is on disk before it is sent, whoever sends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

import httpx

from conformance.contract import Contract, Operation
from conformance.errors import TargetTrouble
from conformance.resources.base import filled
from conformance.target import only_reads
from conformance.world.inventory import Inventory
from conformance.world.ledger import Created, CreatedLedger
from conformance.world.removal import creates, made_by, taken_back_by

_MOST: Final = 1_000
"""Objects that one request is believed to have made: no operation takes as many, whatever a server answers."""


class Trespass(TargetTrouble):
    """A request would have changed what was on a shared target before the run: it was not sent."""


class Recorder:
    """Enters what is created in the ledger, as `conformance.target.Witness` asks for it, and tells whoever watches.

    `ledger`: None where nobody will clean up. `foreign`: what is not the run's own. A request to change or remove
    it is refused: no check means to send one.
    """

    def __init__(self, contract: Contract, ledger: CreatedLedger | None, foreign: Inventory | None = None) -> None:
        self._contract = contract
        self._ledger = ledger
        self._foreign = foreign
        self._watched: list[list[Created]] = []
        self._settings: dict[str, Operation] = {}

    def sending(self, operation: Operation, path: str) -> str | None:
        """A request is about to be sent; what `answered` wants to know of it, None where it creates nothing.

        Raises Trespass.
        """
        if self._foreign is not None and operation.placeholders:
            values = filled(operation.path, path)
            if not only_reads(operation.method, operation.path) and self._foreign.addresses(operation.path, values):
                raise Trespass(f"{operation.method} {path} would change what others have on the target: not sent")
        if (setting := taken_back_by(self._contract, operation.label)) is not None:
            self._settings[setting.label] = setting
        resource = creates(self._contract, operation.label)
        if resource is None:
            return None
        return "" if self._ledger is None else self._ledger.intend(resource.name)

    def answered(self, token: str, operation: Operation, path: str, response: httpx.Response) -> None:
        """The request of that token has been answered.

        After a 5xx nobody knows whether something was made, nor whether what a server tells of beyond belief was: the
        intent stays open, and the names tell.
        """
        if response.is_success:
            told = made_by(self._contract, operation.label, _decoded(response), filled(operation.path, path))
            made = list(dict.fromkeys(islice(told, _MOST)))
            if next(told, None) is not None:
                self.enter(made)  # and the intent stays open
                return
            if self._ledger is not None:
                self._ledger.settle(token, made)
            self._tell(made)
        elif response.is_client_error and self._ledger is not None:
            self._ledger.settle(token)

    def enter(self, made: Iterable[Created]) -> None:
        """Another client has made these."""
        found = list(made)
        if self._ledger is not None:
            for created in found:
                self._ledger.add(created)
        self._tell(found)

    @contextmanager
    def watch(self) -> Iterator[list[Created]]:
        """A list that gets whatever is made inside, but for what is made inside a `watch` within this one."""
        made: list[Created] = []
        self._watched.append(made)
        try:
            yield made
        finally:
            self._watched.pop()

    def settings(self) -> list[Operation]:
        """What takes back the settings of the whole server that have been asked for since this was called last."""
        found = list(self._settings.values())
        self._settings.clear()
        return found

    def _tell(self, made: Iterable[Created]) -> None:
        if self._watched:
            self._watched[-1].extend(made)


def _decoded(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None
