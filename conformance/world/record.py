"""The recorder stands at the client: every request that creates is on disk before it is sent, whoever sends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

import httpx

from conformance.contract import Contract, Operation
from conformance.errors import TargetTrouble
from conformance.resources import RESOURCES, Made, Resource
from conformance.target import only_reads
from conformance.world.inventory import Inventory
from conformance.world.ledger import Created, CreatedLedger

_ALSO_CREATES: Final = {"POST /deployments/{id}/create_flow_run": "flow_runs"}
"""Operations that create a member of another collection than the one they stand in."""


class Trespass(TargetTrouble):
    """A request would have changed what was on a shared target before the run: it was not sent."""


class Recorder:
    """Enters what is created in the ledger, as `conformance.target.Witness` asks for it.

    `foreign`: what is not the run's own. A request to change or remove it is refused: no check means to send one.
    """

    def __init__(self, contract: Contract, ledger: CreatedLedger, foreign: Inventory | None = None) -> None:
        self._ledger = ledger
        self._foreign = foreign
        self._creates: dict[str, tuple[Resource, Operation]] = {}
        for resource in RESOURCES.values():
            destroy = contract.operations.get(resource.destroys or "")
            if resource.singleton or destroy is None:
                continue
            also = (label for label, collection in _ALSO_CREATES.items() if collection == resource.name)
            for label in (resource.creates, *also):
                if label is not None and label in contract.operations:
                    self._creates[label] = resource, destroy

    def sending(self, operation: Operation, path: str) -> str | None:
        """A request is about to be sent; what `answered` wants to know of it, None where it creates nothing.

        Raises Trespass.
        """
        if self._foreign is not None and operation.placeholders:
            values = _values(operation, path)
            if not only_reads(operation.method, operation.path) and self._foreign.addresses(operation.path, values):
                raise Trespass(f"{operation.method} {path} would change what others have on the target: not sent")
        found = self._creates.get(operation.label)
        return None if found is None else self._ledger.intend(found[0].name)

    def answered(self, intent: str, operation: Operation, path: str, response: httpx.Response) -> None:
        """The request of that intent has been answered.

        After a 5xx nobody knows whether something was made: the intent stays open, and the names tell.
        """
        if response.is_success:
            self._ledger.settle(intent, self._made(operation, path, response))
        elif response.is_client_error:
            self._ledger.settle(intent)

    def _made(self, operation: Operation, path: str, response: httpx.Response) -> Iterator[Created]:
        resource, destroy = self._creates[operation.label]
        try:
            answer: Any = response.json()
        except (ValueError, RecursionError):
            return
        for record in answer if isinstance(answer, list) else [answer]:
            if isinstance(record, dict):
                within = _values(operation, path) if operation.label == resource.creates else {}
                try:
                    values = resource.fill(destroy.label, Made(resource.name, record, within))
                except LookupError:
                    continue
                yield Created(resource.name, destroy.label, destroy.fill(values))


def _values(operation: Operation, path: str) -> Mapping[str, str]:
    """What fills the placeholders of the operation in `path`."""
    found = zip(operation.path.split("/"), path.split("/"), strict=False)
    return {part[1:-1]: unquote(value) for part, value in found if part.startswith("{")}
