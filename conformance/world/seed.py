"""Seeding: the population of `fixtures/populations/`, put in through the API and read back singly."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
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

    A string `@alias` in a body is the id of the object of that alias, `@alias.field` that field of its record.
    `within` fills the placeholders of the operation's path. A list as body makes several objects at once.
    A field that the generation's contract lacks is left out, and so are an object whose operation it lacks or
    whose path names an object that was left out, and a state whose type it lacks. `changes` is the body of an
    update that is sent when all objects are there: the order by `updated` is not the one by `created` then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    alias: str
    collection: str
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    states: Sequence[Mapping[str, Any]] = ()
    within: Mapping[str, str] = Field(default_factory=dict)
    changes: Mapping[str, Any] = Field(default_factory=dict)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    object: Annotated[Sequence[_Object], Field(min_length=1)]


def entries(source: Path) -> Iterator[_Object]:
    """The objects that the files of `source` describe, in the order of the files' names. Raises ValueError."""
    for path in sorted(source.glob("*.toml")):
        yield from _File.model_validate(tomllib.loads(path.read_text("utf-8"))).object


def seed(workshop: HttpWorkshop, source: Path | None = None) -> Population:
    """Create the population that the files of `source` describe (default: the shipped ones) and return its records.

    The files are read in the order of their names. Each object is read back by its id after all have been
    written: what a later write did to an earlier object is in the record. Raises SeedingError where the target
    refuses one.
    """
    source = source or fixtures() / "populations"
    known: dict[str, Record] = {}
    made: list[Made] = []
    changed: list[tuple[Made, Mapping[str, Any]]] = []
    for entry in entries(source):
        members = _create(workshop, entry, known)
        made += members
        changed += ((member, entry.changes) for member in members if entry.changes)
    for member, changes in changed:
        _update(workshop, member, _fill(changes, known, workshop.prefix))
    records: dict[str, Sequence[Record]] = {}
    for member in made:
        if RESOURCES[member.collection].gathered is None:
            shown = RESOURCES[member.collection].read_back(workshop, member)
            records[member.collection] = [*records.get(member.collection, ()), shown.record]
    for resource in RESOURCES.values():
        if resource.gathered is not None and (members := [m for m in made if m.collection == resource.name]):
            records[resource.name] = _gathered(resource.gathered, workshop, members)
    for resource in RESOURCES.values():
        if resource.derived is not None and (derived := resource.derived(records)):
            records[resource.name] = derived
    return Population(records=records)


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


def _create(workshop: HttpWorkshop, entry: _Object, known: dict[str, Record]) -> list[Made]:
    create = RESOURCES[entry.collection].creates
    within = _fill(entry.within, known, workshop.prefix)
    if create is None or not workshop.has(create) or _ABSENT in within.values():
        return []
    body: Any = _fill(entry.body, known, workshop.prefix)
    if isinstance(body, list):
        items = [{field: value for field, value in item.items() if value is not _ABSENT} for item in body]
        workshop.send(create, items, **within)
        return [Made(entry.collection, item, within, items, within) for item in items]
    sent = _known_fields(workshop, create, body)
    answer = {**sent, **(workshop.send(create, sent, **within) or {})}
    if "id" in answer and any(answer["id"] == other.get("id") for other in known.values()):
        raise SeedingError(f"{create} gave {entry.alias} the id of an object that was there before")
    known[entry.alias] = answer
    set_state = f"POST /{entry.collection}/{{id}}/set_state"
    for state in entry.states:
        if state["type"] in _state_types(workshop, set_state):
            workshop.send(set_state, {"state": dict(state), "force": True}, id=answer["id"])
    return [Made(entry.collection, answer, within, sent, within)]


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
