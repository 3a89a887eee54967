"""The collections that a contract lists by a filter, and what of the oracle judges each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.contract import Contract, Criterion, Filter, Query, ValueType
from conformance.oracle import OPERATORS, WHOLE
from conformance.oracle.operators import PARTS
from conformance.resources import RESOURCES, Resource
from conformance.suite.check import Subjects


@dataclass(frozen=True)
class Table:
    """One collection as its `POST …/filter` shows it. `name` is the collection's (`work_pools/queues`)."""

    query: Query
    resource: Resource

    @property
    def name(self) -> str:
        """The collection's name."""
        return self.resource.name

    @property
    def own(self) -> Filter | None:
        """The collection's own filter, None where the body has none."""
        return self.query.filters.get(self.resource.key)

    @property
    def related(self) -> tuple[str, ...]:
        """The keys of the body that restrict by a related collection, as far as the suite knows them."""
        known = frozenset().union(*(relation.keys() for relation in self.resource.related))
        return tuple(key for key in self.query.filters if key != self.resource.key and key in known)


@dataclass(frozen=True)
class Cell:
    """One operator of one criterion of one collection's filter."""

    table: Table
    criterion: Criterion
    operator: str

    @property
    def name(self) -> str:
        """As subjects and reports name it: `flow_runs.start_time.before_`."""
        return ".".join(part for part in (self.table.name, self.criterion.path, self.operator) if part)

    @property
    def takes(self) -> ValueType:
        """What the operator takes."""
        return self.criterion.operators[self.operator]


def tables(contract: Contract) -> Mapping[str, Table]:
    """Every collection of the contract that a filter lists and the world can have members of, by name."""
    return {
        query.name: Table(query, resource)
        for query in contract.queries.values()
        if query.verb == "filter" and (resource := RESOURCES.get(query.name)) is not None
        if resource.makeable or resource.derived is not None
    }


def unknown(contract: Contract) -> Iterator[str]:
    """What the contract can be asked and the suite has no meaning for.

    Collections by the label of their query, operators and criteria as cells are named, related collections as
    `flows by flow_runs`.
    """
    for query in contract.queries.values():
        if query.verb == "filter" and query.name not in RESOURCES:
            yield query.operation.label
    for cell in cells(contract):
        known = cell.operator in {*OPERATORS, *PARTS, *WHOLE} and _reads(contract, cell)
        if not cell.criterion.deprecated and not known:
            yield cell.name
    for table in tables(contract).values():
        asked = {table.resource.key, *table.related}
        yield from (f"{table.name} by {key}" for key in table.query.filters if key not in asked)


def _reads(contract: Contract, cell: Cell) -> bool:
    """Whether it is known what the criterion reads: the resource says so, or rows have a field of its name.

    A criterion that is nothing of the two would be read as null on every record. Where a document does not say
    what rows look like, there is no telling.
    """
    resource, path = cell.table.resource, cell.criterion.path
    if not {path, f"{path}.{cell.operator}"}.isdisjoint(resource.criteria):
        return True
    answer = (cell.table.query.operation.answer(200) or {}).get("application/json", {})
    listed = contract.resolve(answer)
    if resource.listed is not None:
        listed = contract.resolve(listed.get("properties", {}).get(resource.listed, {}))
    row = contract.resolve(listed.get("items", {}))
    if not row.get("properties"):
        return True
    for part in path.split("."):
        fields = row.get("properties", {})
        if part not in fields:
            return False
        row = contract.resolve(fields[part])
    return True


def cells(contract: Contract) -> Iterator[Cell]:
    """Every operator of every criterion that the contract's collections can be filtered by."""
    for table in tables(contract).values():
        for criterion in table.own.criteria.values() if table.own else ():
            for operator in criterion.operators:
                yield Cell(table, criterion, operator)


def with_operator(*operators: str) -> Subjects:
    """Every cell of one of the operators, by its name."""

    def of(contract: Contract) -> Mapping[str, Cell]:
        return {cell.name: cell for cell in cells(contract) if cell.operator in operators}

    return of


def with_properties(*properties: str) -> Subjects:
    """The `POST …/filter` of every collection whose body has the properties, by its label."""

    def of(contract: Contract) -> Mapping[str, Table]:
        return {
            table.query.operation.label: table
            for table in tables(contract).values()
            if set(properties) <= table.query.properties
        }

    return of


def with_twin(verb: str) -> Subjects:
    """Every collection that also has a query of another verb (`count`), by the label of that one."""

    def of(contract: Contract) -> Mapping[str, Table]:
        found = {table.query.twin(verb): table for table in tables(contract).values()}
        return {label: table for label, table in found.items() if label in contract.queries}

    return of
