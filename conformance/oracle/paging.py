"""Which rows a page may hold: judged exactly where the sort settles it, and no further."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from conformance.oracle.sorting import ORDERS, first_disorder
from conformance.resources import Record, Resource, World


def page_trouble(
    resource: Resource,
    rows: Sequence[Record],
    selection: Sequence[Record],
    world: World,
    *,
    sort: str | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> str | None:
    """What is wrong with `rows` as the page of `selection` from `offset` on, of at most `limit` rows; None if nothing.

    Always: as many rows as there are, each once, each of the selection. Under a sort: in its order, and with the
    values that belong on this page. Rows that tie may come in any order and so on either side of a page's edge;
    rows without a value come first or last; and where two collations order the texts differently, which of
    them belong on the page is not settled.
    """
    return next(
        _troubles(resource, rows, selection, world, sort, slice(offset, None if limit is None else offset + limit)),
        None,
    )


def _troubles(
    resource: Resource, rows: Sequence[Record], selection: Sequence[Record], world: World, sort: str | None, page: slice
) -> Iterator[str]:
    wanted = selection[page]
    if len(rows) != len(wanted):
        yield f"{len(rows)} rows instead of {len(wanted)}"
    known = {record[resource.identity]: record for record in selection}
    if any(row[resource.identity] not in known for row in rows):
        yield "a row that the filter does not select"
    if len({row[resource.identity] for row in rows}) != len(rows):
        yield "a row comes twice"
    if sort is None:
        return
    # What the rows say of themselves may be younger than the record: the order is judged by what was selected, unless
    # it is one that changes by itself.
    moving = resource.follows_clock(sort)
    ours = [row if moving else known[row[resource.identity]] for row in rows if row[resource.identity] in known]
    if first_disorder(resource, sort, ours, world) is not None:
        yield f"not in the order of {sort}"
    read = resource.sort_reader(sort)
    values = [read(record, world) for record in ours]
    arrangements = _arrangements([read(record, world) for record in selection], descending=sort.endswith("_DESC"))
    if not moving and arrangements and all(values != arrangement[page] for arrangement in arrangements):
        yield f"rows of another page under {sort}"


def _arrangements(values: Sequence[Any], *, descending: bool) -> list[list[Any]]:
    """The orders that the values may stand in; none where collations differ."""
    present = [value for value in values if value is not None]
    orders = [sorted(present, key=key, reverse=descending) for key in ORDERS]
    if any(order != orders[0] for order in orders):
        return []
    nulls = [None] * (len(values) - len(present))
    return [nulls + orders[0], orders[0] + nulls]
