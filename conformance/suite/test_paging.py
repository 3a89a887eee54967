"""Paging and counting: which part of a query's rows comes, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping

from conformance.contract import Contract, Query
from conformance.resources import RESOURCES
from conformance.suite.check import Subjects, check
from conformance.suite.outcome import CouldNotRun, NotApplicable, require_equal
from conformance.suite.queries import COLLECTIONS, Body, ask, expected, fenced, rows
from conformance.target import Client
from conformance.world import World


def queries(verb: str, *properties: str) -> Subjects:
    """The `POST /<collection>/<verb>` of each collection of the world whose body has the properties."""

    def of(contract: Contract) -> Mapping[str, Query]:
        labels = (f"POST /{collection}/{verb}" for collection in COLLECTIONS)
        found = {label: contract.queries[label] for label in labels if label in contract.queries}
        return {label: query for label, query in found.items() if set(properties) <= query.properties}

    return of


@check("paging.limit", on=queries("filter", "limit"))
def test_limit_bounds_the_rows(subject: Query, client: Client, world: World) -> None:
    everything = _everything(subject, world)
    size = len(world.population.of(subject.collection))
    for limit in (1, 2, size - 1, size, size + 1):
        found = rows(client, subject.collection, {**everything, "limit": limit})
        require_equal(f"limit {limit} of {size} rows", min(limit, size), len({row["id"] for row in found}))
        require_equal(f"limit {limit} of {size} rows", min(limit, size), len(found))


@check("paging.offset", on=queries("filter", "offset"))
def test_offset_skips_rows(subject: Query, client: Client, world: World) -> None:
    everything = {**_everything(subject, world), **_total_order(subject, world)}
    whole = [row["id"] for row in rows(client, subject.collection, everything)]
    for offset in (0, 1, 2, len(whole) - 1, len(whole), len(whole) + 1):
        found = [row["id"] for row in rows(client, subject.collection, {**everything, "offset": offset})]
        require_equal(f"the rows from offset {offset}", whole[offset:], found)


@check("paging.pages", on=queries("filter", "limit", "offset"))
def test_pages_laid_end_to_end_are_the_list(subject: Query, client: Client, world: World) -> None:
    everything = {**_everything(subject, world), **_total_order(subject, world)}
    whole = [row["id"] for row in rows(client, subject.collection, everything)]
    for size in (1, 3, 7):
        laid: list[str] = []
        for offset in range(0, len(whole) + size, size):
            page = rows(client, subject.collection, {**everything, "limit": size, "offset": offset})
            laid += [row["id"] for row in page]
        require_equal(f"pages of {size} laid end to end", whole, laid)


@check("paging.count", on=queries("count"))
def test_count_is_the_number_of_rows(subject: Query, client: Client, world: World) -> None:
    collection = subject.collection
    ids = world.population.ids(collection)
    names = [record["name"] for record in world.population.of(collection)]
    bodies: list[Body] = [
        {},
        {collection: {"id": {"any_": ids[:1]}}},
        {collection: {"id": {"any_": ids[1:]}}},
        {collection: {"name": {"any_": names[:3]}}},
        {collection: {"name": {"any_": ["nobody-has-this"]}}},
        {collection: {"tags": {"is_null_": True}}},
    ]
    for body in bodies:
        fence = fenced(collection, body, world)
        wanted = len(expected(collection, fence, world))
        require_equal(f"the count for {body}", wanted, ask(client, f"/{collection}/count", fence))


def _everything(query: Query, world: World) -> Body:
    if not world.population.of(query.collection):
        raise CouldNotRun(f"the world has no {query.collection}")
    return fenced(query.collection, {}, world)


def _total_order(query: Query, world: World) -> Body:
    """A sort under which no two of the world's rows tie: only then is it promised which row comes on which page."""
    if not query.sorts:
        raise NotApplicable("unsorted")
    resource = RESOURCES[query.collection]
    records = world.population.of(query.collection)
    for sort in query.sorts:
        values = [resource.sort_reader(sort)(record, world.population.records) for record in records]
        if None not in values and len(set(values)) == len(values):
            return {"sort": sort}
    raise CouldNotRun("every sort key has ties in the world")
