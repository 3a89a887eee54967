"""The fuzz: Schemathesis generates, this package aims, and every exchange is judged by all rules at once."""

from conformance.suite.fuzz.campaign import Campaign, Campaigns
from conformance.suite.fuzz.findings import Finding

__all__ = ["Campaign", "Campaigns", "Finding"]
