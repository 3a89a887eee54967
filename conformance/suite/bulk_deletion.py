"""Members that are deleted many at once, by a filter and up to a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conformance.contract import Contract
from conformance.resources import RESOURCES, Made, Resource
from conformance.suite.bulk import listed
from conformance.suite.members import addresses
from conformance.suite.outcome import Violation, require_equal
from conformance.target import Client
from conformance.world import NOT_THERE, World

_MOST: Final = 2
"""How many of the three that match are to be deleted."""


def bulks(contract: Contract) -> Mapping[str, Resource]:
    """The collections with an operation that deletes many members, by that operation.

    That of flow runs, which goes with what their states promise, is judged by a rule of its own.
    """
    labels = {f"POST /{name}/bulk_delete": resource for name, resource in RESOURCES.items() if name != "flow_runs"}
    return {label: resource for label, resource in labels.items() if label in contract.operations}


def require_bulk_delete(resource: Resource, contract: Contract, client: Client, world: World) -> None:
    """Raise Violation unless as many as the limit says of those that match are deleted, and no other member."""
    members = [world.victim(resource.name) for _ in range(4)]
    ids = [str(member.record["id"]) for member in members]
    deleted = _deleted(resource, client, ids[:3], limit=_MOST)
    if len(deleted) != _MOST or not set(deleted) <= set(ids[:3]):
        raise Violation(f"three members match, and {_MOST} were to be deleted", expected=_MOST, observed=deleted)
    for id_, member in zip(ids, members, strict=True):
        _require_there(resource, contract, client, member, there=id_ not in deleted)
    require_equal("what is deleted a second time", [], _deleted(resource, client, deleted))
    rest = sorted(set(ids[:3]) - set(deleted))
    require_equal("what is deleted without a limit", rest, _deleted(resource, client, ids[:3]))
    _require_there(resource, contract, client, members[3], there=True)


def _require_there(resource: Resource, contract: Contract, client: Client, member: Made, *, there: bool) -> None:
    for address in addresses(contract, resource, "GET"):
        status = client.request("GET", address.path(member)).status_code
        if (status in NOT_THERE) is there:
            what = "a member that was not named is gone" if there else "a member that was deleted is found"
            raise Violation(f"{address.name}: {what}", expected=200 if there else 404, observed=status)


def _deleted(resource: Resource, client: Client, ids: list[str], **bounds: int) -> list[str]:
    """The ids that the operation says it has deleted, sorted."""
    body = {**resource.own({"id": {"any_": ids}}), **bounds}
    return sorted(map(str, listed(resource, "bulk_delete", client, body, "deleted")))
