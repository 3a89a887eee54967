"""All walks of one process: each stage is walked over once, for every rule that looks at what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from conformance.contract import Contract
from conformance.oracle import Household
from conformance.suite.walks.drawing import drawn
from conformance.suite.walks.finding import Finding
from conformance.suite.walks.stage import Stage
from conformance.suite.walks.step import Step, Walk, think
from conformance.suite.walks.walker import Walker
from conformance.target import Client
from conformance.world import World

_WALKS: Final = 2
"""Walks over a stage of several collections; one of a single collection has fewer turns, and one walk less."""

_REPLAYS: Final = 8
"""Walks that are taken, at most, to find the shortest one that shows a finding."""

_LAST: Final = (1, 2, 4)
"""Steps before a finding that may have been enough, once everybody is there."""

_MOST_SHORTENED: Final = 3
"""Findings of a stage whose walks are shortened: each takes a hundred requests or two."""


class Walks:
    """What was found on each stage; it is walked over when first asked for."""

    def __init__(self, contract: Contract, client: Client, world: World, seed: int) -> None:
        self._contract = contract
        self._client = client
        self._world = world
        self._seed = seed
        self._done: dict[str, list[Finding]] = {}

    def found(self, stage: Stage, requirement: str) -> list[Finding]:
        """What the walks over a stage found of one requirement."""
        if stage.name not in self._done:
            self._done[stage.name] = self._walk_over(stage)
        return [finding for finding in self._done[stage.name] if finding.requirement == requirement]

    def _walk_over(self, stage: Stage) -> list[Finding]:
        found: dict[tuple[str, str], Finding] = {}
        for walk in drawn(stage, _WALKS if len(stage.troupes) > 1 else _WALKS - 1, self._seed):
            for finding in self._take(stage, walk):
                found.setdefault(finding.key, finding)
        all_ = list(found.values())
        return [self._shortest(stage, finding) for finding in all_[:_MOST_SHORTENED]] + all_[_MOST_SHORTENED:]

    def _take(self, stage: Stage, walk: Walk) -> list[Finding]:
        return Walker(stage, self._contract, self._client, self._world).walk(walk)

    def _shortest(self, stage: Stage, finding: Finding) -> Finding:
        """The same finding with the shortest walk to it that some tries came upon."""
        tries = 0
        shortened = True
        while shortened:
            shortened = False
            for walk in shorter(finding):
                if tries == _REPLAYS:
                    return finding
                tries += 1
                again = next((other for other in self._take(stage, walk) if other.key == finding.key), None)
                if again is not None:
                    finding, shortened = again, True
                    break
        return finding


def shorter(finding: Finding) -> Iterator[Walk]:
    """Shorter walks that may lead to a finding: first those that leave out most."""
    walk = finding.walk
    near = _about(walk, finding.members)
    for base, lasts in ((near, _LAST), (walk, _LAST[:1])):
        for last in lasts:
            if len(candidate := _births_and_last(base, last)) < (len(near) if base is near else len(walk)):
                yield candidate
    if len(near) < len(walk):
        yield near
    for index in reversed(range(len(walk) - 1)):
        if (rest := _without(walk, index)) is not None:
            yield rest


def _births_and_last(walk: Walk, last: int) -> Walk:
    """The steps that made somebody, or made an identity free to be taken again, and the last ones."""
    taken = {int(step.what[0]) for step in walk if step.does == "renew"}
    births = [
        step in walk[-last:] or step.does in ("create", "renew") or (step.does == "delete" and step.number in taken)
        for step in walk
    ]
    return tuple(step for step, kept in zip(walk, births, strict=True) if kept)


def _about(walk: Walk, members: frozenset[int]) -> Walk:
    """The steps of a walk that are about some members, or those that they were made under."""
    household = Household()
    for step in walk:
        think(household, step)
    kept = frozenset().union(*(household.kin(number) for number in members))
    for step in reversed(walk):
        if step.does == "renew" and step.number in kept:
            kept |= household.kin(int(step.what[0]))
    return tuple(step for step in walk if step.number in kept)


def _without(walk: Walk, index: int) -> Walk | None:
    """A walk without one step, and without those that could not be taken then; None where the last one could not."""
    lost: set[int] = {walk[index].number} if walk[index].does in ("create", "renew") else set()
    rest: list[Step] = []
    for place, step in enumerate(walk):
        if place == index:
            continue
        if step.about & lost:
            if step.does in ("create", "renew"):
                lost.add(step.number)
            continue
        rest.append(step)
    return tuple(rest) if rest and rest[-1] is walk[-1] else None
