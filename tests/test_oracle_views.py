"""Views of other collections, what hangs on pools, queues and artifacts, and filters without a key of their own."""

import json
from typing import Any

import pytest

from conformance.contract import Contract
from conformance.oracle import first_disorder, select
from conformance.resources import RESOURCES, Record
from conformance.suite.tables import Table, cells, tables, unknown
from conformance.suite.ties import without_ties
from conformance.target.task_worker import token


def artifact(id: str, key: str | None, minute: int, **fields: Any) -> Record:
    created = f"2031-05-01T12:{minute:02d}:00.000000Z"
    base: Record = {"id": id, "key": key, "created": created, "updated": created, "type": None}
    return {**base, "flow_run_id": None, "task_run_id": None, **fields}


def queue(id: str, name: str, pool: str | None) -> Record:
    return {"id": id, "name": name, "work_pool_id": pool}


WORLD: dict[str, list[Record]] = {
    "flows": [{"id": "f1", "name": "etl", "tags": []}, {"id": "f2", "name": "ml", "tags": []}],
    "deployments": [
        {"id": "d1", "name": "daily", "flow_id": "f1", "work_queue_id": "q1", "tags": []},
        {"id": "d2", "name": "adhoc", "flow_id": "f2", "work_queue_id": None, "tags": []},
        # A generation that shows no ids of queues.
        {"id": "d3", "name": "old", "flow_id": "f2", "work_pool_name": "p-two", "work_queue_name": "b", "tags": []},
    ],
    "flow_runs": [
        {"id": "r1", "name": "one", "flow_id": "f1", "deployment_id": "d1", "work_queue_id": "q1", "tags": []},
        {"id": "r2", "name": "two", "flow_id": "f2", "deployment_id": None, "work_queue_id": "q3", "tags": []},
    ],
    "task_runs": [{"id": "t1", "name": "task", "flow_run_id": "r2", "tags": []}],
    "work_pools": [{"id": "p1", "name": "p-one", "type": "a"}, {"id": "p2", "name": "p-two", "type": "A"}],
    "work_queues": [queue("q0", "alone", None)],
    "work_pools/queues": [queue("q1", "a", "p1"), queue("q2", "a", "p2"), queue("q3", "b", "p2")],
    "artifacts": [
        artifact("a3", "k", 3, type="table", flow_run_id="r2"),
        artifact("a1", "k", 1, type="table", flow_run_id="r1", task_run_id="t1"),
        artifact("a2", "k", 2),
        artifact("a4", None, 4, type="result", flow_run_id="r1"),
        artifact("a5", "l", 0, flow_run_id="r1"),
    ],
    "logs": [
        {"id": "l1", "flow_run_id": "r1", "task_run_id": None, "name": "prefect", "message": "One", "timestamp": "1"},
        {"id": "l2", "flow_run_id": "r1", "task_run_id": "t1", "name": "other", "message": "two one", "timestamp": "2"},
        {"id": "l3", "flow_run_id": "r2", "task_run_id": None, "name": "other", "message": "three", "timestamp": "2"},
        {"id": "l4", "flow_run_id": "r3", "task_run_id": None, "name": "other", "message": "four", "timestamp": "3"},
    ],
    "flow_runs/input": [
        {"id": "i1", "flow_run_id": "r1", "key": "size"},
        {"id": "i2", "flow_run_id": "r1", "key": "size-of-all"},
        {"id": "i3", "flow_run_id": "r1", "key": "full-size"},
    ],
    "task_workers": [
        {"identifier": "w1", "task_keys": ["x", "y"]},
        {"identifier": "w2", "task_keys": ["y", "z"]},
    ],
}
for view in ("work_queues", "artifacts/latest"):
    derived = RESOURCES[view].derived
    assert derived is not None
    WORLD[view] = list(derived(WORLD))


def test_the_latest_artifacts_are_the_last_of_each_key() -> None:
    assert {row["key"]: row["latest_id"] for row in WORLD["artifacts/latest"]} == {"k": "a3", "l": "a5"}
    # The collection of latest ones has ids and times of its own.
    assert all({"id", "created", "updated"}.isdisjoint(row) for row in WORLD["artifacts/latest"])


def test_queues_are_those_of_all_pools_and_those_of_none() -> None:
    assert [row["id"] for row in WORLD["work_queues"]] == ["q0", "q1", "q2", "q3"]


