"""What must hold: the requirements as TOML chapters, the operations ledger, and their typed loaders."""

from conformance.catalogue.conditions import load_conditions
from conformance.catalogue.explanation import explain
from conformance.catalogue.operations import Operations, load_operations
from conformance.catalogue.requirements import HIDDEN, Catalogue, Level, Profile, Requirement, load

__all__ = [
    "HIDDEN",
    "Catalogue",
    "Level",
    "Operations",
    "Profile",
    "Requirement",
    "explain",
    "load",
    "load_conditions",
    "load_operations",
]
