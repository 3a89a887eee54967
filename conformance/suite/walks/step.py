"""What is done in a walk, and which steps a household leaves open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from conformance.oracle import Household, Member
from conformance.suite.walks.stage import Stage, Troupe

_MOST_LIVING: Final = 3
"""Members of a collection that live at a time."""


@dataclass(frozen=True)
class Step:
    """One thing that is done to one member.

    `does`: create, renew (create what is gone under the same identity), again (create what is there), patch, replace,
    propose (a state), force (one), pause, resume, delete, or ask (a filter that is made of what the member shows).
    `number` is the member's, and of a create and a renewal the new one's. `parents`: collection -> number.
    `what`: the fields of a patch, the type of a state, the key, criterion and operator of a filter, or the number of
    the member whose identity is taken.
    """

    does: str
    collection: str
    number: int
    parents: tuple[tuple[str, int], ...] = ()
    what: tuple[str, ...] = ()

    @property
    def about(self) -> frozenset[int]:
        """The members that have to be there before."""
        others = {int(self.what[0])} if self.does == "renew" else set()
        own = set() if self.does in ("create", "renew") else {self.number}
        return frozenset(own | others | {number for _, number in self.parents})

    @property
    def turn(self) -> str:
        """What kind of step it is, whomever it is about: `patch flows tags`."""
        what = () if self.does in ("create", "renew") else self.what
        return " ".join((self.does, self.collection, *what))

    def __str__(self) -> str:
        """As failures show it: `patch flows 0: tags`."""
        under = ", ".join(f"{collection} {number}" for collection, number in self.parents)
        what = f"as {self.what[0]}" if self.does == "renew" else ", ".join(self.what)
        if self.does == "ask":
            what = f"{'.'.join(self.what)} as it has"
        head = f"{self.does} {self.collection} {self.number}"
        return f"{head}{f' of {under}' if under else ''}{f': {what}' if what else ''}"


Walk = tuple[Step, ...]
"""Steps in their order."""


def think(household: Household, step: Step) -> None:
    """What a step does to who is there, without a server."""
    if step.does in ("create", "renew"):
        household.born(Member(step.number, step.collection, dict(step.parents)))
    elif step.does == "delete":
        household.left(step.number)


class Kind(NamedTuple):
    """What is done to members of which collection."""

    does: str
    collection: str


def kinds(stage: Stage, household: Household, walked: Sequence[Step]) -> list[Kind]:
    """The kinds of steps that can be taken after those that were walked."""
    found: list[Kind] = []
    for troupe in stage.troupes.values():
        found += [Kind(does, troupe.name) for does in ("create", "renew") if births(does, troupe, household, walked)]
        found += [Kind(does, troupe.name) for does in troupe.deeds] if household.living(troupe.name) else []
    return found


def births(does: str, troupe: Troupe, household: Household, walked: Sequence[Step]) -> list[Step]:
    """The creates, or the renewals, that can be taken now."""
    if len(household.living(troupe.name)) >= _MOST_LIVING:
        return []
    number = sum(step.does in ("create", "renew") for step in walked)
    if does == "create":
        return [Step(does, troupe.name, number, parents) for parents in _places(troupe, household)]
    # An identity that was taken again is free no more.
    taken = {step.what[0] for step in walked if step.does == "renew"}
    return [
        Step(does, troupe.name, number, tuple(gone.parents.items()), (str(gone.number),))
        for gone in (household.gone(troupe.name) if troupe.renews else ())
        if str(gone.number) not in taken and all(parent in household for parent in gone.parents.values())
    ]


def _places(troupe: Troupe, household: Household) -> Iterator[tuple[tuple[str, int], ...]]:
    """Under whom a new member may be made: one for each of the last collection of `above`, which names the rest."""
    if not troupe.above:
        yield ()
        return
    *others, last = troupe.above
    for parent in household.living(last):
        above = {name: parent.parents[name] for name in others}
        yield (*above.items(), (last, parent.number))
