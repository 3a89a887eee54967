"""Families: runs of runs, and the graphs that show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.contract import Contract
from conformance.resources import RESOURCES, Record
from conformance.suite.calls import without
from conformance.suite.outcome import Violation, require_equal
from conformance.suite.runs import FLOW_RUNS, TASK_RUNS, begin, read, shown, state, walk
from conformance.suite.states.subjects import kinds
from conformance.target import Client
from conformance.world import World


def require_subflow(subject: str, client: Client, world: World) -> None:
    """The task run that stands for a flow run in its parent enters each state with it."""
    parent = begin(FLOW_RUNS, world, state("RUNNING"))
    task_run = begin(TASK_RUNS, world, state("PENDING"), flow_run_id=parent["id"])
    child = begin(FLOW_RUNS, world, state("PENDING"), parent_task_run_id=task_run["id"])
    proposed = state(subject) | {"name": "Tracked"}
    walk(FLOW_RUNS, client, child["id"], proposed)
    tracked = read(TASK_RUNS, world, task_run["id"])
    expected = {"state_type": subject, "state_name": "Tracked"}
    require_equal("the parent task run", expected, {key: tracked.get(key) for key in expected})


def identities(contract: Contract) -> Mapping[str, bool]:
    """Whether the task run belongs to a flow run; without one where the contract can do without."""
    if TASK_RUNS.collection not in kinds(contract):
        return {}
    found = {"task_runs of a flow run": True}
    if "flow_run_id" not in contract.required(TASK_RUNS.creates):
        found["task_runs without a flow run"] = False
    return found


def require_task_run_identity(subject: bool, client: Client, world: World) -> None:
    """A task run is created once for its flow run, task and dynamic key; one with another of them is another."""
    shop = world.workshop
    body = {**RESOURCES["task_runs"].body(shop), "state": state("RUNNING")}
    if not subject:
        del body["flow_run_id"]
    first = shop.send(TASK_RUNS.creates, body)
    before = read(TASK_RUNS, world, first["id"])
    again = shop.send(TASK_RUNS.creates, {**body, "name": shop.name("again"), "state": state("PENDING")})
    require_equal("the id of the same task run", first["id"], again.get("id"))
    moving = RESOURCES["task_runs"].clock | {"updated"}
    after = read(TASK_RUNS, world, first["id"])
    require_equal("the task run that existed", without(moving, before), without(moving, after))
    others: dict[str, Record] = {key: {key: shop.name("other")} for key in ("dynamic_key", "task_key")}
    if subject:
        others["flow_run_id"] = {"flow_run_id": begin(FLOW_RUNS, world, state("PENDING"))["id"]}
    for key, other in others.items():
        if shop.send(TASK_RUNS.creates, body | other).get("id") == first["id"]:
            raise Violation(f"a task run with another {key} is taken for the same", observed=first["id"])


@dataclass(frozen=True)
class Family:
    """A running flow run whose task run `second` takes an input from `first`, and whose `tracking` runs `child`."""

    run: Record
    first: Record
    second: Record
    tracking: Record
    child: Record


def _family(world: World) -> Family:
    run = begin(FLOW_RUNS, world, state("RUNNING"))

    def task_run(inputs: Record) -> Record:
        return begin(TASK_RUNS, world, state("RUNNING"), flow_run_id=run["id"], task_inputs=inputs)

    first = task_run({})
    second = task_run({"size": [{"input_type": "task_run", "id": first["id"]}]})
    tracking = task_run({})
    child = begin(FLOW_RUNS, world, state("RUNNING"), parent_task_run_id=tracking["id"])
    return Family(run, first, second, tracking, child)


def require_graph(client: Client, world: World) -> None:
    """The graph has the task runs of a flow run in their states, and what each needs."""
    family = _family(world)
    nodes = _graph(client, f"/flow_runs/{family.run['id']}/graph")
    found = {node["id"]: sorted(need["id"] for need in node["upstream_dependencies"]) for node in nodes}
    expected: dict[str, list[str]] = {one["id"]: [] for one in (family.first, family.second, family.tracking)}
    expected[family.second["id"]] = [family.first["id"]]
    require_equal("the task runs, and what each needs", expected, found)
    for node in nodes:
        now = read(TASK_RUNS, world, node["id"])
        require_equal("the state of a task run", shown(now["state"]), shown(node["state"]))


def require_graph_v2(client: Client, world: World) -> None:
    """The graph has the runs of a flow run, a subflow in place of its task run, and the edges between them."""
    family = _family(world)
    graph = _graph(client, f"/flow_runs/{family.run['id']}/graph-v2")
    nodes = dict(graph["nodes"])
    first, second, child = (one["id"] for one in (family.first, family.second, family.child))
    require_equal(
        "the runs and their kinds",
        {first: "task-run", second: "task-run", child: "flow-run"},
        {id_: node["kind"] for id_, node in nodes.items()},
    )
    require_equal("the runs that need none", sorted((first, child)), sorted(graph["root_node_ids"]))
    edges = {
        id_: {end: sorted(edge["id"] for edge in node[end]) for end in ("parents", "children")}
        for id_, node in nodes.items()
    }
    alone: Record = {"parents": [], "children": []}
    expected = {first: {**alone, "children": [second]}, second: {**alone, "parents": [first]}, child: alone}
    require_equal("the edges", expected, edges)
    states = {id_: node["state_type"] for id_, node in nodes.items()}
    require_equal("the types of their states", dict.fromkeys(nodes, "RUNNING"), states)


def _graph(client: Client, path: str) -> Any:
    response = client.request("GET", path)
    if not response.is_success:
        raise Violation("the graph of a run can't be read", expected="2xx", observed=response.text[:400])
    return response.json()
