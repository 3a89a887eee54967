"""What the rules of states are judged on, as far as several families of them share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.contract import Contract
from conformance.suite.check import Subjects
from conformance.suite.runs import FLOW_RUNS, KINDS, Kind


def kinds(contract: Contract) -> Mapping[str, Kind]:
    """Flow runs and task runs."""
    return {kind.collection: kind for kind in KINDS if {kind.creates, kind.sets_state} <= contract.operations.keys()}


def flow_states(contract: Contract) -> Mapping[str, str]:
    """Every type of state that a flow run may be in."""
    return {f"flow_runs {type_}": type_ for type_ in FLOW_RUNS.types(contract)}


def where(operation: str, *subjects: Subjects) -> Subjects:
    """`subjects`, or the collection of flow runs alone, of the contracts that have `operation`."""

    def there(contract: Contract) -> Mapping[str, Any]:
        if operation not in contract.operations:
            return {}
        return {name: one for part in subjects or (_flow_runs,) for name, one in part(contract).items()}

    return there


def _flow_runs(contract: Contract) -> Mapping[str, Kind]:
    return {"flow_runs": FLOW_RUNS}
