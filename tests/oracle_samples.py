"""Worlds, and filters to ask of them, as Hypothesis makes them: what the laws of the oracle are tried on.

No server, and the same cases in every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from conformance.oracle.operators import instant
from conformance.resources import Record

World = Mapping[str, Sequence[Record]]
Filter = dict[str, Any]

law = settings(derandomize=True, deadline=None, max_examples=100)

# Values: few, so that they meet; and near each other, so that a wrong comparison shows.

NOON = datetime(2031, 5, 1, 12, tzinfo=UTC)
ZONES = [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]


def written(moment: datetime, zone: timezone = UTC) -> str:
    """An instant as JSON has it."""
    return moment.astimezone(zone).isoformat(timespec="microseconds")


moments = st.builds(lambda step: NOON + timedelta(microseconds=step), st.integers(-2, 2))
times = st.builds(written, moments, st.sampled_from(ZONES))
TEXTS = ["a", "A", "ab", "Ab b", "a%b", "a_b", "axb", "École", "école", "東京", ""]
texts = st.sampled_from(TEXTS)
LABELS = ["red", "Red", "blue", "été"]
labels = st.sampled_from(LABELS)
tags = st.lists(labels, unique=True, max_size=3)
STATES = ["SCHEDULED", "RUNNING", "FAILED"]
states = st.sampled_from(STATES)
numbers = st.integers(-1, 3)


def ids(collection: str, numbers: Iterable[int]) -> list[str]:
    return [f"{collection}-{number}" for number in numbers]


FLOWS = ids("flow", range(3))
DEPLOYMENTS = ids("deployment", range(3))
RUNS = ids("run", range(4))
TASKS = ids("task", range(3))


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


# Worlds: objects that are taken from a pool of each collection, which is made once. To generate each field of each
# object in every case would take ten times as long.

_RANDOM = Random(20221013)


def maybe(values: Sequence[Any]) -> Any:
    return _RANDOM.choice([None, *values])


def some_time() -> str | None:
    moment = NOON + timedelta(microseconds=_RANDOM.randint(-2, 2))
    return written(moment, _RANDOM.choice(ZONES)) if _RANDOM.random() < 0.7 else None


def common() -> Record:
    return {"name": _RANDOM.choice(TEXTS), "tags": _RANDOM.sample(LABELS, _RANDOM.randint(0, 3))}


def stateful() -> Record:
    return {**common(), "state_type": maybe(STATES), "state_name": maybe(TEXTS), "start_time": some_time()}


POOLS: Mapping[str, Sequence[Record]] = {
    "flows": [common() for _ in range(40)],
    "deployments": [
        {**common(), "flow_id": _RANDOM.choice(FLOWS), "paused": _RANDOM.random() > 0.5, "version": maybe(TEXTS)}
        for _ in range(60)
    ],
    "flow_runs": [
        {
            **stateful(),
            "flow_id": _RANDOM.choice(FLOWS),
            "deployment_id": maybe(DEPLOYMENTS),
            "parent_task_run_id": maybe(TASKS),
            "idempotency_key": maybe(TEXTS),
            "expected_start_time": some_time(),
            "end_time": some_time(),
        }
        for _ in range(120)
    ],
    "task_runs": [
        {**stateful(), "flow_run_id": maybe(RUNS), "estimated_run_time": _RANDOM.choice([0.0, 1.0, 1.5])}
        for _ in range(80)
    ],
}


def records(collection: str, names: Sequence[str]) -> st.SearchStrategy[list[Record]]:
    """Objects of all of these ids but one or none, in any order: most of what is referred to is there."""
    many = st.lists(st.sampled_from(POOLS[collection]), min_size=len(names) - 1, max_size=len(names))
    return st.tuples(st.permutations(names), many).map(
        lambda drawn: [{"id": name, **record} for name, record in zip(*drawn, strict=False)]
    )


worlds = st.fixed_dictionaries(
    {
        "flows": records("flows", FLOWS),
        "deployments": records("deployments", DEPLOYMENTS),
        "flow_runs": records("flow_runs", RUNS),
        "task_runs": records("task_runs", TASKS),
    }
)

# Filters: of each collection, some of its criteria with any of their operators.

COLLECTIONS = ("flows", "deployments", "flow_runs", "task_runs")
joined = st.sampled_from(["and_", "or_"])


def few(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=3)


def one_of(values: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return {"any_": few(values), "not_any_": few(values), "is_null_": st.booleans()}


def node(parts: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Filter]:
    """Some of the parts, null or not, perhaps with how they are joined."""
    some = {key: st.one_of(values, values, values, st.none()) for key, values in parts.items()}
    return st.fixed_dictionaries({}, optional={"operator": joined, **some})


TIME = {"before_": times, "after_": times, "is_null_": st.booleans()}
TAGS = {"all_": few(labels), "any_": few(labels), "is_null_": st.booleans()}
STATE = {"type": node(one_of(states)), "name": node(one_of(texts))}

filters = {
    "flows": node(
        {
            "id": node({"any_": few(st.sampled_from(FLOWS)), "not_any_": few(st.sampled_from(FLOWS))}),
            "name": node({"any_": few(texts), "like_": texts}),
            "tags": node(TAGS),
            "deployment": node({"is_null_": st.booleans()}),
        }
    ),
    "deployments": node(
        {
            "id": node({"any_": few(st.sampled_from(DEPLOYMENTS))}),
            "name": node({"any_": few(texts), "like_": texts}),
            "flow_or_deployment_name": node({"like_": texts}),
            "paused": node({"eq_": st.booleans()}),
            "tags": node(TAGS),
        }
    ),
    "flow_runs": node(
        {
            "id": node({"any_": few(st.sampled_from(RUNS)), "not_any_": few(st.sampled_from(RUNS))}),
            "name": node({"any_": few(texts), "like_": texts}),
            "tags": node(TAGS),
            "deployment_id": node(one_of(st.sampled_from(DEPLOYMENTS))),
            "state": node(STATE),
            "start_time": node(TIME),
            "end_time": node(TIME),
            "parent_flow_run_id": node({"any_": few(st.sampled_from(RUNS))}),
            "idempotency_key": node(one_of(texts)),
        }
    ),
    "task_runs": node(
        {
            "id": node({"any_": few(st.sampled_from(TASKS))}),
            "name": node({"any_": few(texts), "like_": texts}),
            "tags": node(TAGS),
            "state": node(STATE),
            "start_time": node(TIME),
            "flow_run_id": node(one_of(st.sampled_from(RUNS))),
            "subflow_runs": node({"exists_": st.booleans()}),
        }
    ),
}


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, Filter]:
    """A collection and a filter of it."""
    collection = draw(st.sampled_from(COLLECTIONS))
    return collection, draw(filters[collection])


def moved(value: Any, zone: timezone) -> Any:
    """The same, with every instant in it written in a zone."""
    if isinstance(value, dict):
        return {key: moved(inner, zone) for key, inner in value.items()}
    if isinstance(value, str) and value.startswith("2031-"):
        return written(instant(value), zone)
    return value