@pytest.mark.parametrize(
    ("collection", "body", "ids"),
    [
        ("artifacts", {"artifacts": {"key": {"exists_": False}}}, ["a4"]),
        ("artifacts", {"artifacts": {"type": {"not_any_": ["table"]}}}, ["a4"]),
        ("artifacts", {"flow_runs": {"id": {"any_": ["r1"]}}}, ["a1", "a4", "a5"]),
        ("artifacts", {"flows": {"name": {"any_": ["ml"]}}}, ["a3"]),
        ("artifacts", {"deployments": {"id": {"any_": ["d1"]}}}, ["a1", "a4", "a5"]),
        ("artifacts", {"task_runs": {"name": {"any_": ["task"]}}}, ["a1"]),
        # The task run is one of its own, not one of the flow run's.
        ("artifacts", {"task_runs": {"id": {"any_": ["t1"]}}, "flow_runs": {"id": {"any_": ["r1"]}}}, ["a1"]),
        ("artifacts", {"flows": {"name": {"any_": ["ml"]}}, "deployments": {"id": {"any_": ["d1"]}}}, []),
        ("artifacts/latest", {"artifacts": {"latest_id": {"any_": ["a1", "a3"]}}}, ["a3"]),
        ("artifacts/latest", {"artifacts": {"type": {"any_": ["table"]}}}, ["a3"]),
        # The earlier artifact under the key was of r1, the latest is not.
        ("artifacts/latest", {"flow_runs": {"id": {"any_": ["r1"]}}}, ["a5"]),
        ("artifacts/latest", {"artifacts": {"key": {"like_": "K"}}}, ["a3"]),
        ("work_queues", {"work_queues": {"name": {"any_": ["a"]}}}, ["q1", "q2"]),
        ("work_queues", {"work_queues": {"name": {"startswith_": ["A"]}}}, ["q0", "q1", "q2"]),
        ("work_pools/queues", {"work_queues": {"name": {"startswith_": ["b", "nobody"]}}}, ["q3"]),
        ("work_pools", {"work_pools": {"type": {"any_": ["A"]}}}, ["p2"]),
        ("deployments", {"work_pools": {"name": {"any_": ["p-one"]}}}, ["d1"]),
        ("deployments", {"work_pools": {"name": {"any_": ["p-two"]}}}, ["d3"]),
        ("deployments", {"work_pool_queues": {"id": {"any_": ["q1", "q2"]}}}, ["d1"]),
        ("deployments", {"work_pools": {}}, ["d1", "d3"]),
        ("flow_runs", {"work_pools": {"name": {"any_": ["p-two"]}}}, ["r2"]),
        ("flow_runs", {"work_pool_queues": {"name": {"any_": ["a"]}}}, ["r1"]),
        # One queue has to be the named one and in the named pool.
        ("flow_runs", {"work_pool_queues": {"name": {"any_": ["b"]}}, "work_pools": {"id": {"any_": ["p1"]}}}, []),
        ("flows", {"work_pools": {"id": {"any_": ["p1"]}}}, ["f1"]),
        ("flows", {"work_pools": {"id": {"any_": ["p2"]}}, "deployments": {"name": {"any_": ["old"]}}}, ["f2"]),
        # The flow's other deployment is in no pool.
        ("flows", {"work_pools": {"id": {"any_": ["p2"]}}, "deployments": {"name": {"any_": ["adhoc"]}}}, []),
        ("task_runs", {"work_pools": {"id": {"any_": ["p2"]}}}, ["t1"]),
        ("logs", {"logs": {"text": {"query": "one"}}}, ["l1", "l2"]),
        ("logs", {"logs": {"text": {"query": "one -two"}}}, ["l1"]),
        ("logs", {"logs": {"text": {"query": "prefect"}}}, ["l1"]),
        ("logs", {"logs": {"task_run_id": {"is_null_": True}}}, ["l1", "l3", "l4"]),
        ("flow_runs/input", {"prefix": ""}, ["i1", "i2", "i3"]),
        ("flow_runs/input", {"prefix": "size"}, ["i1", "i2"]),
        ("flow_runs/input", {"prefix": "SIZE"}, []),
        ("flow_runs/input", {"prefix": "size", "exclude_keys": ["size", "x"]}, ["i2"]),
        ("task_workers", {}, ["w1", "w2"]),
        ("task_workers", {"task_worker_filter": {"task_keys": ["x"]}}, ["w1"]),
        ("task_workers", {"task_worker_filter": {"task_keys": ["x", "z"]}}, ["w1", "w2"]),
        ("task_workers", {"task_worker_filter": {"task_keys": ["none"]}}, []),
    ],
)
def test_queries(collection: str, body: Any, ids: list[str]) -> None:
    identity = RESOURCES[collection].identity
    assert [row[identity] for row in select(collection, body, WORLD)] == ids


