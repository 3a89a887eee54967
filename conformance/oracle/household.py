"""Who lives, what hangs on whom, and what is known of each: the model that a walk over several collections is held to.

A member has a number, which says when it was born in its walk, and stays its own when it is gone. What a step does to
the household needs no server: so a walk can be thought up before it is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.resources import RESOURCES, Record


@dataclass(frozen=True)
class Member:
    """One member of a collection.

    `parents`: collection -> the number of the member that it was made under.
    `record`: what was last seen of it. `written`: fields that were written since, as they have to be seen next.
    `open`: fields that may be seen otherwise than before, whatever they are; None: all that were not written.
    """

    number: int
    collection: str
    parents: Mapping[str, int] = field(default_factory=dict)
    record: Record = field(default_factory=dict)
    written: Record = field(default_factory=dict)
    open: frozenset[str] | None = frozenset()

    @property
    def name(self) -> str:
        """As steps and failures name it: `flow_runs 3`."""
        return f"{self.collection} {self.number}"

    @property
    def expected(self) -> Record:
        """What has to be seen: what was written, and what was there and not open."""
        kept = {} if self.open is None else {key: value for key, value in self.record.items() if key not in self.open}
        return {**kept, **self.written}


class Household:
    """The members of one walk, those who live and those who are gone."""

    def __init__(self) -> None:
        self._living: dict[int, Member] = {}
        self._gone: dict[int, Member] = {}

    # Who is there

    def __contains__(self, number: object) -> bool:
        return number in self._living

    def __getitem__(self, number: int) -> Member:
        return self._living[number] if number in self._living else self._gone[number]

    def living(self, collection: str) -> list[Member]:
        """Those who live, by their numbers."""
        return [member for _, member in sorted(self._living.items()) if member.collection == collection]

    def gone(self, collection: str) -> list[Member]:
        """Those who are gone, by their numbers."""
        return [member for _, member in sorted(self._gone.items()) if member.collection == collection]

    def kin(self, number: int) -> frozenset[int]:
        """A member and all that it was made under, living or gone."""
        parents = self[number].parents.values() if number in {**self._living, **self._gone} else ()
        return frozenset({number}).union(*(self.kin(parent) for parent in parents))

    @property
    def world(self) -> dict[str, list[Record]]:
        """What is known of the living, by their collections, as the oracle of filters reads it."""
        world: dict[str, list[Record]] = {}
        for _, member in sorted(self._living.items()):
            world.setdefault(member.collection, []).append({**member.record, **member.written})
        return world

    # What happens

    def born(self, member: Member) -> None:
        """A new member. Whatever of it was not written is open."""
        self._living[member.number] = replace(member, open=None)

    def wrote(self, number: int, fields: Record, moved: frozenset[str] | None = frozenset()) -> None:
        """Fields were written to a member; `moved` are those that may rightly change with them (None: all others)."""
        member = self._living[number]
        open_ = None if moved is None or member.open is None else member.open | moved
        self._living[number] = replace(member, written={**member.written, **fields}, open=open_)

    def loosened(self, number: int, fields: frozenset[str]) -> None:
        """Fields of a member that may be seen otherwise, because of what happened to others."""
        if number in self._living:
            self.wrote(number, {}, fields)

    def shown(self, number: int) -> None:
        """A member was changed: what others show of it, inside objects with its id, may change too."""
        id_ = self[number].record.get("id")
        for other in list(self._living.values()) if id_ is not None else ():
            if other.number != number:
                showing = frozenset(key for key, value in other.record.items() if _has_object(value, id_))
                self.loosened(other.number, showing)

    def doomed(self, number: int) -> list[Member]:
        """Those who go with a member, itself first."""
        found = [self._living[number]]
        for other in found:
            found += (child for child in self._children(other) if child not in found)
        return found

    def left(self, number: int) -> list[Member]:
        """A member was deleted: it is gone, and those who belong to it. Returns them.

        What others show of the gone is open: no document says what becomes of a reference that may be null.
        """
        doomed = self.doomed(number)
        for member in doomed:
            self._gone[member.number] = self._living.pop(member.number)
        for name in {name for member in doomed for name in _names(member)}:
            for other in list(self._living.values()):
                pointing = frozenset(key for key, value in other.record.items() if name in json.dumps(value))
                self.loosened(other.number, pointing)
        return doomed

    def seen(self, number: int, record: Record) -> None:
        """What was seen of a member is what is known of it now."""
        member = self[number]
        found = replace(member, record=record, written={}, open=frozenset())
        (self._living if number in self._living else self._gone)[number] = found

    def _children(self, parent: Member) -> Iterator[Member]:
        for _, member in sorted(self._living.items()):
            bound = parent.collection in RESOURCES[member.collection].parents
            if bound and member.parents.get(parent.collection) == parent.number:
                yield member


def _has_object(value: Any, id_: Any) -> bool:
    """Whether an object with this id stands somewhere in a JSON value."""
    if isinstance(value, dict):
        return value.get("id") == id_ or any(_has_object(inner, id_) for inner in value.values())
    return isinstance(value, list) and any(_has_object(inner, id_) for inner in value)


def _names(member: Member) -> Iterator[str]:
    """What others may show of a member: its id and its name."""
    for key in ("id", "name"):
        value: Any = member.record.get(key)
        if isinstance(value, str) and value:
            yield value
