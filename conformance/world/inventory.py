"""What is on the target: every member of the collections whose members can be removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field

from conformance.contract import Contract
from conformance.resources import RESOURCES, Record, address
from conformance.target import Client

_PAGE: Final = 200
_MOST_PAGES: Final = 50
"""Pages that are read of one collection: of one with more than ten thousand members, not all are known."""

_NAMES: Final = ("name", "tag", "slug")
"""Fields by which a path may address a member instead of its id."""

Listing = Mapping[str, Mapping[str, Record]]
"""Collection -> id -> the row that the listing shows."""


class Inventory(BaseModel):
    """Which objects there were at one moment: collection -> id -> the names by which a path may address it.

    `partial`: the collections of which not all could be read.
    """

    model_config = ConfigDict(frozen=True)

    members: Mapping[str, Mapping[str, tuple[str, ...]]] = Field(default_factory=dict)
    partial: frozenset[str] = frozenset()

    @cached_property
    def _ids(self) -> frozenset[str]:
        return frozenset(id_ for members in self.members.values() for id_ in members)

    @cached_property
    def _named(self) -> Mapping[str, frozenset[str]]:
        return {
            collection: frozenset(name for names in members.values() for name in names)
            for collection, members in self.members.items()
        }

    def addresses(self, template: str, values: Mapping[str, str]) -> bool:
        """Whether an operation's path, filled with `values`, is about one of these objects or what hangs on it."""
        if not self._ids.isdisjoint(values.values()):
            return True
        if (found := address(template)) is None:
            return False
        resource, keys = found
        owners = {key: parent for parent, links in resource.parents.items() for key in links.values()}
        return any(
            value in self._named.get(owners.get(keys.get(placeholder, ""), resource.name), ())
            for placeholder, value in values.items()
        )

    def new(self, found: Listing) -> Iterator[tuple[str, Record]]:
        """What a later listing shows and was not there: collection and row."""
        for collection, rows in found.items():
            known = self.members.get(collection, {})
            yield from ((collection, row) for id_, row in rows.items() if id_ not in known)

    def gone(self, found: Listing) -> Iterator[tuple[str, str]]:
        """What was there and a later listing, which shows all, does not show: collection and id."""
        for collection, known in self.members.items():
            if collection in found:
                yield from ((collection, id_) for id_ in known if id_ not in found[collection])


def listing(client: Client, contract: Contract) -> tuple[Listing, frozenset[str]]:
    """The members of every collection that can be listed as a whole and removed singly, and which were too many.

    Raises TargetTrouble where the target does not answer.
    """
    found: dict[str, Mapping[str, Record]] = {}
    partial: set[str] = set()
    for query in contract.queries.values():
        resource = RESOURCES.get(query.collection)
        if query.verb != "filter" or resource is None or resource.destroys not in contract.operations:
            continue
        rows, whole = _rows(client, query.operation.path, resource.needs)
        found[resource.name] = {str(row["id"]): row for row in rows}
        if not whole:
            partial.add(resource.name)
    return found, frozenset(partial)


def inventory(client: Client, contract: Contract) -> Inventory:
    """What is on the target now. Raises TargetTrouble where it does not answer."""
    found, partial = listing(client, contract)
    members = {
        collection: {
            id_: tuple(row[field] for field in _NAMES if isinstance(row.get(field), str)) for id_, row in rows.items()
        }
        for collection, rows in found.items()
    }
    return Inventory(members=members, partial=partial)


def _rows(client: Client, path: str, needs: Mapping[str, Any]) -> tuple[list[Record], bool]:
    """The rows of one listing, and whether these are all."""
    found: list[Record] = []
    for page in range(_MOST_PAGES):
        response = client.request("POST", path, {**needs, "limit": _PAGE, "offset": page * _PAGE})
        try:
            rows = response.json() if response.status_code == httpx.codes.OK else None
        except (ValueError, RecursionError):  # what stands before the API says something of its own
            rows = None
        if not isinstance(rows, list):
            return found, False
        found += (row for row in rows[:_PAGE] if isinstance(row, dict) and "id" in row)
        if len(rows) != _PAGE:
            # With more than were asked for, no page can be told from the next.
            return found, len(rows) < _PAGE
    return found, False
