"""The states that runs have been in, as the server lists them for whoever wants to pick one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from conformance.contract import Contract
from conformance.oracle.operators import instant
from conformance.resources import Record
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.runs import FLOW_RUNS, TASK_RUNS, begin, state, walk
from conformance.target import Client
from conformance.world import World

OBSERVED: Final = "GET /observed-states"


def listing(contract: Contract) -> Mapping[str, str]:
    """The operation that lists them."""
    return {OBSERVED: OBSERVED} if OBSERVED in contract.operations else {}


def orders(contract: Contract) -> Mapping[str, str]:
    """The orders in which they may be asked for, where the contract has them."""
    known = ("NAME_ASC", "LAST_SEEN_DESC")
    return {f"{OBSERVED}: {order}": order for order in known if OBSERVED in contract.operations}


def require_observed(client: Client, world: World) -> None:
    """Each state that runs were in is listed once, with when a run was first in it, and when last."""
    stem, seen = enter(client, world)
    expected = {key: (min(times), max(times)) for key, times in seen.items()}
    for prefix in (stem, *(name for _, name in seen)):
        wanted = {key: span for key, span in expected.items() if key[1].startswith(prefix)}
        found = observed(client, query=prefix)
        spans = {
            (row["state_type"], row["state_name"]): (instant(row["first_seen"]), instant(row["last_seen"]))
            for row in found
        }
        require_equal(f"the states whose names begin with {prefix}", sorted(wanted), sorted(spans))
        require_equal("how many there are", len(wanted), len(found))
        for key, span in wanted.items():
            require_equal(f"when runs were {key} first and last", list(map(str, span)), list(map(str, spans[key])))


def require_order(order: str, client: Client, world: World) -> None:
    """The states come in the order that was asked for, and no more of them than asked for."""
    stem, seen = enter(client, world)
    by_name = sorted(name for _, name in seen)
    by_time = [name for _, name in sorted(seen, key=lambda key: max(seen[key]), reverse=True)]
    expected = by_name if order == "NAME_ASC" else by_time
    found = [row["state_name"] for row in observed(client, query=stem, order_by=order)]
    require_equal(f"the names, by {order}", expected, found)
    first = [row["state_name"] for row in observed(client, query=stem, order_by=order, limit=2)]
    require_equal("the first two of them", expected[:2], first)


def enter(client: Client, world: World) -> tuple[str, Mapping[tuple[str, str], list[Any]]]:
    """Runs that enter states of new names: what the names begin with, and (type, name) -> when runs entered it.

    They are entered in an order that is neither that of the names nor that of the types.
    """
    stem = world.workshop.name("state")
    seen: dict[tuple[str, str], list[Any]] = {}

    def note(*entered: Record) -> None:
        for one in entered:
            seen.setdefault((one["type"], one["name"]), []).append(instant(one["timestamp"]))

    def named(type_: str, end: str) -> Record:
        return {**state(type_), "name": f"{stem}-{end}"}

    of_flow = begin(FLOW_RUNS, world, named("PENDING", "b"))
    note(of_flow["state"], *walk(FLOW_RUNS, client, of_flow["id"], named("RUNNING", "a")))
    of_task = begin(TASK_RUNS, world, named("PENDING", "b"), flow_run_id=of_flow["id"])
    note(of_task["state"])
    note(*walk(TASK_RUNS, client, of_task["id"], named("RUNNING", "a"), named("COMPLETED", "d")))
    note(*walk(FLOW_RUNS, client, of_flow["id"], named("FAILED", "c"), named("RUNNING", "a")))
    return stem, seen


def observed(client: Client, **asked: Any) -> list[Record]:
    """What is listed. Raises Violation where it is no list of states."""
    answer = client.request("GET", OBSERVED.removeprefix("GET "), params=asked)
    if not answer.is_success or not isinstance(found := answer.json(), list):
        raise Violation(
            "no list of states", expected="200 and a list", observed=f"{answer.status_code} {answer.text[:300]}"
        )
    return found
