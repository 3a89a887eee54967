"""Clean-up: what the ledger says was created is deleted, and nothing else."""

from __future__ import annotations

from conformance.errors import TargetTrouble
from conformance.target import Client
from conformance.world.ledger import CreatedLedger

_GONE = frozenset({404, 410})


def sweep(client: Client, ledger: CreatedLedger) -> list[str]:
    """Delete every object of the ledger, the latest first; gone already is as good.

    Returns a line for each that could not be deleted. Stops at the first request that gets no answer.
    """
    left: list[str] = []
    for created in ledger.newest_first():
        try:
            response = client.request("DELETE", created.path)
        except TargetTrouble as trouble:
            left.append(f"{created.operation} {created.path}: {trouble}; nothing after it was tried")
            break
        if not response.is_success and response.status_code not in _GONE:
            left.append(f"DELETE {created.path} answered {response.status_code}")
    return left
