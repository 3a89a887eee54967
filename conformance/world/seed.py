"""Seeding: the population of `fixtures/populations/`, put in through the API and read back singly."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import NAMESPACE_URL, uuid5

import stamina
from pydantic import BaseModel, ConfigDict, Field

from conformance.data import fixtures
from conformance.resources import RESOURCES, Made, Record, Workshop
from conformance.world.workshop import HttpWorkshop, SeedingError
from conformance.world.world import Population

_NAMED = "%PREFIX%"
"""Stands in a population's strings for the run's own prefix."""

_PLAIN = "%PLAIN%"
"""Stands for the prefix without its dashes, in names that take none."""
_IDENTIFIED = "%UUID%"
"""Begins a string that stands for a UUID: one of the run's own for each ending."""


class _Object(BaseModel):
    """One object of a population file: the operation that creates it, its body, and the states it goes through.

    A string `@alias` is the id of the object of that alias, which an earlier entry makes, `@alias.field` that field
    of its record. `within` fills the placeholders of the operation's path. A list as body makes several objects at
    once. A field that the generation's contract lacks is left out, and so are an object whose operation it lacks,
    whose path names an object that was left out, or whose body lacks what it requires, and a state whose type it
    lacks.

    `through`: the operation that creates it, where that is not the collection's own.
    `headers`: on whose behalf it is created, where no body says so.
    `there`: what addresses an object that the server has made by itself: nothing is sent, it is read. Other entries
    can name what it says only.
    `after`: aliases of earlier entries that must have been made before. Those that it names are, and those of the same
    `within`.
    `changes`: the body of an update that is sent when all objects are there: the order by `updated` is not the one by
    `created` then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    alias: str
    collection: str
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]] = Field(default_factory=dict)
    states: Sequence[Mapping[str, Any]] = ()
    within: Mapping[str, str] = Field(default_factory=dict)
    changes: Mapping[str, Any] = Field(default_factory=dict)
    through: str | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    there: Mapping[str, str] | None = None
    after: Sequence[str] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    object: Annotated[Sequence[_Object], Field(min_length=1)]


def entries(source: Path) -> Iterator[_Object]:
    """The objects that the files of `source` describe, in the order of the files' names. Raises ValueError."""
    for path in sorted(source.glob("*.toml")):
        yield from _File.model_validate(tomllib.loads(path.read_text("utf-8"))).object


_FORMER = "experimental/"
"""Prefect 2.7 has pools, their queues and their workers under this prefix."""

_WRITING, _READING = 1, 4
"""Requests that are under way at a time. Of several that write, SQLite turns all but one away, to be sent again; and
Orion, turned away in the middle, has made half of a block document then."""


def seed(workshop: HttpWorkshop, source: Path | None = None) -> Population:
    """Create the population that the files of `source` describe (default: the shipped ones) and return its records.

    The files are read in the order of their names, and so are the records, whatever was made first. Each object is
    read back by its id after all have been written: what a later write did to an earlier object is in the record.
    Raises SeedingError where the target refuses one.
    """
    source = source or fixtures() / "populations"
    described = [_placed(workshop, entry) for entry in entries(source)]
    known: dict[str, Record] = {}
    with _pool(_WRITING) as pool:
        members = _create_all(workshop, described, known, pool)
    for entry in described:
        for member in members[entry.alias] if entry.changes else ():
            _update(workshop, member, _fill(entry.changes, known, workshop.prefix))
    made = [member for entry in described for member in members[entry.alias]]
    single = [member for member in made if RESOURCES[member.collection].gathered is None]
    with _pool(_READING) as pool:
        shown = list(pool.map(lambda member: RESOURCES[member.collection].read_back(workshop, member), single))
    records: dict[str, Sequence[Record]] = {}
    for member in shown:
        records[member.collection] = [*records.get(member.collection, ()), member.record]
    for resource in RESOURCES.values():
        if resource.gathered is not None and (theirs := [m for m in made if m.collection == resource.name]):
            records[resource.name] = _gathered(resource.gathered, workshop, theirs)
    # What is related to pools names them alike wherever they stand.
    records |= {name.removeprefix(_FORMER): records[name] for name in records if name.startswith(_FORMER)}
    for resource in RESOURCES.values():
        if resource.derived is not None and (derived := resource.derived(records)):
            records[resource.name] = derived
    return Population(records=records)


