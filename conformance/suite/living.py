"""What lifecycles are about: the collections whose members can be made, met, changed and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conformance.contract import Contract, Operation
from conformance.resources import RESOURCES, Resource
from conformance.suite.calls import resource_of
from conformance.suite.check import Subjects
from conformance.suite.members import Address, Bond, addresses, listings, shown


def _living(contract: Contract) -> Iterator[Resource]:
    """The collections that the suite can make members of, and whose members can be read."""
    for resource in RESOURCES.values():
        begins = resource.creates or resource.reads
        if resource.singleton or not resource.makeable:
            continue
        readable = resource.finder is not None if resource.reads is None else resource.reads in contract.operations
        if begins in contract.operations and readable:
            yield resource


def _mortal(contract: Contract) -> Iterator[Resource]:
    """Those whose members can be deleted."""
    return (resource for resource in _living(contract) if resource.destroys in contract.operations)


def with_addresses(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be read in more than one way."""
    return {
        resource.name: resource
        for resource in _living(contract)
        if resource.reads is not None and len(addresses(contract, resource, "GET")) > 1
    }


def answering(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose create answers with the new member."""
    return {
        resource.name: resource
        for resource in _living(contract)
        if (create := contract.operations.get(resource.creates or "")) is not None
        and resource.identity in (shown(contract, create) or ())
    }


def listed(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be both listed and read singly."""
    return {
        resource.name: resource
        for resource in _living(contract)
        if resource.reads is not None and listings(contract, resource)
    }


def again(kind: str | None) -> Subjects:
    """The collections whose members have an identity beside their id, by what a second create is said to do."""

    def of_that_kind(contract: Contract) -> Mapping[str, Resource]:
        return {
            resource.name: resource
            for resource in _living(contract)
            if resource.unique and resource.again == kind and resource.creates in contract.operations
        }

    return of_that_kind


def keyed(contract: Contract) -> Mapping[str, Operation]:
    """The operations that create a flow run once for each idempotency key."""
    return {
        label: operation
        for label, operation in contract.operations.items()
        if operation.method == "POST" and "idempotency_key" in contract.body_properties(label)
    }


def with_addresses_to_lose(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be deleted, and read singly."""
    return {resource.name: resource for resource in _mortal(contract) if addresses(contract, resource, "GET")}


def with_lists_to_leave(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be deleted, and listed."""
    return {resource.name: resource for resource in _mortal(contract) if listings(contract, resource)}


def with_names_to_free(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be deleted, and made again under the same identity."""
    return {
        resource.name: resource
        for resource in _mortal(contract)
        if resource.unique and resource.creates in contract.operations
    }


def changeable(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be changed."""
    return {
        resource.name: resource
        for resource in _living(contract)
        if resource.updates in contract.operations or resource.replaces in contract.operations
    }


def patchable(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be changed in one field."""
    return {resource.name: resource for resource in _living(contract) if resource.updates in contract.operations}


def shown_and_changed(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be changed, and met elsewhere than where they are read singly."""
    met = {**with_addresses(contract), **listed(contract)}
    return {name: resource for name, resource in changeable(contract).items() if name in met}


def renamable(contract: Contract) -> Mapping[str, Resource]:
    """The collections whose members can be found by a name that can be changed."""
    return {
        name: resource
        for name, resource in patchable(contract).items()
        if any(addresses_by(contract, resource, key) for key in renaming(contract, resource))
    }


def renaming(contract: Contract, resource: Resource) -> Iterator[str]:
    """The fields that tell members apart and can be patched."""
    documented = contract.body_properties(resource.updates or "")
    return (field for field in resource.unique if field in resource.patches and field in documented)


def addresses_by(contract: Contract, resource: Resource, key: str) -> list[Address]:
    """The addresses that a member is found at by `key`."""
    return [address for address in addresses(contract, resource, "GET") if key in address.keys.values()]


def bonds(contract: Contract) -> Mapping[str, Bond]:
    """The collections whose members go with those of another, both of which the contract has."""
    mortal = {resource.name: resource for resource in _mortal(contract)}
    found = [Bond(child, mortal[name]) for child in _living(contract) for name in child.parents if name in mortal]
    return {bond.name: bond for bond in found}


def named_within(contract: Contract) -> Mapping[str, Bond]:
    """Those whose children can be deleted, and are told apart by a name within their parent."""
    mortal = [resource.name for resource in _mortal(contract)]
    return {
        name: bond
        for name, bond in bonds(contract).items()
        if bond.own and bond.child.name in mortal and bond.child.creates in contract.operations
    }


def on_a_member(contract: Contract) -> Mapping[str, Operation]:
    """The operations on a member that can be deleted, but for those that read or delete it.

    Left out are those whose body can't be known from the document, and lists that are no member's own.
    """
    mortal = {resource.name: resource for resource in _mortal(contract)}
    found = {}
    for label, operation in contract.operations.items():
        resource = resource_of(operation)
        if resource is None or resource.name not in mortal or operation.method not in ("GET", "PATCH", "POST"):
            continue
        reads = {address.operation.label for address in addresses(contract, resource, "GET")}
        lists = {listing.operation.label for listing in listings(contract, resource)}
        if label not in reads | lists and _body_known(contract, operation):
            found[label] = operation
    return found


def _body_known(contract: Contract, operation: Operation) -> bool:
    body = operation.body
    required = set() if body is None else set(contract.resolve(body).get("required", ()))
    creates = any(resource.creates == operation.label for resource in RESOURCES.values())
    return creates or required <= {"state"}
