"""The objects that a run creates through the API, and the server's own record of each."""

from conformance.world.inventory import Inventory, inventory
from conformance.world.ledger import CreatedLedger
from conformance.world.record import Recorder
from conformance.world.removal import NOT_THERE, removal, remove
from conformance.world.seed import seed
from conformance.world.services import moved_on
from conformance.world.sweep import Swept, sweep
from conformance.world.workshop import HttpWorkshop, SeedingError
from conformance.world.world import Population, World

__all__ = [
    "NOT_THERE",
    "CreatedLedger",
    "HttpWorkshop",
    "Inventory",
    "Population",
    "Recorder",
    "SeedingError",
    "Swept",
    "World",
    "inventory",
    "moved_on",
    "removal",
    "remove",
    "seed",
    "sweep",
]
