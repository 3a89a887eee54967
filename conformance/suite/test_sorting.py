"""Sorting: rows come in the order that the sort key names, and all of them come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.contract import Contract
from conformance.oracle import first_disorder
from conformance.resources import RESOURCES
from conformance.suite.check import check
from conformance.suite.outcome import CouldNotRun, Violation, require_equal
from conformance.suite.queries import COLLECTIONS, fenced, rows
from conformance.target import Client
from conformance.world import World


@dataclass(frozen=True)
class Sort:
    """A sort key of one collection's query."""

    collection: str
    key: str


def sort_keys(contract: Contract) -> Mapping[str, Sort]:
    """Every sort key of the queries: `flow_runs.START_TIME_ASC`."""
    return {
        f"{name}.{key}": Sort(name, key)
        for name in COLLECTIONS
        if (query := contract.queries.get(f"POST /{name}/filter")) is not None
        for key in query.sorts
    }


@check("sort.order", on=sort_keys)
def test_rows_are_in_order(subject: Sort, client: Client, world: World) -> None:
    found = _sorted_rows(subject, client, world)
    wrong = first_disorder(RESOURCES[subject.collection], subject.key, found, world.population.records)
    if wrong is not None:
        raise Violation(
            f"{subject.key} is not the order of the rows",
            expected=f"{wrong.first['name']!r} and {wrong.second['name']!r} the other way round",
            observed={wrong.first["name"]: wrong.first_value, wrong.second["name"]: wrong.second_value},
        )


@check("sort.permutation", on=sort_keys)
def test_sorting_neither_loses_nor_repeats_rows(subject: Sort, client: Client, world: World) -> None:
    found = _sorted_rows(subject, client, world)
    wanted = sorted(world.population.ids(subject.collection))
    require_equal("the rows under the sort", wanted, sorted(row["id"] for row in found))


def _sorted_rows(subject: Sort, client: Client, world: World) -> list[dict[str, object]]:
    if not world.population.of(subject.collection):
        raise CouldNotRun(f"the world has no {subject.collection}")
    return rows(client, subject.collection, {**fenced(subject.collection, {}, world), "sort": subject.key})
