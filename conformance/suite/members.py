"""Where a member of a collection can be met: at its addresses, in lists, in counts. And what it hangs on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from conformance.contract import Contract, Operation, Query
from conformance.contract.schemas import Schema
from conformance.resources import RESOURCES, Made, Record, Resource
from conformance.resources.base import keys_by_placeholder, segments
from conformance.suite.outcome import CouldNotRun, Violation
from conformance.target import Client
from conformance.world import HttpWorkshop, SeedingError, World

_MOST_PAGES = 20
"""Pages that are read of a list that can't be narrowed, on a server that others use too."""


@dataclass(frozen=True)
class Address:
    """An operation whose path ends at one member. `keys`: placeholder -> the key of the member that fills it."""

    operation: Operation
    keys: Mapping[str, str]

    @property
    def name(self) -> str:
        """The operation, and by what it finds the member: `GET /flows/name/{name} (name)`."""
        return f"{self.operation.label} ({', '.join(self.keys.values())})"

    def path(self, made: Made) -> str:
        """The path to `made`."""
        return self.operation.fill({name: str(made.value(key)) for name, key in self.keys.items()})


@dataclass(frozen=True)
class Listing:
    """An operation that lists members: a query of the collection, or a plain GET."""

    resource: Resource
    operation: Operation
    keys: Mapping[str, str]
    query: Query | None = None

    @property
    def narrow(self) -> bool:
        """Whether the query can be narrowed to one member."""
        resource = self.resource
        return self.query is not None and resource.fence is not None and resource.key in self.query.filters

    def find(self, client: Client, made: Made) -> Record | None:
        """The row of `made`; None where the list, or what it is a list of, does not have it."""
        identity = self.resource.identity
        for rows in self._pages(client, made):
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise Violation("the list is not one of objects", expected=[], observed=rows)
            found: list[Record] = [row for row in rows if row.get(identity) == made.record[identity]]
            if len(found) > 1:
                raise Violation("a member is listed more than once", expected=1, observed=len(found))
            if found:
                return found[0]
        return None

    def _pages(self, client: Client, made: Made) -> Iterator[Any]:
        if self.query is None:
            required = [p.name for p in self.operation.parameters if p.where == "query" and p.required]
            yield self._ask(client, made, params={name: str(made.value(name)) for name in required})
            return
        if self.query.verb == "paginate":
            answer = self._ask(client, made, narrowed(self.resource, made))
            yield answer.get("results") if isinstance(answer, dict) else answer
            return
        listed = self.resource.listed
        body = {**self.resource.needs, **(narrowed(self.resource, made) if self.narrow else {})}
        offset = 0
        for _ in range(_MOST_PAGES):
            answer = self._ask(client, made, {**body, "offset": offset} if offset else body)
            rows = answer if listed is None else answer.get(listed) if isinstance(answer, dict) else None
            yield rows
            if not rows or self.narrow or "offset" not in self.query.properties:
                return
            offset += len(rows)
        raise CouldNotRun(f"others have put too many {self.resource.name} on the server")

    def _ask(self, client: Client, made: Made, body: Any = None, params: Mapping[str, str] | None = None) -> Any:
        values = {
            name: str(made.value(self.keys[name]) if name in self.keys else made.within[name])
            for name in self.operation.placeholders
        }
        response = client.request(self.operation.method, self.operation.fill(values), body, params=params or None)
        if response.status_code == httpx.codes.NOT_FOUND:  # what it would be a list of is not there
            return []
        if response.status_code != httpx.codes.OK:
            raise Violation(
                f"{self.operation.label} is answered {response.status_code}",
                expected=200,
                observed={"body": body, "answer": response.text[:400]},
            )
        return response.json()


def narrowed(resource: Resource, made: Made) -> Record:
    """The filters of a query's body that this member satisfies, and as few others as the grammar allows."""
    assert resource.fence is not None
    return resource.own(resource.fence([made.record]))


def addresses(contract: Contract, resource: Resource, method: str) -> list[Address]:
    """Every operation of one method that is about one member, once for each way to find it."""
    return [
        Address(operation, keys)
        for operation in contract.operations.values()
        if operation.method == method and not _is_list(contract, operation)
        for keys in _fitting(resource.members, operation)
    ]


def listings(contract: Contract, resource: Resource) -> list[Listing]:
    """Every list that a member stands in."""
    found = [
        Listing(resource, query.operation, {}, query)
        for query in contract.queries.values()
        if query.name == resource.name and query.verb in ("filter", "paginate")
    ]
    plain = [
        Listing(resource, operation, keys)
        for operation in contract.operations.values()
        if operation.method == "GET" and _is_list(contract, operation)
        for keys in _fitting((*resource.members, *resource.lists), operation)
    ]
    # A page of `paginate` is asked for where it can be narrowed to the member: `filter` shows the same rows else.
    return [listing for listing in found if listing.operation.path.endswith("/filter") or listing.narrow] + plain


