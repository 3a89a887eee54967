"""What a collection's module says of it: how to make a member, how a path addresses one, what it relates to.

A module here knows its collection and nothing of HTTP: it asks a `Workshop` to send the operations of
the contract. The world is the workshop of a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol
from urllib.parse import unquote

Record = dict[str, Any]
"""A JSON object as the server gave it."""

World = Mapping[str, Sequence[Record]]
"""The records of every collection, by its name."""

Reader = Callable[[Record, World], Any]
"""What a criterion or a sort key reads on a record.

None stands for SQL's null. A tuple stands for alternatives: the criterion holds if one of them satisfies it
(JSON has no tuples, so no value of a record can be mistaken for one).
"""


Again = Literal["returns", "updates", "conflicts"]
"""What a create answers for a member that exists: that member as it is, that member with what was sent, an error."""


@dataclass(frozen=True)
class Made:
    """A member of a collection that exists on the server.

    `record` is the server's own record of it, read back singly where the API allows.
    `address` holds what a path needs and the record lacks (the name of a deployment's flow).
    `sent` is the body that created it and `within` the placeholders of the operation that it was sent to,
    so that `shop.send(resource.creates, made.sent, **made.within)` asks for the same member again.
    """

    collection: str
    record: Record
    address: Mapping[str, str] = field(default_factory=dict)
    sent: Any = None
    within: Mapping[str, str] = field(default_factory=dict)

    def value(self, key: str) -> Any:
        """The value for the placeholder `key` of one of the collection's `members` templates."""
        return self.address[key] if key in self.address else self.record[key]


class Workshop(Protocol):
    """What a maker may ask for. Operations are named as in the contract: `"POST /flows/"`."""

    def has(self, operation: str) -> bool:
        """Whether the contract has the operation `METHOD /path`."""

    def accepts(self, operation: str, field: str) -> bool:
        """Whether the JSON body of `operation` documents the property `field`."""

    def send(self, operation: str, body: Any = None, /, **placeholders: str) -> Any:
        """Send one operation; return the decoded JSON answer (None where there is no body).

        `placeholders` fill the path by name. Raises `conformance.world.SeedingError` where the answer is not 2xx.
        """

    def name(self, stem: str) -> str:
        """A name of this run that no other call returns: `<prefix>-<stem>-<n>`, [a-z0-9-] only."""

    def shared(self, collection: str) -> Made:
        """A member of `collection` to hang others on, made on first use and never changed or deleted."""


class At:
    """Reads the first of some keys of a record that is there and not null; `a.b` reads inside an object."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def __call__(self, record: Record, world: World) -> Any:
        """The value at the first key that has one."""
        for key in self.keys:
            value: Any = record
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                return value
        return None

    def __repr__(self) -> str:
        return f"At({', '.join(map(repr, self.keys))})"


def read_all(keys: Sequence[str | Reader], record: Record, world: World) -> tuple[Any, ...]:
    """The value at each key, or what each reader reads."""
    return tuple(record.get(key) if isinstance(key, str) else key(record, world) for key in keys)


@dataclass(frozen=True)
class Relation:
    """How a member finds the members of another collection: the values of `left` here equal those of `right` there.

    `named` is the key of the filter body that restricts those members (`work_pool_queues` for `work_queues`).
    A body that names several related collections is judged along the tree that `then` makes: on flows,
    `{"flow_runs": F, "task_runs": T}` asks for *one* flow run that matches F and itself has a task run
    that matches T. Two branches of the tree are judged apart.
    """

    collection: str
    left: tuple[str | Reader, ...]
    right: tuple[str | Reader, ...]
    named: str = ""
    then: tuple[Relation, ...] = ()

    @property
    def key(self) -> str:
        """The key of the filter body that this relation answers."""
        return self.named or self.collection

    def others(self, record: Record, world: World) -> Iterator[Record]:
        """The members of the other collection that `record` is linked to. A null links nothing."""
        mine = read_all(self.left, record, world)
        if None in mine:
            return
        for other in world.get(self.collection, ()):
            if read_all(self.right, other, world) == mine:
                yield other

    def keys(self) -> frozenset[str]:
        """The keys of a filter body that this relation and those beyond it answer."""
        return frozenset({self.key}).union(*(relation.keys() for relation in self.then))


def link(collection: str, left: str, right: str, *then: Relation, named: str = "") -> Relation:
    """A relation by one field on either side."""
    return Relation(collection, (left,), (right,), named, then)


def segments(path: str) -> tuple[str, ...]:
    """The parts of a path between its slashes."""
    return tuple(part for part in path.split("/") if part)


def placeholder(segment: str) -> str | None:
    """The name in `{name}`, or None for a literal segment."""
    return segment[1:-1] if segment.startswith("{") and segment.endswith("}") else None


def placeholders(path: str) -> tuple[str, ...]:
    """The names of a path's placeholders, in order."""
    return tuple(name for name in map(placeholder, segments(path)) if name is not None)


def filled(template: str, path: str) -> dict[str, str]:
    """What fills each placeholder of `template` in a path that it was filled to."""
    parts = zip(segments(template), segments(path), strict=False)
    return {name: unquote(value) for part, value in parts if (name := placeholder(part)) is not None}


def keys_by_placeholder(template: str, path: str) -> dict[str, str] | None:
    """Which key of `template` fills each placeholder of `path`; None unless it is a prefix that fills them all.

    A placeholder answers a placeholder whatever its name, and a literal only the same literal.
    """
    ours, theirs = segments(template), segments(path)
    if len(ours) > len(theirs):
        return None
    keys: dict[str, str] = {}
    for mine, their in zip(ours, theirs, strict=False):
        key, name = placeholder(mine), placeholder(their)
        if (key is None) != (name is None) or (key is None and mine != their):
            return None
        if key is not None and name is not None:
            keys[name] = key
    return keys if set(placeholders(path)) == set(keys) else None


def documented(shop: Workshop, operation: str, fields: Record) -> Record:
    """Those of `fields` that this generation's `operation` takes."""
    return {name: value for name, value in fields.items() if shop.accepts(operation, name)}


def listed_under(records: Sequence[Record], key: str, value: Any) -> Record:
    """The one record of a list that has `value` at `key`."""
    found = [record for record in records if record.get(key) == value]
    if len(found) != 1:
        raise LookupError(f"{len(found)} of {len(records)} listed records have {key} {value!r}, not 1")
    return found[0]


def no_body(shop: Workshop) -> Any:
    """Nothing to send."""
    return None


def no_address(shop: Workshop, sent: Any) -> Mapping[str, str]:
    """The record holds everything that a path needs."""
    return {}


def by_id(records: Sequence[Record]) -> Record:
    """A filter that just these records satisfy, by their ids."""
    return {"id": {"any_": [record["id"] for record in records]}}


def as_it_stands(filter_: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The filter that was sent is the one that is meant."""
    return filter_


@dataclass(frozen=True)
class Resource:
    """One collection of the API.

    `name`: its path without the slashes (`flows`, `work_pools/queues`).
    `members`: path templates that address one member, placeholders named by the key of the record or
      of `Made.address` that fills them: `("/flows/{id}", "/flows/name/{name}")`.
    `creates`, `reads`, `updates`, `replaces`, `destroys`: the operation that does so to one member, None where
      no generation has one. A generation may lack one that is named: ask `shop.has`.
    `body`: what to send to `creates`. `addressed`: what `Made.address` holds for a member made of that body.
    `maker`: makes a member where sending `body` to `creates` and reading it back does not do.
    `finder`: finds the record of a member in a list, where no operation reads it singly.
    `clock`: fields that may differ between two reads of a member that nobody changed, because the server
      computes them from the time of reading or from other objects.
    `hidden`: fields of `body` that the record does not show.
    `completed`: fields that the server adds to, so that the record shows what was sent and more inside.
    `patches`: field of the body of `updates` -> a valid value other than the one `body` sends, or a callable
      `(shop, record) -> value`. Only fields that the record shows again under the same name, as `completed` says.
    `moves`: field of `patches` -> other fields that rightly change with it (`updated` always may).
    `replacement`: a full body for `replaces` that differs from what made the member.
    `related`: what the criteria of other collections in a filter body of this one mean.
    `criteria`: criterion of the filter grammar -> what it reads (`state.type`), or one operator of it where
      that one reads something else (`start_time.is_null_`). One that is not here is read by its own name.
    `disputed`: criterion -> another reading that released servers use, where no document settles which is right.
    `sorts`: prefix of a sort key (`START_TIME` of `START_TIME_DESC`) -> what it orders by. One that is not
      here orders by the field of its name. Nulls come first or last as the database likes: no document says.
    `singleton`: the server has one, shared by everyone: not to be changed on a server that others use.

    Of a member's life:
    `unique`: fields of `body` that together say which member is meant, within the placeholders of `creates`: no two
      members have the same values there. Empty where each create makes a new member.
    `again`: what the documents say that a create does where a member has the same `unique` values already; None
      where they say nothing.
    `parents`: collection of a member that this one goes with -> by its key, the key of this one's record or of
      `Made.address` that names it: `{"flows": {"id": "flow_id"}}`.
    `lists`: path templates of plain GET lists that a member stands in, placeholders (and required parameters of the
      query) named as in `members`.

    The rest says how the collection's own `POST …/filter` shows it:
    `identity`: the key that tells its rows apart.
    `filtered`: the key of the body that holds its own filter, `""` where the body itself is the filter. Default:
      the collection's name.
    `listed`: the key of the answer that holds the rows; None where the answer is the list.
    `needs`: what a query's body must hold to list everything, where an empty one does not (a limit without a bound).
    `fence`: records -> a filter that they and nothing else satisfy, so that what others have put on the server does
      not count. None where the grammar has no such filter.
    `scope`: `(record, world)` -> the placeholders of the query's path under which the record is found (the pool
      of a queue).
    `derived`: world -> the records, where they are a view of other collections' (`artifacts/latest`).
    `meant`: the collection's own filter in a body, None where the body has none -> the filter that it stands for,
      where the document gives a criterion that is not named a default.
    `wildcards`: criteria whose `like_` reads SQL's wildcards, as their documents say ("can include SQL wildcard
      characters like `%` and `_`"); of the others they say that it is a partial match.
    `ascii`: criteria whose values the API restricts to ASCII.
    `members_of`: criterion that reads several members of a record (the related resources of an event) -> the record
      with each of them alone: all operators of the criterion have to hold on one of them.
    `gathered`: `(shop, made)` -> the records of a whole population's members, by one request. For what no operation
      reads singly; raises LookupError while the server does not show them all yet.
    `filled`: criteria (`name`), or single operators of one, that no record reads null for, by the API's own rules.
    """

    name: str
    members: Sequence[str] = ()
    creates: str | None = None
    reads: str | None = None
    updates: str | None = None
    replaces: str | None = None
    destroys: str | None = None
    body: Callable[[Workshop], Any] = no_body
    addressed: Callable[[Workshop, Any], Mapping[str, str]] = no_address
    maker: Callable[[Workshop], Made] | None = None
    finder: Callable[[Workshop, Made], Record] | None = None
    clock: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    completed: frozenset[str] = frozenset()
    patches: Mapping[str, Any] = field(default_factory=dict)
    moves: Mapping[str, frozenset[str]] = field(default_factory=dict)
    replacement: Callable[[Workshop, Made], Any] | None = None
    related: Sequence[Relation] = ()
    criteria: Mapping[str, Reader] = field(default_factory=dict)
    disputed: Mapping[str, Reader] = field(default_factory=dict)
    sorts: Mapping[str, Reader] = field(default_factory=dict)
    singleton: bool = False
    unique: Sequence[str] = ()
    again: Again | None = None
    parents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lists: Sequence[str] = ()
    identity: str = "id"
    filtered: str | None = None
    listed: str | None = None
    needs: Mapping[str, Any] = field(default_factory=dict)
    fence: Callable[[Sequence[Record]], Record] | None = by_id
    scope: Callable[[Record, World], Mapping[str, str]] | None = None
    derived: Callable[[World], Sequence[Record]] | None = None
    meant: Callable[[Mapping[str, Any] | None], Mapping[str, Any] | None] = as_it_stands
    wildcards: frozenset[str] = frozenset()
    ascii: frozenset[str] = frozenset()
    members_of: Mapping[str, Callable[[Record], Sequence[Record]]] = field(default_factory=dict)
    gathered: Callable[[Workshop, Sequence[Made]], Sequence[Record]] | None = None
    filled: frozenset[str] = frozenset({"id", "name"})

    @property
    def key(self) -> str:
        """The key of the body that holds the collection's own filter; empty where the body itself is the filter."""
        return self.name if self.filtered is None else self.filtered

    def own(self, filter_: Record) -> Record:
        """The body of a query that has `filter_` as the collection's own filter."""
        return {self.key: filter_} if self.key else dict(filter_)

    def relation(self, key: str) -> Relation:
        """The relation that answers a key of a filter body. Raises LookupError for one that nothing is known of."""
        reached = list(self.related)
        while reached:
            relation = reached.pop(0)
            if relation.key == key:
                return relation
            reached += relation.then
        raise LookupError(f"{self.name} has no relation for {key!r}")

    @property
    def makeable(self) -> bool:
        """Whether requests can make a member. A view can't be written, and some members exist by other means."""
        return self.maker is not None or self.creates is not None

    def never_null(self, criterion: str, operator: str) -> bool:
        """Whether no record can read null where the operator of the criterion reads."""
        return not {criterion, f"{criterion}.{operator}"}.isdisjoint(self.filled)

    def exists(self, shop: Workshop) -> bool:
        """Whether this generation has the collection."""
        operation = self.creates or self.reads
        return operation is not None and shop.has(operation)

    def make(self, shop: Workshop) -> Made:
        """Create one new member that nothing else uses, so that it may be changed and deleted."""
        if self.maker is not None:
            return self.maker(shop)
        if self.creates is None:
            raise TypeError(f"{self.name} has neither a maker nor an operation that creates a member")
        sent = self.body(shop)
        made = Made(self.name, shop.send(self.creates, sent), self.addressed(shop, sent), sent)
        return self.read_back(shop, made)

    def read_back(self, shop: Workshop, made: Made, changed: Record | None = None) -> Made:
        """The same member with the record that the server shows of it now.

        `changed` are fields that were patched since: a new name may be what finds it.
        """
        now = replace(made, record=made.record | (changed or {}))
        if self.reads is not None:
            return replace(now, record=shop.send(self.reads, **self.fill(self.reads, now)))
        return replace(now, record=self.finder(shop, now)) if self.finder is not None else made

    def keys(self, path: str) -> dict[str, str] | None:
        """Which key fills each placeholder of `path`, by the longest of `members` that is a prefix of it."""
        fitting = [(template, keys_by_placeholder(template, path)) for template in self.members]
        known = [(len(segments(template)), keys) for template, keys in fitting if keys is not None]
        return max(known, key=lambda pair: pair[0])[1] if known else None

    def fill(self, operation: str, made: Made) -> dict[str, str]:
        """The placeholders of `operation` (`METHOD /path`) for one member."""
        path = operation.partition(" ")[2]
        keys = self.keys(path)
        if keys is None:
            raise LookupError(f"no member template of {self.name} fits {path}")
        return {name: str(made.value(key)) for name, key in keys.items()}

    def patch(self, shop: Workshop, name: str, record: Record) -> Any:
        """The new value for one field of `patches`."""
        value = self.patches[name]
        return value(shop, record) if callable(value) else value

    def reader(self, criterion: str, operator: str = "") -> Reader:
        """What `operator` of a criterion reads (`state.type`, `any_`)."""
        known = self.criteria.get(f"{criterion}.{operator}") or self.criteria.get(criterion)
        return known or At(criterion)

    def follows_clock(self, sort: str) -> bool:
        """Whether the order under a sort key changes by itself, because what it reads follows the clock."""
        read = self.sort_reader(sort)
        return isinstance(read, At) and not self.clock.isdisjoint(read.keys)

    def sort_reader(self, sort: str) -> Reader:
        """What a sort key (`NAME_ASC`) orders by."""
        prefix = sort.rpartition("_")[0]
        return self.sorts.get(prefix) or At(prefix.lower())
