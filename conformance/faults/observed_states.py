"""Faults in the list of the states that runs have been in."""

from __future__ import annotations

from conformance.faults.bends import answered, on
from conformance.faults.fault import Fault

_OBSERVED = "GET /observed-states"

FAULTS = (
    Fault(
        "first-is-last",
        "states.observed",
        _OBSERVED,
        "a state is first seen when it is seen last",
        on(_OBSERVED, answered(lambda rows: [{**row, "first_seen": row["last_seen"]} for row in rows])),
    ),
    Fault(
        "observed-of-flow-runs-alone",
        "states.observed",
        _OBSERVED,
        "the states of task runs that ended are left out",
        on(_OBSERVED, answered(lambda rows: [row for row in rows if row["state_type"] != "COMPLETED"])),
    ),
    Fault(
        "observed-turned-round",
        "states.observed-order",
        f"{_OBSERVED}: LAST_SEEN_DESC",
        "the listed states come the other way round",
        on(_OBSERVED, answered(lambda rows: rows[::-1])),
    ),
)
