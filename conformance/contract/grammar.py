"""The filter grammar: what the body of each query may ask, read from its schema.

A filter is a tree: `{"flow_runs": {"operator": "and_", "state": {"type": {"any_": [...]}}}}`. `operator` combines,
a key whose value is an object leads one level down, and everything else is an operator (`any_`, or `since` in the
filter of events). A filter is told from other objects in a body (a new state) by its schema's name: `FlowFilter`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.contract.operations import Operation
from conformance.contract.schemas import Schema, reference_name, resolve


@dataclass(frozen=True)
class ValueType:
    """What an operator takes: `kind` of a value, and whether it takes a list of them (`many`).

    Kinds: uuid, date-time, string, boolean, integer, number, enum (its values in `options`), any.
    `nullable`: the document says that null may stand in its place; `default`: what it says is meant without one.
    """

    kind: str
    many: bool = False
    options: tuple[Any, ...] = ()
    nullable: bool = False
    default: Any = None


@dataclass(frozen=True)
class Criterion:
    """One field that can be filtered on: its path in the filter (`state.type`), and operators by name.

    `deprecated`: the document says so; such a criterion may be accepted and ignored. `nullable`: it says that null may
    stand in its place; `required`: the operators that it can't be without.
    """

    path: str
    operators: Mapping[str, ValueType] = field(hash=False)
    deprecated: bool = False
    nullable: bool = False
    required: frozenset[str] = frozenset()

    def body(self, **operators: Any) -> dict[str, Any]:
        """A filter with this criterion alone: `{"state": {"type": {"any_": […]}}}`."""
        node: dict[str, Any] = operators
        for step in reversed(self.path.split(".") if self.path else ()):
            node = {step: node}
        return node


@dataclass(frozen=True)
class Filter:
    """The filter of one collection inside a query's body, under the key `name` (`flow_runs`).

    `name` is empty where the body itself is the filter (`{"prefix": "a"}`).

    `combinable`: the places that accept `operator` (`""` is the filter itself, `tags`, `state`).
    `repeatable`: the criteria that take a list of objects as well as one (`related`); all of them have to hold.
    `orders`: what the filter's own `order` may say, where it has one, and `default_order` what the document says of a
      filter without: how the rows are sorted is no criterion.
    """

    name: str
    schema: str
    criteria: Mapping[str, Criterion] = field(hash=False)
    combinable: frozenset[str]
    repeatable: frozenset[str] = frozenset()
    orders: tuple[str, ...] = ()
    default_order: str | None = None


@dataclass(frozen=True)
class Query:
    """An operation that is asked with a filter in its body.

    `collection` is the path's part before the verb (`flows`, `artifacts/latest`), `verb` the last
    segment (`filter`, `count`, `paginate`, `history`, …), `properties` all that its body may name.
    `most_rows` is the largest `limit` that the document names, `default_sort` the sort key that it names for a body
    without one.
    """

    operation: Operation
    collection: str
    verb: str
    filters: Mapping[str, Filter] = field(hash=False)
    sorts: tuple[str, ...]
    properties: frozenset[str]
    default_sort: str | None = None
    most_rows: int | None = None

    @property
    def name(self) -> str:
        """The collection without the placeholders of its path: `work_pools/queues`."""
        return "/".join(part for part in self.collection.split("/") if not part.startswith("{"))

    def twin(self, verb: str) -> str:
        """The label of the same collection's query of another verb: `POST /flows/count`."""
        return f"POST /{self.collection}/{verb}"


def queries(document: Schema, operations: Iterable[Operation]) -> Iterator[Query]:
    """Every operation of the document whose body holds at least one filter, or that ends in `/filter`."""
    for operation in operations:
        # What creates has no rows to filter, whatever filter the new object is to have (a queue's, in its body).
        creates = operation.path.endswith("/") or "201" in operation.answers
        if operation.method != "POST" or operation.body is None or creates:
            continue
        body = resolve(document, operation.body)
        properties = body.get("properties", {})
        filters = {name: found for name, schema in properties.items() if (found := _filter(document, name, schema))}
        head, _, verb = operation.path.strip("/").rpartition("/")
        if verb == "filter" and not filters and (found := _bare(document, operation.body, body)):
            filters = {"": found}
        if filters or verb == "filter":
            sort = resolve(document, properties.get("sort", {}))
            sorts = tuple(sort.get("enum", ()))
            most = resolve(document, properties.get("limit", {})).get("maximum")
            yield Query(operation, head, verb, filters, sorts, frozenset(properties), sort.get("default"), most)


