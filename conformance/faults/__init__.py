"""Deliberate defects, and the proxy that puts one in front of a real server: proof that every check can fail."""

from conformance.faults import (
    aggregates,
    client,
    composition,
    concurrency,
    contract,
    delivery,
    emitted,
    events,
    filtering,
    fuzz,
    hostile,
    inputs,
    lifecycles,
    observed_states,
    paging,
    pools,
    refusals,
    routes,
    scheduling,
    security,
    sorting,
    stateful,
    states,
    verbs,
)
from conformance.faults.equivalents import EQUIVALENTS, Equivalent, at_once
from conformance.faults.fault import Fault, Interposed, Request, Response
from conformance.faults.proxy import Proxy
from conformance.faults.tape import Exchanged, Tape, touched

FAULTS: tuple[Fault, ...] = tuple(
    fault
    for chapter in (
        routes,
        contract,
        verbs,
        lifecycles,
        states,
        observed_states,
        scheduling,
        concurrency,
        delivery,
        pools,
        stateful,
        filtering,
        composition,
        paging,
        sorting,
        aggregates,
        events,
        emitted,
        refusals,
        inputs,
        security,
        client,
        fuzz,
        hostile,
    )
    for fault in chapter.FAULTS
)

__all__ = [
    "EQUIVALENTS",
    "FAULTS",
    "Equivalent",
    "Exchanged",
    "Fault",
    "Interposed",
    "Proxy",
    "Request",
    "Response",
    "Tape",
    "at_once",
    "touched",
]
