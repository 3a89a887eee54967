"""What a server does to the population by itself: its background services go on while it is judged.

They are off on a server of the run's own. Elsewhere the population is made so that they leave it alone (what is
scheduled or pauses does so for years), with one exception, for which there is no such way: a flow run whose
cancellation nobody confirms. Prefect 3.9 cancels it after five minutes.
"""

from __future__ import annotations

from collections.abc import Iterator

from conformance.resources import RESOURCES, Made, Record
from conformance.world.workshop import HttpWorkshop
from conformance.world.world import Population

_RUNS = "flow_runs"


def moved_on(population: Population, workshop: HttpWorkshop) -> Population | None:
    """The population as it is now, where a service has moved a part of it on; None where it is as it was.

    Raises SeedingError and TargetTrouble where it can't be read.
    """
    now = {record["id"]: record for record in _cancelled(population, workshop)}
    if not now:
        return None
    runs = [now.get(record["id"], record) for record in population.of(_RUNS)]
    return Population(records={**population.records, _RUNS: runs})


def _cancelled(population: Population, workshop: HttpWorkshop) -> Iterator[Record]:
    for record in population.of(_RUNS):
        if record["state_type"] == "CANCELLING":
            found = RESOURCES[_RUNS].read_back(workshop, Made(_RUNS, record)).record
            if isinstance(found, dict) and found.get("state_type") == "CANCELLED":
                yield found