def _placed(workshop: HttpWorkshop, entry: _Object) -> _Object:
    """The entry, in the collection where the generation has such objects."""
    now, former = (RESOURCES.get(f"{prefix}{entry.collection}") for prefix in ("", _FORMER))
    if former is None or now is None or workshop.has(str(now.creates)) or not workshop.has(str(former.creates)):
        return entry
    return entry.model_copy(update={"collection": former.name})


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that starts nothing more once something has failed."""
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _create_all(
    workshop: HttpWorkshop, described: Sequence[_Object], known: dict[str, Record], pool: ThreadPoolExecutor
) -> Mapping[str, list[Made]]:
    """Make every object, each as soon as what it hangs on is there; alias -> what was made. `known` gets the answers.

    The pool takes them in the order of the entries: what one waits for has been taken before it, so that there is
    always one that waits for nothing.
    """
    making: dict[str, Future[list[Made]]] = {}
    siblings: dict[str, str] = {}
    for entry in described:
        before = {*_named(entry.body), *_named(entry.within), *entry.after}
        if unmade := before - making.keys():
            raise ValueError(f"{entry.alias} comes before {sorted(unmade)}")
        if entry.alias in making:
            raise ValueError(f"two objects are called {entry.alias}")
        if entry.within:
            parent = f"{entry.collection} {sorted(entry.within.items())}"
            before |= {siblings[parent]} if parent in siblings else set()
            siblings[parent] = entry.alias
        making[entry.alias] = pool.submit(_create, workshop, entry, known, [making[alias] for alias in before])
    return {alias: future.result() for alias, future in making.items()}


def _named(value: Any) -> set[str]:
    """The aliases in a value."""
    if isinstance(value, str):
        return {value[1:].partition(".")[0]} if value.startswith("@") else set()
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return set().union(*map(_named, inner))


def _gathered(
    gather: Callable[[Workshop, Sequence[Made]], Sequence[Record]], workshop: HttpWorkshop, members: Sequence[Made]
) -> Sequence[Record]:
    """The records that the server shows of the members, once it shows them all: some are stored a while later."""
    patient = stamina.RetryingCaller(attempts=None, timeout=_STORED, wait_max=0.5).on(LookupError)
    try:
        return patient(gather, workshop, members)
    except LookupError as error:
        raise SeedingError(f"after {_STORED:g} s: {error}") from error


_STORED = 30.0
"""Seconds after which what was sent has to be shown."""


def _create(
    workshop: HttpWorkshop, entry: _Object, known: dict[str, Record], before: Sequence[Future[list[Made]]]
) -> list[Made]:
    for future in before:
        future.result()
    resource = RESOURCES[entry.collection]
    within = _fill(entry.within, known, workshop.prefix)
    if entry.there is not None:
        return _found(workshop, entry, {**_fill(entry.there, known, workshop.prefix), **within}, known)
    create = entry.through or resource.creates
    if create is None or not workshop.has(create) or _ABSENT in within.values():
        return []
    body: Any = _fill(entry.body, known, workshop.prefix)
    if isinstance(body, list):
        items = [{field: value for field, value in item.items() if value is not _ABSENT} for item in body]
        workshop.send(create, items, **within)
        return [Made(entry.collection, item, within, items, within) for item in items]
    sent = _known_fields(workshop, create, body)
    if not sent.keys() >= workshop.requires(create):
        return []
    answer = {**sent, **(workshop.send_as(create, sent, within, entry.headers) or {})}
    if "id" in answer and any(answer["id"] == other.get("id") for other in list(known.values())):
        raise SeedingError(f"{create} gave {entry.alias} the id of an object that was there before")
    known[entry.alias] = answer
    set_state = f"POST /{entry.collection}/{{id}}/set_state"
    for state in entry.states:
        if state["type"] in _state_types(workshop, set_state):
            workshop.send(set_state, {"state": dict(state), "force": True}, id=answer["id"])
    if entry.through is None:
        return [Made(entry.collection, answer, within, sent, within)]
    # The path is about another collection's member, and so is what fills it.
    return [Made(entry.collection, answer, {}, sent)]


def _found(workshop: HttpWorkshop, entry: _Object, address: Mapping[str, Any], known: dict[str, Record]) -> list[Made]:
    """The object that the server has made by itself, if this generation has such. It is yet to be read."""
    reads = RESOURCES[entry.collection].reads
    if reads is None or not workshop.has(reads) or _ABSENT in address.values():
        return []
    known[entry.alias] = dict(address)
    return [Made(entry.collection, {}, address)]


def _update(workshop: HttpWorkshop, member: Made, changes: Mapping[str, Any]) -> None:
    resource = RESOURCES[member.collection]
    if resource.updates is not None and workshop.has(resource.updates):
        sent = _known_fields(workshop, resource.updates, changes)
        workshop.send(resource.updates, sent, **resource.fill(resource.updates, member))


def _state_types(workshop: HttpWorkshop, set_state: str) -> Sequence[str]:
    """The types of states that the generation has: Orion's first releases could not pause, or be cancelling."""
    contract = workshop.contract
    state = contract.resolve(contract.body_properties(set_state).get("state", {}))
    types: Sequence[str] = contract.resolve(state.get("properties", {}).get("type", {})).get("enum", ())
    return types


def _known_fields(workshop: HttpWorkshop, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        field: value for field, value in body.items() if value is not _ABSENT and workshop.accepts(operation, field)
    }


_ABSENT = object()


def _fill(value: Any, known: Mapping[str, Record], prefix: str) -> Any:
    if isinstance(value, str):
        if value.startswith("@"):
            alias, _, field = value[1:].partition(".")
            return known[alias].get(field or "id", _ABSENT) if alias in known else _ABSENT
        if value.startswith(_IDENTIFIED):
            return str(uuid5(NAMESPACE_URL, value.replace(_IDENTIFIED, prefix)))
        return value.replace(_NAMED, prefix).replace(_PLAIN, prefix.replace("-", ""))
    if isinstance(value, Mapping):
        return {key: _fill(inner, known, prefix) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, known, prefix) for inner in value]
    return value