_LISTING = frozenset({"limit", "offset", "sort"})
"""What a body says of which rows come and in which order, not of which match."""


def _bare(document: Schema, schema: Schema, body: Schema) -> Filter | None:
    """A filter whose operators stand at the top of the body, under no name of their own."""
    operators = {
        key: _value_type(document, raw) for key, raw in body.get("properties", {}).items() if key not in _LISTING
    }
    component = reference_name(schema) or ""
    return Filter("", component, {"": Criterion("", operators)}, frozenset()) if operators else None


def _filter(document: Schema, name: str, schema: Schema) -> Filter | None:
    component = reference_name(schema) or ""
    if not component.endswith("Filter"):
        return None
    found = _Walk(document)
    found.visit("", resolve(document, schema), 0)
    if not found.criteria:
        return None
    orders, default = tuple(found.order.get("enum", ())), found.order.get("default")
    combinable, repeatable = frozenset(found.combinable), frozenset(found.repeatable)
    return Filter(name, component, found.criteria, combinable, repeatable, orders, default)


class _Walk:
    """What was met on the way through a filter's schema."""

    def __init__(self, document: Schema) -> None:
        self.document = document
        self.criteria: dict[str, Criterion] = {}
        self.combinable: set[str] = set()
        self.repeatable: set[str] = set()
        self.order: Schema = {}

    def visit(self, path: str, node: Schema, depth: int, *, nullable: bool = False) -> None:
        operators: dict[str, ValueType] = {}
        for key, raw in node.get("properties", {}).items():
            place = f"{path}.{key}".lstrip(".")
            below, repeated = _object(self.document, raw)
            if key == "operator":
                self.combinable.add(path)
            elif place == "order":
                self.order = below
            elif key.endswith("_") or "properties" not in below:
                found = _value_type(self.document, raw)
                operators[key] = replace(found, nullable=_nullable(raw), default=raw.get("default"))
            elif depth < _DEEPEST:
                self.repeatable.update([place] if repeated else [])
                self.visit(place, below, depth + 1, nullable=_nullable(raw))
        if operators:
            deprecated, required = bool(node.get("deprecated")), frozenset(node.get("required", ()))
            self.criteria[path] = Criterion(path, operators, deprecated, nullable, required)


_DEEPEST = 4
"""Filters nest two levels (`state.type`); the bound keeps a schema that refers to itself from running on."""


def _nullable(schema: Schema) -> bool:
    """Whether a document of OpenAPI 3.1 lets null stand there; older ones have no word for it that servers use."""
    return any(option.get("type") == "null" for option in schema.get("anyOf", ()))


def _object(document: Schema, raw: Schema) -> tuple[Schema, bool]:
    """The schema meant; where one object or a list of such objects may stand, that of the object, and True."""
    schema = resolve(document, raw)
    options = [resolve(document, option) for option in schema.get("anyOf", ())]
    items = [resolve(document, option["items"]) for option in options if "items" in option]
    repeated = next((option for option in options if "properties" in option and option in items), None)
    return (schema, False) if repeated is None else (repeated, True)


def _value_type(document: Schema, raw: Schema) -> ValueType:
    schema = resolve(document, raw)
    if schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        item = _value_type(document, schema["items"])
        return ValueType(item.kind, many=True, options=item.options)
    if "enum" in schema:
        return ValueType("enum", options=tuple(schema["enum"]))
    if (kind := schema.get("format")) in ("uuid", "date-time"):
        return ValueType(str(kind))
    kind = schema.get("type")
    return ValueType(kind if kind in ("string", "boolean", "integer", "number") else "any")