def counted(contract: Contract, resource: Resource) -> Operation | None:
    """The operation that counts members, where it can be asked for a few of them only."""
    for query in contract.queries.values():
        if query.name == resource.name and query.verb == "count" and resource.key in query.filters and resource.fence:
            return query.operation
    return None


def shown(contract: Contract, operation: Operation) -> frozenset[str] | None:
    """The fields of the records in an operation's answer, None where the document does not say."""
    schema = _answer(contract, operation)
    if "results" in schema.get("properties", {}):
        schema = contract.resolve(schema["properties"]["results"])
    if "items" in schema:
        schema = contract.resolve(schema["items"])
    return frozenset(schema["properties"]) if schema.get("properties") else None


def _answer(contract: Contract, operation: Operation) -> Schema:
    """The schema of the JSON that an operation answers with where it succeeds; empty where there is none."""
    for status, media in operation.answers.items():
        if status.startswith("2") and "application/json" in media:
            return contract.resolve(media["application/json"])
    return {}


def _is_list(contract: Contract, operation: Operation) -> bool:
    return _answer(contract, operation).get("type") == "array"


def _fitting(templates: Sequence[str], operation: Operation) -> Iterator[Mapping[str, str]]:
    for template in templates:
        keys = keys_by_placeholder(template, operation.path)
        if keys is not None and len(segments(template)) == len(operation.segments):
            yield keys


class Lineage:
    """A workshop for members that hang on the `ancestors`, not on what all share.

    `alone`: any other that is needed is made for this lineage alone, and may be deleted; else all share it.
    """

    def __init__(self, shop: HttpWorkshop, ancestors: Mapping[str, Made], *, alone: bool) -> None:
        self._shop = shop
        self._ancestors = dict(ancestors)
        self._alone = alone

    def has(self, operation: str) -> bool:
        """As the workshop."""
        return self._shop.has(operation)

    def accepts(self, operation: str, field: str) -> bool:
        """As the workshop."""
        return self._shop.accepts(operation, field)

    def send(self, operation: str, body: Any = None, /, **placeholders: str) -> Any:
        """As the workshop."""
        return self._shop.send(operation, body, **placeholders)

    def name(self, stem: str) -> str:
        """As the workshop."""
        return self._shop.name(stem)

    def shared(self, collection: str) -> Made:
        """The one member of `collection` in this lineage, or that of all."""
        if collection not in self._ancestors:
            if not self._alone:
                return self._shop.shared(collection)
            self._ancestors[collection] = RESOURCES[collection].make(self)
        return self._ancestors[collection]


@dataclass(frozen=True)
class Bond:
    """A collection whose members go with those of another."""

    child: Resource
    parent: Resource

    @property
    def name(self) -> str:
        """As it stands in reports: `flow_runs of flows`."""
        return f"{self.child.name} of {self.parent.name}"

    def born(self, world: World) -> tuple[Made, Made]:
        """A new child and its parent, which has no other children that anybody else uses."""
        keys = self.child.parents[self.parent.name]
        try:
            child = self.child.make(Lineage(world.workshop, {}, alone=True))
            return child, Made(self.parent.name, {key: child.value(other) for key, other in keys.items()})
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # as where the workshop makes one
            raise SeedingError(f"no {self.name} can be made of what the target answers: {error!r}") from error

    @property
    def own(self) -> frozenset[str]:
        """The fields by which the child is told from others of the same parent; none where it is told from all."""
        link = frozenset(self.child.parents[self.parent.name].values())
        scoped = link & set(self.child.unique) or "{" in (self.child.creates or "")
        return frozenset(self.child.unique) - link if scoped else frozenset()

    def namesake(self, one: Made, stranger: Made, world: World) -> Made:
        """A new child of the name of `one`, under the parent of `stranger`.

        Raises SeedingError where the target refuses it.
        """
        name = {key: one.sent[key] for key in self.own}
        sent = {**stranger.sent, **name}
        answer = world.workshop.send(self.child.creates or "", sent, **stranger.within)
        known = answer if isinstance(answer, dict) and self.child.identity in answer else {**stranger.record, **name}
        address = {key: name.get(key, value) for key, value in stranger.address.items()}
        return self.child.read_back(world.workshop, Made(self.child.name, known, address, sent, stranger.within))
