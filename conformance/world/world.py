"""What the checks of a run share: the population, and fresh members to change and delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from conformance.resources import Made, Record
from conformance.target import WouldWrite
from conformance.world.workshop import HttpWorkshop, SeedingError


class Population(BaseModel):
    """The objects that queries are judged on: collection -> the server's record of each, read back singly.

    `trouble` says why there are none, where the target refused one of them.
    """

    model_config = ConfigDict(frozen=True)

    records: Mapping[str, Sequence[Record]] = Field(default_factory=dict)
    trouble: str | None = None

    def of(self, collection: str) -> Sequence[Record]:
        """The records of one collection; empty where the generation has none."""
        return self.records.get(collection, ())

    def ids(self, collection: str) -> list[str]:
        """The ids of one collection's records, in the order of creation."""
        return [record["id"] for record in self.of(collection)]


class World:
    """The population, and a workshop for whatever a check changes or deletes."""

    def __init__(self, population: Population, workshop: HttpWorkshop, *, exclusive: bool, alone: bool) -> None:
        self._population = population
        self.workshop = workshop
        self.exclusive = exclusive
        """Whether the target belongs to this run alone, so that its own settings may be changed."""
        self.alone = alone
        """Whether not even another worker of the run is there: what appears meanwhile is of the one request."""

    @property
    def population(self) -> Population:
        """What queries are judged on. Raises SeedingError where it could not be put in."""
        if self.workshop.client.read_only:
            raise WouldWrite("the world has to be made before it is judged on")
        if self._population.trouble is not None:
            raise SeedingError(f"the world could not be seeded: {self._population.trouble}")
        return self._population

    def adopt(self, population: Population) -> None:
        """Judge on this one from now on: the server's record of an object has become another."""
        self._population = population

    def victim(self, collection: str) -> Made:
        """A fresh member of `collection`: the check may do with it what it likes."""
        return self.workshop.make(collection)

    def shared(self, collection: str) -> Made:
        """A member of `collection` to read. It must not be changed or deleted."""
        return self.workshop.shared(collection)
