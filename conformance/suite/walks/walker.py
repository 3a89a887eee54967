"""Takes a walk on the server, and holds everything that is visible to the household after each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import httpx

from conformance import oracle
from conformance.contract import Contract, Operation, Query
from conformance.oracle import Household, Member
from conformance.resources import RESOURCES, Made, Record, Resource, address
from conformance.resources.base import documented
from conformance.suite.calls import without
from conformance.suite.members import addresses, counted, listings, shown
from conformance.suite.outcome import CouldNotRun, Violation, differences
from conformance.suite.runs import KINDS, propose, state
from conformance.suite.state_machine import ACCEPT, REJECT
from conformance.suite.walks.finding import ANSWERED, COUNT, FILTER, GONE, OTHERS, VISIBLE, Finding
from conformance.suite.walks.stage import Stage
from conformance.suite.walks.step import Step, Walk
from conformance.target import Client, Exchange
from conformance.world import HttpWorkshop, World

_TOUCHED: Final = frozenset({"updated"})
"""When a member was last changed: what moves it is no matter of a walk."""

_END: Final = "in the end"

_SHOWING: Final = {"deployments/schedules": {"deployments": frozenset({"schedules", "schedule"})}}
"""Collection -> collections above it -> the fields of those that show its members."""


class _Under:
    """A workshop in which the members of a walk are what new ones are made under."""

    def __init__(self, shop: HttpWorkshop, parents: Mapping[str, Made]) -> None:
        self._shop = shop
        self._parents = parents

    def has(self, operation: str) -> bool:
        """As the workshop."""
        return self._shop.has(operation)

    def accepts(self, operation: str, field: str) -> bool:
        """As the workshop."""
        return self._shop.accepts(operation, field)

    def send(self, operation: str, body: Any = None, /, **placeholders: str) -> Any:
        """As the workshop."""
        return self._shop.send(operation, body, **placeholders)

    def name(self, stem: str) -> str:
        """As the workshop."""
        return self._shop.name(stem)

    def shared(self, collection: str) -> Made:
        """The member of the walk, where it has one."""
        return self._parents.get(collection) or self._shop.shared(collection)


class Walker:
    """One walk. `findings` are what it found, in the order of the steps; none of them ends it."""

    def __init__(self, stage: Stage, contract: Contract, client: Client, world: World) -> None:
        self._stage = stage
        self._contract = contract
        self._client = client
        self._shop = world.workshop
        self._household = Household()
        self._made: dict[int, Made] = {}
        self._patched: dict[tuple[int, str], int] = {}
        self._ghosts: set[int] = set()
        self._walked: list[Step] = []
        self._sent: list[Exchange] = []
        self.findings: dict[tuple[str, str], Finding] = {}

    def walk(self, walk: Walk) -> list[Finding]:
        """Take every step that can be taken, and look at everything after each."""
        for step in walk:
            if not self._can_be_taken(step):
                continue  # the server refused what was to come before, or lost one that the step is about
            self._walked.append(step)
            doomed = self._take(step)
            if step.number in self._household:
                self._household.shown(step.number)
            self._look(step)
            if doomed:
                self._require_gone(step.turn, doomed)
            if step.does in ("create", "renew", "delete"):
                self._require_counts(step.turn, {step.collection, *(member.collection for member in doomed)})
        self._end()
        return list(self.findings.values())

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
        troupe = self._stage.troupes[step.collection]
        resource = troupe.resource
        shop = _Under(self._shop, {name: self._made[number] for name, number in step.parents})
        if troupe.launches is not None:
            operation, sent = self._operation(troupe.launches), self._launching(troupe.launches)
            written: Record = dict(sent)
        else:
            operation, sent = self._operation(resource.creates), resource.body(shop)
            if step.does == "renew":
                before = _body(self._made[int(step.what[0])].sent)
                sent = {**sent, **{key: before[key] for key in resource.unique if key in before}}
            written = _visible(resource, _body(sent))
        within: dict[str, str] = {}
        if (above := address(operation.path)) is not None:
            parent = self._made[dict(step.parents)[above[0].name]]
            within = {name: str(parent.value(key)) for name, key in above[1].items()}
        response = self._send(operation, operation.fill(within), sent)
        record = _record(response)
        if not response.is_success or record is None or resource.identity not in record:
            self._refused(step, response, "2xx, and the member")
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
        operation = self._operation(resource.creates)
        response = self._send(operation, operation.fill(made.within), body)
        if resource.again == "conflicts":
            if response.status_code != httpx.codes.CONFLICT:
                self._refused(step, response, 409)
            return
        record = _record(response) or {}
        if not response.is_success or record.get(resource.identity) != made.record[resource.identity]:
            self._refused(step, response, {"status": "2xx", resource.identity: made.record[resource.identity]})
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
        operation = self._operation(resource.updates)
        fields: Record = {}
        for name in step.what:
            times = self._patched[step.number, name] = self._patched.get((step.number, name), 0) + 1
            first = _body(made.sent)
            # There and back: what is patched twice is seen to change twice.
            back = times % 2 == 0 and name in first
            fields[name] = first[name] if back else resource.patch(self._shop, name, made.record)
        response = self._send(operation, operation.fill(resource.fill(operation.label, made)), fields)
        if not response.is_success:
            self._refused(step, response, "2xx")
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
        operation = self._operation(resource.replaces)
        path = operation.fill(resource.fill(operation.label, made)) if operation.placeholders else operation.path
        response = self._send(operation, path, body)
        if not response.is_success:
            self._refused(step, response, "2xx")
            return
        self._wrote(step.number, _visible(resource, body))

    def _propose(self, step: Step) -> None:
        kind = next(kind for kind in KINDS if kind.collection == step.collection)
        resource, made = RESOURCES[step.collection], self._made[step.number]
        (type_,) = step.what
        try:
            answer = propose(kind, self._client, made.record["id"], state(type_), force=step.does == "force")
        except Violation as violation:
            self._found(ANSWERED, step.turn, "a result of orchestration", violation.details, {step.number})
            return
        finally:
            self._keep_exchange()
        if step.does == "force" and answer.status != ACCEPT:
            self._found(ANSWERED, f"{step.turn}: {answer.status}", ACCEPT, answer.status, {step.number})
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
        switch = self._stage.troupes[step.collection].switches[step.does]
        resource, made = RESOURCES[step.collection], self._made[step.number]
        operation = self._operation(switch.operation)
        response = self._send(operation, operation.fill(resource.fill(operation.label, made)), None)
        if not response.is_success:
            self._refused(step, response, "2xx")
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
        operation = self._operation(resource.destroys)
        response = self._send(operation, operation.fill(resource.fill(operation.label, made)), None)
        if not response.is_success:
            self._refused(step, response, "2xx")
            return []
        self._show_above(step)
        return self._household.left(step.number)

    def _ask(self, step: Step) -> None:
        """Ask for those that are in one place as the member's own chain shows it now."""
        resource = RESOURCES[step.collection]
        key, criterion, operator = step.what
        query = self._query(resource)
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
        fence = self._fence(resource)
        found = query.filters[key].criteria[criterion].body(**{operator: operand})
        if asked is resource and not fence.keys().isdisjoint(found):
            return
        body = {**resource.needs, **resource.own(fence)}
        body[key] = {**fence, **found} if asked is resource else found
        rows = self._rows(resource, query, body, step.turn)
        if rows is None:
            return
        filters = {name: filter_ for name, filter_ in body.items() if name not in resource.needs}
        identity = resource.identity
        wanted = {row[identity] for row in oracle.select(resource.name, filters, world)}
        seen = {row.get(identity) for row in rows}
        if wanted != seen:
            self._found(
                FILTER,
                step.turn,
                {"rows": sorted(map(self._name, wanted)), "filter": {key: found}},
                {"rows": sorted(map(self._name, seen))},
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

    # Looking

    def _look(self, step: Step) -> None:
        for troupe in self._stage.troupes.values():
            resource = troupe.resource
            if (query := self._query(resource)) is not None:
                self._look_at_list(resource, query, step)
                continue
            for member in self._household.living(resource.name):
                self._judge(member, self._single(resource, member, step.turn), step.turn)

    def _look_at_list(self, resource: Resource, query: Query, step: Step) -> None:
        if not any(made.collection == resource.name for made in self._made.values()):
            return
        rows = self._rows(resource, query, {**resource.needs, **resource.own(self._fence(resource))}, step.turn)
        if rows is None:
            return
        identity = resource.identity
        for row in rows:
            number = self._number_of(resource, row.get(identity))
            if number is None:
                self._found(OTHERS, f"{step.turn}: another of {resource.name}", "nobody else", row, {step.number})
            elif number not in self._household and number not in self._ghosts:
                self._ghosts.add(number)
                found = {"listed": self._name(row[identity]), **row}
                self._found(GONE, f"{step.turn}: {resource.name} listed", "not listed", found, {step.number, number})
        for member in self._household.living(resource.name):
            found_rows = [row for row in rows if row.get(identity) == member.record[identity]]
            if len(found_rows) > 1:
                self._found(
                    VISIBLE, f"{step.turn}: {resource.name} twice", 1, len(found_rows), {step.number, member.number}
                )
            self._judge(member, found_rows[0] if found_rows else None, step.turn)

    def _judge(self, member: Member, row: Record | None, turn: str, *, where: str = "") -> None:
        """Hold what is seen of a member to what is known of it. What it shows is known from then on."""
        acting = {self._walked[-1].number, member.number} if self._walked else {member.number}
        if row is None:
            self._found(VISIBLE, f"{turn}: {member.collection} missing{where}", member.name, "not there", acting)
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
            self._found(
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

    def _require_gone(self, turn: str, gone: Iterable[Member]) -> None:
        for member in gone:
            resource, made = RESOURCES[member.collection], self._made[member.number]
            for found in addresses(self._contract, resource, "GET"):
                if member.number in self._ghosts:
                    break
                response = self._send(found.operation, found.path(made), None, keep=False)
                record = _record(response) or {}
                same = record.get(resource.identity, made.record[resource.identity]) == made.record[resource.identity]
                if response.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.GONE) and (
                    same or not response.is_success
                ):
                    self._ghosts.add(member.number)
                    self._found(GONE, f"{turn}: {member.collection} read", 404, response.status_code, {member.number})

    def _require_counts(self, turn: str, collections: Iterable[str]) -> None:
        for name in sorted(collections):
            resource = RESOURCES[name]
            operation = counted(self._contract, resource)
            if operation is None or operation.placeholders or resource.scope is not None:
                continue
            if not any(made.collection == name for made in self._made.values()):
                continue
            body = resource.own(self._fence(resource))
            response = self._send(operation, operation.path, body, keep=False)
            number = response.json() if response.is_success else response.status_code
            wanted = len(self._household.living(name))
            if not response.is_success or number != wanted:
                about = {made for made, found in self._made.items() if found.collection == name}
                self._found(COUNT, f"{turn}: {name}", wanted, number, about)

    def _end(self) -> None:
        """Everything once more, one by one: what is there, and what is not."""
        for troupe in self._stage.troupes.values():
            resource = troupe.resource
            if resource.reads is not None and self._query(resource) is not None:
                for member in self._household.living(resource.name):
                    self._judge(member, self._single(resource, member, _END), _END, where=" read singly")
            self._require_gone(_END, self._household.gone(resource.name))
        self._require_counts(_END, self._stage.troupes)

    def _single(self, resource: Resource, member: Member, turn: str) -> Record | None:
        made = self._made[member.number]
        if resource.reads is None:
            try:
                return next(iter(listings(self._contract, resource))).find(self._client, made)
            except Violation as violation:
                self._found(VISIBLE, f"{turn}: {resource.name} listed", violation.summary, violation.details, set())
                return member.expected
        operation = self._operation(resource.reads)
        response = self._send(operation, operation.fill(resource.fill(operation.label, made)), None, keep=False)
        record = _record(response)
        if record is None or not response.is_success:
            return None
        fields = shown(self._contract, operation)
        return record if fields is None else {key: value for key, value in record.items() if key in fields}

    def _rows(self, resource: Resource, query: Query, body: Record, turn: str) -> list[Record] | None:
        """The rows of a query; None, and a finding, where it is not answered with any."""
        response = self._send(query.operation, query.operation.path, body, keep=False)
        answer = response.json() if response.is_success else None
        rows = answer.get(resource.listed) if resource.listed and isinstance(answer, dict) else answer
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            return rows
        observed = {"status": response.status_code, "body": response.text[:300]}
        self._found(VISIBLE, f"{turn}: {resource.name} not listed", "a list", observed, set(self._made))
        return None

    # Common

    def _query(self, resource: Resource) -> Query | None:
        """The query that lists the walk's members of a collection alone, None where there is none."""
        for query in self._contract.queries.values():
            if query.verb == "filter" and query.name == resource.name and resource.key in query.filters:
                return query if resource.fence is not None and not query.operation.placeholders else None
        return None

    def _fence(self, resource: Resource) -> Record:
        """A filter of everybody that the walk ever made in a collection, living or gone."""
        assert resource.fence is not None
        return resource.fence([made.record for made in self._made.values() if made.collection == resource.name])

    def _operation(self, label: str | None) -> Operation:
        found = self._contract.operations.get(label or "")
        if found is None:
            raise CouldNotRun(f"the contract has no {label}")
        return found

    def _send(self, operation: Operation, path: str, body: Any, *, keep: bool = True) -> httpx.Response:
        response = self._client.request(operation.method, path, body)
        if keep:
            self._keep_exchange()
        return response

    def _keep_exchange(self) -> None:
        self._sent.append(self._client.journal.exchanges[-1])

    def _number_of(self, resource: Resource, identity: Any) -> int | None:
        for number, made in self._made.items():
            if made.collection == resource.name and made.record.get(resource.identity) == identity:
                return number
        return None

    def _name(self, identity: Any) -> str:
        """A member by its collection and number."""
        for number, made in self._made.items():
            if made.record.get(RESOURCES[made.collection].identity) == identity:
                return f"{made.collection} {number}"
        return str(identity)

    def _refused(self, step: Step, response: httpx.Response, expected: Any) -> None:
        observed = {"status": response.status_code, "body": response.text[:300]}
        about = {step.number, *step.about}
        self._found(ANSWERED, f"{step.turn}: {response.status_code}", expected, observed, about)

    def _found(self, requirement: str, fingerprint: str, expected: Any, observed: Any, members: set[int]) -> None:
        shows = self._client.journal.exchanges[-1:]
        sent = (*self._sent, *(exchange for exchange in shows if exchange not in self._sent))
        finding = Finding(requirement, fingerprint, expected, observed, frozenset(members), tuple(self._walked), sent)
        self.findings.setdefault(finding.key, finding)


def _body(sent: Any) -> Record:
    """The body of one member, where a list of just one was sent too."""
    if isinstance(sent, list):
        (sent,) = sent
    return dict(sent)


def _visible(resource: Resource, sent: Record) -> Record:
    """What of a body the member shows."""
    return {key: value for key, value in sent.items() if key not in resource.hidden}


def _record(response: httpx.Response) -> Record | None:
    """The record that an answer holds, alone or in a list of just one."""
    found = response.json() if response.content and "json" in response.headers.get("content-type", "") else None
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    return found if isinstance(found, dict) else None
