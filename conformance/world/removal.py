"""What removes an object, told from the answer that made it or from the row that a listing has of it; and that done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import httpx

from conformance.contract import Contract, Operation
from conformance.resources import RESOURCES, Made, Record, Resource, address
from conformance.resources.base import filled
from conformance.target import Client
from conformance.world.ledger import Created

NOT_THERE: Final = frozenset({httpx.codes.NOT_FOUND, httpx.codes.GONE})
"""What an operation answers on a member that is not there (RFC 9110, 15.5.5 and 15.5.11)."""

_ALSO_CREATES: Final = {"POST /deployments/{id}/create_flow_run": "flow_runs"}
"""Operations that create a member of another collection than the one they stand in."""

_CREATES: Final = {resource.creates: resource for resource in RESOURCES.values() if resource.creates is not None} | {
    label: RESOURCES[name] for label, name in _ALSO_CREATES.items()
}


_SETS: Final = {
    resource.creates: resource.destroys
    for resource in RESOURCES.values()
    if resource.singleton and resource.creates is not None
}


def taken_back_by(contract: Contract, label: str) -> Operation | None:
    """The operation that takes back what an operation sets for the whole server; None where it sets nothing so."""
    return contract.operations.get(_SETS.get(label) or "")


def creates(contract: Contract, label: str) -> Resource | None:
    """The collection in which the operation `METHOD /path` makes a member that can be removed; None where in none.

    What can't be removed singly goes with its parent.
    """
    resource = _CREATES.get(label)
    if resource is None or resource.singleton or resource.destroys not in contract.operations:
        return None
    return resource


def made_by(contract: Contract, label: str, answer: Any, within: Mapping[str, str]) -> Iterator[Created]:
    """What an operation has made. `answer` is the decoded answer, or a list of such; `within` filled its path."""
    resource = creates(contract, label)
    if resource is None:
        return
    parent = _parent(resource, label, within)
    for record in answer if isinstance(answer, list) else [answer]:
        if isinstance(record, dict) and (created := removal(contract, resource, record, parent)) is not None:
            yield created


def _parent(resource: Resource, label: str, within: Mapping[str, str]) -> Mapping[str, str]:
    """What the path of an operation tells of a member that it makes: by the member's own keys, whom it belongs to."""
    found = address(label.partition(" ")[2])
    if found is None or found[0].name not in resource.parents:
        return {}
    links = resource.parents[found[0].name]
    return {links[key]: within[placeholder] for placeholder, key in found[1].items() if key in links}


def removal(
    contract: Contract, resource: Resource, record: Record, parent: Mapping[str, str] = MappingProxyType({})
) -> Created | None:
    """How a member of the collection is removed; None where nothing does that, or its record does not say.

    `parent`: what its path needs and the record may lack, as in `Made.address`.
    """
    destroy = contract.operations.get(resource.destroys or "")
    if destroy is None:
        return None
    try:
        values = resource.fill(destroy.label, Made(resource.name, record, parent))
    except LookupError:
        return None
    return Created(resource.name, destroy.label, destroy.fill(values))


def remove(client: Client, contract: Contract, created: Created) -> int:
    """Delete an object; returns the status of the answer.

    A server may fail on what it has taken itself: Prefect tells its events of an artifact that is deleted, and fails
    where the data is text that UTF-8 has no form for. Such an object breaks the listings too. So what can be changed of
    it is put right, and it is deleted once more.
    """
    status = client.request("DELETE", created.path).status_code
    if status >= httpx.codes.INTERNAL_SERVER_ERROR and _put_right(client, contract, created):
        status = client.request("DELETE", created.path).status_code
    return status


def _put_right(client: Client, contract: Contract, created: Created) -> bool:
    """Whether the fields that have a plain value to be changed to could be given that."""
    resource = RESOURCES[created.collection]
    update = contract.operations.get(resource.updates or "")
    if update is None:
        return False
    documented = contract.body_properties(update.label)
    plain = {name: value for name, value in resource.patches.items() if name in documented and not callable(value)}
    values = filled(created.operation.partition(" ")[2], created.path)
    if not plain or not values.keys() >= {*update.placeholders}:
        return False
    return client.request(update.method, update.fill(values), plain).is_success
