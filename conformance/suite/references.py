"""Members that refer to others: block schemas to block schemas, automations to what they act on and who owns them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from conformance.contract import Contract
from conformance.resources import RESOURCES, Made, Record, Resource
from conformance.suite.members import addresses
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.plans import deployment, that_runs
from conformance.target import Client
from conformance.world import World

_SCHEMAS: Final = "POST /block_schemas/"
_ATTEMPTS: Final = 30
_OWNED: Final = "DELETE /automations/owned-by/{resource_id}"


def schemas(contract: Contract) -> Mapping[str, Resource]:
    """The collection of block schemas, where the contract has it."""
    return {"block_schemas": RESOURCES["block_schemas"]} if _SCHEMAS in contract.operations else {}


def require_two_names_for_one_schema(subject: Resource, contract: Contract, client: Client, world: World) -> None:
    """A schema that has another one in two of its fields reads with both, at each of its addresses."""
    shop = world.workshop
    kind = shop.shared("block_types").record
    inner = shop.make("block_schemas").record
    reference = {"block_type_slug": kind["slug"], "block_schema_checksum": inner["checksum"]}
    names = {"first": reference, "second": reference}
    definition = {**inner["fields"], "block_type_slug": kind["slug"], "block_schema_references": {}}
    body = subject.body(shop)
    fields = {
        **body["fields"],
        "properties": {name: {"$ref": "#/definitions/Inner"} for name in names},
        "definitions": {"Inner": definition},
        "block_schema_references": names,
    }
    made = Made(subject.name, shop.send(_SCHEMAS, {**body, "fields": fields}))
    for address in addresses(contract, subject, "GET"):
        answer = client.request("GET", address.path(made))
        if not answer.is_success:
            raise Violation(f"{address.name} is refused", expected="2xx", observed=answer.text[:300])
        seen = answer.json()["fields"]
        require_equal(f"{address.name}: the references", names, seen["block_schema_references"])
        require_equal(f"{address.name}: the properties", fields["properties"], seen["properties"])


_BY_CHECKSUM: Final = "GET /block_schemas/checksum/{checksum}"


def checksums(contract: Contract) -> Mapping[str, str]:
    """The operation that finds a schema by its checksum, where schemas have versions."""
    versions = "version" in contract.body_properties(_SCHEMAS)
    return {_BY_CHECKSUM: _BY_CHECKSUM} if versions and _BY_CHECKSUM in contract.operations else {}


def require_latest_of_a_checksum(client: Client, world: World) -> None:
    """Of two schemas that differ in their version alone, a checksum finds the later one, or the version asked for."""
    shop = world.workshop
    body = RESOURCES["block_schemas"].body(shop)
    # The one that is created last has neither the highest nor the lowest version.
    schemas = {version: shop.send(_SCHEMAS, {**body, "version": version}) for version in ("2.0", "3.0", "1.0", "2.5")}
    require_equal(
        "the checksums of schemas that differ in their version", 1, len({s["checksum"] for s in schemas.values()})
    )
    path = f"/block_schemas/checksum/{schemas['2.5']['checksum']}"
    for asked, expected in ({}, "2.5"), ({"version": "3.0"}, "3.0"), ({"version": "2.0"}, "2.0"):
        answer = client.request("GET", path, params=asked)
        if not answer.is_success:
            raise Violation("a schema is not found by its checksum", expected="2xx", observed=answer.text[:300])
        found = answer.json()
        require_equal(f"what is found with {asked or 'no version'}", schemas[expected]["id"], found["id"])


def owning(contract: Contract) -> Mapping[str, str]:
    """The operation that deletes the automations of a resource."""
    return {_OWNED: _OWNED} if _OWNED in contract.operations else {}


def require_only_owned_go(client: Client, world: World) -> None:
    """Deleting what a deployment owns leaves the automation that another resource owns and that runs the deployment."""
    of = deployment(world)
    owned = _automation(world, of, owner_resource=_resource(of))
    other = _automation(world, of)
    both = sorted(found["id"] for found in related_to(world, of))
    require_equal("the automations that are related to the deployment", sorted([owned["id"], other["id"]]), both)
    deletes = world.workshop.contract.operations[_OWNED]
    answer = client.request(deletes.method, deletes.fill({"resource_id": _resource(of)}))
    if not answer.is_success:
        raise Violation("the deletion is refused", expected="2xx", observed=f"{answer.status_code} {answer.text[:300]}")
    # Such a deletion is answered 202, accepted: it may be done a little later.
    for _ in range(_ATTEMPTS):
        left = [found["id"] for found in related_to(world, of)]
        if owned["id"] not in left:
            break
        time.sleep(0.1)
    require_equal("the automations that are left", [other["id"]], left)


def _automation(world: World, of: Record, **fields: str) -> Record:
    """An automation that runs a deployment, owned by a resource of its own unless `fields` name another."""
    shop = world.workshop
    body = {**RESOURCES["automations"].body(shop), "actions": [that_runs(of)], **fields}
    made: Record = shop.send("POST /automations/", body)
    return made


def related_to(world: World, deployment: Record) -> list[Record]:
    """The automations that are related to a deployment: because it owns them, or because they run it."""
    related = "GET /automations/related-to/{resource_id}"
    found: list[Record] = world.workshop.send(related, resource_id=_resource(deployment))
    return found


def _resource(deployment: Record) -> str:
    return f"prefect.deployment.{deployment['id']}"
