"""Walks over several collections: steps that are thought up, taken on the server, and held to a model after each."""

from conformance.suite.walks import finding
from conformance.suite.walks.campaign import Walks
from conformance.suite.walks.stage import Stage, counting, filtering, mortal, stages

__all__ = ["Stage", "Walks", "counting", "filtering", "finding", "mortal", "stages"]
