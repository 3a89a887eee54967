"""Seeding: the population of `fixtures/populations/`, put in through the API and read back singly."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from conformance.data import fixtures
from conformance.resources import RESOURCES, Made, Record
from conformance.world.workshop import HttpWorkshop, SeedingError
from conformance.world.world import Population

_NAMED = "%PREFIX%"
"""Stands in a population's strings for the run's own prefix."""


class _Object(BaseModel):
    """One object of a population file: the operation that creates it, its body, and the states it goes through.

    A string `@alias` in a body is the id of the object of that alias. A field that the generation's
    contract lacks is left out, and so are an object whose operation it lacks and a state whose type it lacks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    alias: str
    collection: str
    body: Mapping[str, Any]
    states: Sequence[Mapping[str, Any]] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    object: Annotated[Sequence[_Object], Field(min_length=1)]


def seed(workshop: HttpWorkshop, source: Path | None = None) -> Population:
    """Create the population that `source` describes (default: the shipped one) and return its records.

    Each object is read back by its id after all have been written: what a later write did to an earlier
    object is in the record. Raises SeedingError where the target refuses one.
    """
    source = source or fixtures() / "populations" / "world.toml"
    objects = _File.model_validate(tomllib.loads(source.read_text("utf-8"))).object
    ids: dict[str, str] = {}
    made: list[Made] = []
    for entry in objects:
        create = RESOURCES[entry.collection].creates
        if create is None or not workshop.has(create):
            continue
        body = _known_fields(workshop, create, _fill(entry.body, ids, workshop.prefix))
        answer = workshop.send(create, body)
        if answer["id"] in ids.values():
            raise SeedingError(f"{create} gave {entry.alias} the id of an object that was there before")
        ids[entry.alias] = answer["id"]
        made.append(Made(entry.collection, answer))
        set_state = f"POST /{entry.collection}/{{id}}/set_state"
        for state in entry.states:
            if state["type"] in _state_types(workshop, set_state):
                workshop.send(set_state, {"state": dict(state), "force": True}, id=answer["id"])
    records: dict[str, list[Record]] = {}
    for member in made:
        shown = RESOURCES[member.collection].read_back(workshop, member)
        records.setdefault(member.collection, []).append(shown.record)
    return Population(records=records)


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


def _fill(value: Any, ids: Mapping[str, str], prefix: str) -> Any:
    if isinstance(value, str):
        if value.startswith("@"):
            return ids.get(value[1:], _ABSENT)
        return value.replace(_NAMED, prefix)
    if isinstance(value, Mapping):
        return {key: _fill(inner, ids, prefix) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, ids, prefix) for inner in value]
    return value
