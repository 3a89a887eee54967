"""What must hold: the requirements as TOML chapters, and their typed loader."""

from conformance.catalogue.explanation import explain
from conformance.catalogue.requirements import Catalogue, Level, Profile, Requirement, load

__all__ = ["Catalogue", "Level", "Profile", "Requirement", "explain", "load"]
