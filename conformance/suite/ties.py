"""Which records can be told apart under a sort key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from conformance.resources import Record, World
from conformance.suite.tables import Table


def without_ties(table: Table, sort: str, records: Sequence[Record], world: World) -> list[Record]:
    """Some of the records, of which no two have the same value under `sort` and each has one.

    They are what the collection's fence can single out: where it goes by what several records share (the flow run of
    a log's entries), all of those or none. Without a fence, all or none.
    """
    read, fence = table.resource.sort_reader(sort), table.resource.fence
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(json.dumps(fence([record]), sort_keys=True) if fence else "", []).append(record)
    chosen: list[Record] = []
    taken: set[Any] = set()
    for group in groups.values():
        values = [read(record, world) for record in group]
        if None not in values and len({*values}) == len(values) and taken.isdisjoint(values):
            taken.update(values)
            chosen += group
    return chosen
