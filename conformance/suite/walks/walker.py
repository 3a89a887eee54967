"""Takes the steps of a walk, on the server and in the household."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import httpx

from conformance import oracle
from conformance.contract import Contract
from conformance.oracle import Member
from conformance.resources import RESOURCES, Made, Record, Resource, address
from conformance.resources.base import documented
from conformance.suite.members import Lineage
from conformance.suite.outcome import Violation
from conformance.suite.runs import KINDS, propose, state
from conformance.suite.state_machine import ACCEPT, REJECT
from conformance.suite.walks.finding import ANSWERED, FILTER, Finding
from conformance.suite.walks.lookout import Lookout
from conformance.suite.walks.scene import Scene, record_of
from conformance.suite.walks.stage import Stage
from conformance.suite.walks.step import Step, Walk
from conformance.target import Client
from conformance.world import World

_SHOWING: Final = {"deployments/schedules": {"deployments": frozenset({"schedules", "schedule"})}}
"""Collection -> collections above it -> the fields of those that show its members."""


class Walker:
    """One walk. Nothing that it finds ends it."""

    def __init__(self, stage: Stage, contract: Contract, client: Client, world: World) -> None:
        self._shop = world.workshop
        self._scene = scene = Scene(stage, contract, client)
        self._lookout = Lookout(scene)
        self._household = scene.household
        self._made = scene.made
        self._ghosts = scene.ghosts
        self._patched: dict[tuple[int, str], int] = {}

    def walk(self, walk: Walk) -> list[Finding]:
        """Take every step that can be taken, and look at everything after each."""
        for step in walk:
            if not self._can_be_taken(step):
                continue  # the server refused what was to come before, or lost one that the step is about
            self._scene.walked.append(step)
            doomed = self._take(step)
            if step.number in self._household:
                self._household.shown(step.number)
            self._lookout.look(step)
            if doomed:
                self._lookout.require_gone(step.turn, doomed)
            if step.does in ("create", "renew", "delete"):
                self._lookout.require_counts(step.turn, {step.collection, *(member.collection for member in doomed)})
        self._lookout.end()
        return list(self._scene.findings.values())

    def _can_be_taken(self, step: Step) -> bool:
        """Whether those that the step is about live, and the one whose identity it takes is gone."""
        taken = {int(step.what[0])} if step.does == "renew" else set()
        gone = all(number in self._made and number not in self._household for number in taken)
        return gone and all(number in self._household for number in step.about - taken)

    # Steps

    def _take(self, step: Step) -> list[Member]:
        """Take one step, on the server and in the household. Returns those who are gone with it."""
        match step.does:
            case "create" | "renew":
                self._create(step)
            case "again":
                self._create_again(step)
            case "patch":
                self._patch(step)
            case "replace":
                self._replace(step)
            case "propose" | "force":
                self._propose(step)
            case "ask":
                self._ask(step)
            case "delete":
                return self._delete(step)
            case _:
                self._switch(step)
        return []

    def _create(self, step: Step) -> None:
        troupe = self._scene.stage.troupes[step.collection]
        resource = troupe.resource
        parents = {name: self._made[number] for name, number in step.parents}
        shop = Lineage(self._shop, parents, alone=False)
        if troupe.launches is not None:
            operation, sent = self._scene.operation(troupe.launches), self._launching(troupe.launches)
            written: Record = dict(sent)
        else:
            operation, sent = self._scene.operation(resource.creates), resource.body(shop)
            if step.does == "renew":
                before = _body(self._made[int(step.what[0])].sent)
                sent = {**sent, **{key: before[key] for key in resource.unique if key in before}}
            written = _visible(resource, _body(sent))
        within: dict[str, str] = {}
        if (above := address(operation.path)) is not None:
            parent = self._made[dict(step.parents)[above[0].name]]
            within = {name: str(parent.value(key)) for name, key in above[1].items()}
        response = self._scene.send(operation, operation.fill(within), sent)
        record = record_of(response)
        if not response.is_success or record is None or resource.identity not in record:
            self._scene.refused(step, response, "2xx, and the member")
            return
        found = {**resource.addressed(shop, sent), **self._named(resource, step)}
        self._made[step.number] = Made(step.collection, record, found, sent, within)
        fixed = {resource.identity: record[resource.identity]}
        self._household.born(Member(step.number, step.collection, dict(step.parents), record, {**written, **fixed}))
        self._show_above(step)

    def _launching(self, operation: str) -> Record:
        # Without tags: the deployment's are joined to them, in whatever order.
        fields = {"name": self._shop.name("run"), "state": {"type": "PENDING"}}
        return documented(self._shop, operation, fields)

    def _named(self, resource: Resource, step: Step) -> Mapping[str, str]:
        """What names the member's parents in the paths to it."""
        numbers = dict(step.parents)
        return {
            ours: str(self._made[numbers[name]].value(theirs))
            for name, keys in resource.parents.items()
            if name in numbers
            for theirs, ours in keys.items()
        }

    def _create_again(self, step: Step) -> None:
        resource, made = RESOURCES[step.collection], self._made[step.number]
        sent = _body(made.sent)
        others = [name for name in resource.patches if name in sent and name not in resource.unique]
        body = {**sent, **{name: resource.patch(self._shop, name, made.record) for name in others}}
        operation = self._scene.operation(resource.creates)
        response = self._scene.send(operation, operation.fill(made.within), body)
        if resource.again == "conflicts":
            if response.status_code != httpx.codes.CONFLICT:
                self._scene.refused(step, response, 409)
            return
        record = record_of(response) or {}
        if not response.is_success or record.get(resource.identity) != made.record[resource.identity]:
            self._scene.refused(step, response, {"status": "2xx", resource.identity: made.record[resource.identity]})
        elif resource.again == "updates":
            self._wrote(step.number, _visible(resource, body))
            self._forget_below(step)

    def _forget_below(self, step: Step) -> None:
        """Members that are also a field of the body that was sent: whether one without the field keeps them is open."""
        for below, above in _SHOWING.items():
            for member in self._household.living(below) if step.collection in above else ():
                if member.parents.get(step.collection) == step.number:
                    self._household.left(member.number)
                    self._ghosts.add(member.number)

    def _patch(self, step: Step) -> None:
        resource, made = RESOURCES[step.collection], self._made[step.number]
        operation = self._scene.operation(resource.updates)
        fields: Record = {}
        for name in step.what:
            times = self._patched[step.number, name] = self._patched.get((step.number, name), 0) + 1
            first = _body(made.sent)
            # There and back: what is patched twice is seen to change twice.
            back = times % 2 == 0 and name in first
            fields[name] = first[name] if back else resource.patch(self._shop, name, made.record)
        response = self._scene.send(operation, operation.fill(resource.fill(operation.label, made)), fields)
        if not response.is_success:
            self._scene.refused(step, response, "2xx")
            return
        moved = frozenset().union(*(resource.moves.get(name, frozenset()) for name in step.what))
        self._household.wrote(step.number, fields, moved)
        identity = {name: value for name, value in fields.items() if name in resource.unique}
        sent = {**made.sent, **identity} if identity else made.sent
        self._made[step.number] = replace(made, record={**made.record, **fields}, sent=sent)
        self._show_above(step)

    def _replace(self, step: Step) -> None:
        resource, made = RESOURCES[step.collection], self._made[step.number]
        assert resource.replacement is not None
        times = self._patched[step.number, ""] = self._patched.get((step.number, ""), 0) + 1
        body = resource.replacement(self._shop, made)
        if times % 2 == 0:
            body = {key: made.sent.get(key, value) for key, value in body.items()}
        operation = self._scene.operation(resource.replaces)
        path = operation.fill(resource.fill(operation.label, made)) if operation.placeholders else operation.path
        response = self._scene.send(operation, path, body)
        if not response.is_success:
            self._scene.refused(step, response, "2xx")
            return
        self._wrote(step.number, _visible(resource, body))

    def _propose(self, step: Step) -> None:
        kind = next(kind for kind in KINDS if kind.collection == step.collection)
        resource, made = RESOURCES[step.collection], self._made[step.number]
        (type_,) = step.what
        try:
            answer = propose(kind, self._scene.client, made.record["id"], state(type_), force=step.does == "force")
        except Violation as violation:
            self._scene.found(ANSWERED, step.turn, "a result of orchestration", violation.details, {step.number})
            return
        finally:
            self._scene.keep_exchange()
        if step.does == "force" and answer.status != ACCEPT:
            self._scene.found(ANSWERED, f"{step.turn}: {answer.status}", ACCEPT, answer.status, {step.number})
        record = self._household[step.number].record
        if answer.status == ACCEPT:
            ends: Record = {"state_type": type_}
        elif answer.status == REJECT and answer.state is not None:
            ends = {"state_type": answer.state.get("type")}
        else:
            ends = {"state_type": record.get("state_type"), "state_id": record.get("state_id")}
        # Orchestration counts, times and names; what a client wrote is left to it.
        own = {*_body(made.sent), *resource.patches, "id", "created", "flow_id", "flow_run_id", "deployment_id"}
        moved = frozenset(record) - (own - resource.completed - {"state"})
        self._household.wrote(step.number, ends, moved)

    def _switch(self, step: Step) -> None:
        switch = self._scene.stage.troupes[step.collection].switches[step.does]
        resource, made = RESOURCES[step.collection], self._made[step.number]
        operation = self._scene.operation(switch.operation)
        response = self._scene.send(operation, operation.fill(resource.fill(operation.label, made)), None)
        if not response.is_success:
            self._scene.refused(step, response, "2xx")
            return
        record = self._household[step.number].record
        self._household.wrote(step.number, {key: value for key, value in switch.shows.items() if key in record})
        # "Set a deployment schedule to inactive": some generations do so to each schedule as well.
        for below, above in _SHOWING.items():
            self._household.loosened(step.number, above.get(step.collection, frozenset()))
            for member in self._household.living(below) if step.collection in above else ():
                self._household.loosened(member.number, frozenset({"active"}))

    def _delete(self, step: Step) -> list[Member]:
        resource, made = RESOURCES[step.collection], self._made[step.number]
        operation = self._scene.operation(resource.destroys)
        response = self._scene.send(operation, operation.fill(resource.fill(operation.label, made)), None)
        if not response.is_success:
            self._scene.refused(step, response, "2xx")
            return []
        self._show_above(step)
        return self._household.left(step.number)

    def _ask(self, step: Step) -> None:
        """Ask for those that are in one place as the member's own chain shows it now."""
        resource = RESOURCES[step.collection]
        key, criterion, operator = step.what
        query = self._scene.queries.get(resource.name)
        assert query is not None
        asked = resource if key == resource.key else RESOURCES[resource.relation(key).collection]
        world = self._household.world
        own = self._household[step.number].record
        # Of a related collection, the first member there is: which one does not matter, but that it is there.
        shows = own if asked is resource else next(iter(world.get(asked.name, ())), None)
        value = None if shows is None else asked.reader(criterion, operator)(shows, world)
        if value is None or value == [] or isinstance(value, tuple):
            return
        operand = value if operator == "eq_" or isinstance(value, list) else [value]
        fence = self._scene.fence(resource)
        found = query.filters[key].criteria[criterion].body(**{operator: operand})
        if asked is resource and not fence.keys().isdisjoint(found):
            return
        body = {**resource.needs, **resource.own(fence)}
        body[key] = {**fence, **found} if asked is resource else found
        rows = self._scene.rows(resource, query, body, step.turn)
        if rows is None:
            return
        filters = {name: filter_ for name, filter_ in body.items() if name not in resource.needs}
        identity = resource.identity
        wanted = {row[identity] for row in oracle.select(resource.name, filters, world)}
        seen = {row.get(identity) for row in rows}
        if wanted != seen:
            self._scene.found(
                FILTER,
                step.turn,
                {"rows": sorted(map(self._scene.name, wanted)), "filter": {key: found}},
                {"rows": sorted(map(self._scene.name, seen))},
                {number for number, made in self._made.items() if made.record.get(identity) in wanted ^ seen},
            )

    def _wrote(self, number: int, fields: Record) -> None:
        """A member was written whole: of all else, only who it is stays."""
        resource = RESOURCES[self._household[number].collection]
        record = self._household[number].record
        fixed = {key: record[key] for key in (resource.identity, "created") if record.get(key) is not None}
        self._household.wrote(number, {**fields, **fixed}, None)

    def _show_above(self, step: Step) -> None:
        parents = self._household[step.number].parents
        for name, fields in _SHOWING.get(step.collection, {}).items():
            self._household.loosened(parents[name], fields)


def _body(sent: Any) -> Record:
    """The body of one member, where a list of just one was sent too."""
    if isinstance(sent, list):
        (sent,) = sent
    return dict(sent)


def _visible(resource: Resource, sent: Record) -> Record:
    """What of a body the member shows."""
    return {key: value for key, value in sent.items() if key not in resource.hidden}
