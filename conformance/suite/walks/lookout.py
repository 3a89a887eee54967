"""Looks at everything that is visible, and holds it to the household."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from conformance.contract import Query
from conformance.oracle import Member
from conformance.resources import RESOURCES, Record, Resource
from conformance.suite.calls import without
from conformance.suite.members import addresses, counted, listings, shown
from conformance.suite.outcome import Violation, differences
from conformance.suite.walks.finding import COUNT, GONE, OTHERS, VISIBLE
from conformance.suite.walks.scene import Scene, record_of
from conformance.suite.walks.step import Step
from conformance.world import NOT_THERE

_TOUCHED: Final = frozenset({"updated"})
"""When a member was last changed: what moves it is no matter of a walk."""

_END: Final = "in the end"


class Lookout:
    """Looks at the server in the course of a walk. What it finds is told to the scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._household = scene.household
        self._made = scene.made
        self._ghosts = scene.ghosts

    def look(self, step: Step) -> None:
        """Hold everybody that is there to what is known of them, after a step."""
        for troupe in self._scene.stage.troupes.values():
            resource = troupe.resource
            if (query := self._scene.queries.get(resource.name)) is not None:
                self._look_at_list(resource, query, step)
                continue
            for member in self._household.living(resource.name):
                self._judge(member, self._single(resource, member, step.turn), step.turn)

    def _look_at_list(self, resource: Resource, query: Query, step: Step) -> None:
        if not any(made.collection == resource.name for made in self._made.values()):
            return
        body = {**resource.needs, **resource.own(self._scene.fence(resource))}
        rows = self._scene.rows(resource, query, body, step.turn)
        if rows is None:
            return
        identity = resource.identity
        for row in rows:
            number = self._scene.number_of(resource, row.get(identity))
            if number is None:
                self._scene.found(OTHERS, f"{step.turn}: another of {resource.name}", "nobody else", row, {step.number})
            elif number not in self._household and number not in self._ghosts:
                self._ghosts.add(number)
                found = {"listed": self._scene.name(row[identity]), **row}
                about = {step.number, number}
                self._scene.found(GONE, f"{step.turn}: {resource.name} listed", "not listed", found, about)
        for member in self._household.living(resource.name):
            found_rows = [row for row in rows if row.get(identity) == member.record[identity]]
            if len(found_rows) > 1:
                self._scene.found(
                    VISIBLE, f"{step.turn}: {resource.name} twice", 1, len(found_rows), {step.number, member.number}
                )
            self._judge(member, found_rows[0] if found_rows else None, step.turn)

    def _judge(self, member: Member, row: Record | None, turn: str, *, where: str = "") -> None:
        """Hold what is seen of a member to what is known of it. What it shows is known from then on."""
        acting = {self._scene.walked[-1].number, member.number} if self._scene.walked else {member.number}
        if row is None:
            self._scene.found(VISIBLE, f"{turn}: {member.collection} missing{where}", member.name, "not there", acting)
            self._household.left(member.number)
            self._ghosts.add(member.number)
            return
        resource = RESOURCES[member.collection]
        moving = resource.clock | _TOUCHED
        fields = member.expected.keys() & (row.keys() if where else member.expected.keys())
        expected = without(moving, {key: member.expected[key] for key in fields})
        wrong = [
            difference
            for difference in differences(expected, without(moving, {key: row.get(key) for key in expected}))
            if not (
                difference.is_addition
                and (key := difference.where.partition(".")[0]) in resource.completed
                and key in member.written
            )
        ]
        for difference in wrong:
            key = difference.where.partition(".")[0]
            own = key in member.written or bool(where)
            requirement = VISIBLE if own else OTHERS
            place = {"member": member.name, "field": difference.where}
            self._scene.found(
                requirement,
                f"{turn}: {member.collection}.{key}{where}",
                {**place, "value": difference.expected},
                {**place, "value": difference.observed},
                acting,
            )
        if not where:
            self._household.seen(member.number, row)
            made = self._made[member.number]
            self._made[member.number] = replace(made, record={**made.record, **row})

    def require_gone(self, turn: str, gone: Iterable[Member]) -> None:
        """Whoever is gone is not found at any address."""
        for member in gone:
            resource, made = RESOURCES[member.collection], self._made[member.number]
            for found in addresses(self._scene.contract, resource, "GET"):
                if member.number in self._ghosts:
                    break
                response = self._scene.send(found.operation, found.path(made), None, keep=False)
                record = record_of(response) or {}
                same = record.get(resource.identity, made.record[resource.identity]) == made.record[resource.identity]
                if response.status_code not in NOT_THERE and (same or not response.is_success):
                    self._ghosts.add(member.number)
                    self._scene.found(
                        GONE, f"{turn}: {member.collection} read", 404, response.status_code, {member.number}
                    )

    def require_counts(self, turn: str, collections: Iterable[str]) -> None:
        """As many are counted as there are."""
        for name in sorted(collections):
            resource = RESOURCES[name]
            operation = counted(self._scene.contract, resource)
            if operation is None or operation.placeholders or resource.scope is not None:
                continue
            if not any(made.collection == name for made in self._made.values()):
                continue
            body = resource.own(self._scene.fence(resource))
            response = self._scene.send(operation, operation.path, body, keep=False)
            number = response.json() if response.is_success else response.status_code
            wanted = len(self._household.living(name))
            if not response.is_success or number != wanted:
                about = {made for made, found in self._made.items() if found.collection == name}
                self._scene.found(COUNT, f"{turn}: {name}", wanted, number, about)

    def end(self) -> None:
        """Everything once more, one by one: what is there, and what is not."""
        for troupe in self._scene.stage.troupes.values():
            resource = troupe.resource
            if resource.reads is not None and resource.name in self._scene.queries:
                for member in self._household.living(resource.name):
                    self._judge(member, self._single(resource, member, _END), _END, where=" read singly")
            self.require_gone(_END, self._household.gone(resource.name))
        self.require_counts(_END, self._scene.stage.troupes)

    def _single(self, resource: Resource, member: Member, turn: str) -> Record | None:
        made = self._made[member.number]
        if resource.reads is None:
            try:
                return next(iter(listings(self._scene.contract, resource))).find(self._scene.client, made)
            except Violation as violation:
                self._scene.found(
                    VISIBLE, f"{turn}: {resource.name} listed", violation.summary, violation.details, set()
                )
                return member.expected
        operation = self._scene.operation(resource.reads)
        response = self._scene.send(operation, operation.fill(resource.fill(operation.label, made)), None, keep=False)
        record = record_of(response)
        if record is None or not response.is_success:
            return None
        fields = shown(self._scene.contract, operation)
        return record if fields is None else {key: value for key, value in record.items() if key in fields}
