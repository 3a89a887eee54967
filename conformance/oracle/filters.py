"""Whether a record matches a filter, and which records of a world a whole query body selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from conformance.oracle.operators import TAKING_OBJECTS, holds
from conformance.resources import RESOURCES, Record, Relation, Resource, World

Reading = Callable[[str, str], Any]
"""Reads a record's value for a criterion and an operator of it."""

Filter = Mapping[str, Any]


def matches(resource: Resource, filter_: Filter | None, record: Record, world: World) -> bool:
    """Whether `record` of `resource` satisfies `filter_`, the value of the collection's key in a query body.

    Criteria are joined by AND, and so are the operators of one criterion, unless `operator` beside them says
    `or_`. No filter, and a null in place of one, restrict nothing, but for what the collection says is meant then.
    """

    def read(criterion: str, operator: str) -> Any:
        return resource.reader(criterion, operator)(record, world)

    def within(place: str, node: Filter) -> bool:
        # What has several members there satisfies the operators by one of them.
        alone = resource.members_of.get(place)
        if alone is None or not any(value is not None for value in node.values()):
            return _node(place, node, read, within)
        one_by_one = replace(resource, members_of={})
        return any(matches(one_by_one, _under(place, node), single, world) for single in alone(record))

    return _node("", resource.meant(filter_) or {}, read, within)


def _under(place: str, node: Filter) -> Filter:
    for step in reversed(place.split(".")):
        node = {step: node}
    return node


def _node(path: str, node: Filter, read: Reading, within: Callable[[str, Filter], bool]) -> bool:
    results = list(_parts(path, node, read, within))
    if not results:
        return True
    return any(results) if node.get("operator") == "or_" else all(results)


def _parts(path: str, node: Filter, read: Reading, within: Callable[[str, Filter], bool]) -> Iterator[bool]:
    for key, value in node.items():
        if key in ("operator", "order") or value is None:
            continue
        for criterion in value if _is_list_of_objects(value) else (value,):
            if is_criterion(key, criterion):
                yield within(f"{path}.{key}".lstrip("."), criterion)
            else:
                yield holds(key, read(path, key), criterion)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def is_criterion(key: str, value: Any) -> bool:
    """Whether a key of a filter leads one level down; otherwise it is an operator, and `value` its operand."""
    return isinstance(value, Mapping) and not key.endswith("_") and key not in TAKING_OBJECTS


def select(
    collection: str, body: Mapping[str, Filter | None], world: World, resource: Resource | None = None
) -> list[Record]:
    """The records of `collection` that a query with the filters of `body` must return, in the world's order.

    `body` holds filters only: sorting and paging are other rules. A related collection's filter asks
    that at least one linked member matches it. `resource` reads the records in another way than the
    collection's own does. Raises LookupError for a key that nothing is known of.
    """
    resource = resource or RESOURCES[collection]
    own = body.get(resource.key) if resource.key else body
    others = {
        key: filter_ for key, filter_ in body.items() if resource.key and key != resource.key and filter_ is not None
    }
    unknown = others.keys() - frozenset().union(*(relation.keys() for relation in resource.related))
    if unknown:
        raise LookupError(f"{collection} has no relation for {sorted(unknown)}")
    return [
        record
        for record in world.get(collection, ())
        if matches(resource, own, record, world)
        and all(_linked(relation, others, record, world) for relation in _asked(resource.related, others))
    ]


def _linked(relation: Relation, others: Mapping[str, Filter | None], record: Record, world: World) -> bool:
    """Whether one linked member satisfies its own filter and has members of its own as the rest asks."""
    resource = RESOURCES[relation.collection]
    return any(
        matches(resource, others.get(relation.key), other, world)
        and all(_linked(beyond, others, other, world) for beyond in _asked(relation.then, others))
        for other in relation.others(record, world)
    )


def _asked(relations: Sequence[Relation], others: Mapping[str, Filter | None]) -> Iterator[Relation]:
    return (relation for relation in relations if relation.keys() & others.keys())