def test_what_a_path_names_is_the_scope() -> None:
    in_pool, in_run = RESOURCES["work_pools/queues"].scope, RESOURCES["flow_runs/input"].scope
    assert in_pool is not None
    assert in_run is not None
    assert [in_pool(row, WORLD) for row in WORLD["work_pools/queues"][:2]] == [
        {"work_pool_name": "p-one"},
        {"work_pool_name": "p-two"},
    ]
    assert in_run(WORLD["flow_runs/input"][0], WORLD) == {"id": "r1"}


def test_latest_artifacts_are_in_order_of_their_keys() -> None:
    latest = RESOURCES["artifacts/latest"]
    rows = sorted(WORLD["artifacts/latest"], key=lambda row: str(row["key"]))
    assert first_disorder(latest, "KEY_ASC", rows, WORLD) is None
    assert first_disorder(latest, "KEY_DESC", rows, WORLD) is not None


TEXT = {"type": "string"}


def operation(body: Any) -> Any:
    content = {"application/json": {"schema": body}}
    return {"post": {"requestBody": {"content": content}, "responses": {"200": {"description": "rows"}}}}


CONTRACT = Contract.parse(
    json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "paper", "version": "1"},
            "paths": {
                "/flow_runs/{id}/input/filter": operation(
                    {
                        "properties": {
                            "prefix": TEXT,
                            "exclude_keys": {"type": "array", "items": TEXT},
                            "limit": {"type": "integer"},
                        }
                    }
                ),
                "/work_queues/filter": operation({"properties": {"limit": {"type": "integer"}}}),
                "/task_workers/filter": operation(
                    {"properties": {"task_worker_filter": {"$ref": "#/components/schemas/TaskWorkerFilter"}}}
                ),
                "/logs/filter": operation({"properties": {"sort": {"enum": ["TIMESTAMP_ASC"]}}}),
            },
            "components": {
                "schemas": {"TaskWorkerFilter": {"properties": {"task_keys": {"type": "array", "items": TEXT}}}}
            },
        }
    ).encode()
)


def test_a_body_may_be_the_filter() -> None:
    inputs = tables(CONTRACT)["flow_runs/input"]
    assert inputs.own is not None
    assert inputs.own.criteria[""].body(prefix="a", exclude_keys=["b"]) == {"prefix": "a", "exclude_keys": ["b"]}
    assert {cell.name for cell in cells(CONTRACT)} == {"flow_runs/input.prefix", "flow_runs/input.exclude_keys"}
    # A limit alone is no filter.
    assert tables(CONTRACT)["work_queues"].own is None


def test_what_no_request_can_make_is_known_but_not_in_the_world() -> None:
    assert not RESOURCES["task_workers"].makeable
    assert "task_workers" not in tables(CONTRACT)
    assert list(unknown(CONTRACT)) == []


def logs() -> Table:
    return tables(CONTRACT)["logs"]


def test_rows_that_tie_are_left_out_by_what_the_fence_can_single_out() -> None:
    # r2's only entry ties with one of r1's.
    assert [row["id"] for row in without_ties(logs(), "TIMESTAMP_ASC", WORLD["logs"], WORLD)] == ["l1", "l2", "l4"]
    tied = [{**row, "timestamp": "1"} for row in WORLD["logs"]]
    assert [row["id"] for row in without_ties(logs(), "TIMESTAMP_ASC", tied, WORLD)] == ["l3"]
    nameless = [{**row, "timestamp": None} for row in WORLD["logs"]]
    assert without_ties(logs(), "TIMESTAMP_ASC", nameless, WORLD) == []


@pytest.mark.parametrize(
    ("headers", "credentials"),
    [
        ({}, None),
        ({"X-Api-Key": "k"}, None),
        ({"Authorization": "Bearer abc"}, "abc"),
        ({"authorization": "Basic dXNlcjpwYXNz"}, "user:pass"),
        ({"authorization": "basic ???"}, "???"),
    ],
)
def test_the_credentials_of_a_task_worker(headers: dict[str, str], credentials: str | None) -> None:
    assert token(headers) == credentials
