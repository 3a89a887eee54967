"""Faults in what the criteria of a filter select."""

from __future__ import annotations

import operator as comparison
import re
from collections.abc import Mapping

from conformance.faults.bends import Json, asked, on
from conformance.faults.criteria import (
    criterion,
    first_one_only,
    ignored,
    joined_by,
    joined_by_or,
    judged_here,
    moved,
    name_for_type,
    operator,
    related_ignored,
    selected,
    taken,
    taken_for,
    to_the_millisecond,
    zoneless,
)
from conformance.faults.fault import Bend, Fault
from conformance.faults.mending import numbers, present


def _cells(id_: str, requirement: str, title: str, bends: Mapping[str, Bend]) -> tuple[Fault, ...]:
    """The same fault on several cells, named after each."""
    return tuple(Fault(f"{id_} {cell}", requirement, cell, title, bend) for cell, bend in bends.items())


_ANY = (
    *_cells(
        "any-first-only",
        "filter.any",
        "any_ matches the first of its values only",
        {
            cell: operator(cell, lambda values: values[:1])
            for cell in ("flows.name.any_", "flow_runs.state.type.any_", "task_runs.state.name.any_")
        },
    ),
    *_cells(
        "any-ignored",
        "filter.any",
        "any_ is ignored",
        {cell: ignored(cell) for cell in ("flow_runs.deployment_id.any_", "task_runs.flow_run_id.any_")},
    ),
    *_cells(
        "any-heeds-no-case",
        "filter.any",
        "any_ takes upper and lower case for the same",
        {
            cell: operator(cell, lambda values: [*values, *map(str.upper, values), *map(str.lower, values)])
            for cell in ("flows.name.any_", "flow_runs.name.any_")
        },
    ),
    *_cells(
        "any-means-all",
        "filter.any",
        "any_ on a list asks for all of the values",
        {cell: taken_for(cell, "all_") for cell in ("flow_runs.tags.any_", "deployments.tags.any_")},
    ),
    *_cells(
        "any-reads-another-field",
        "filter.any",
        "any_ on the name of a state reads its type",
        {"task_runs.state.name.any_": criterion("task_runs.state", name_for_type)},
    ),
)

_NOT_ANY = (
    *_cells(
        "not-any-ignored",
        "filter.not-any",
        "not_any_ is ignored",
        {cell: ignored(cell) for cell in ("flow_runs.state.type.not_any_", "flow_runs.idempotency_key.not_any_")},
    ),
    *_cells(
        "not-any-inverted",
        "filter.not-any",
        "not_any_ does what any_ does",
        {"flow_runs.state.name.not_any_": taken_for("flow_runs.state.name.not_any_", "any_")},
    ),
)

_ALL = (
    *_cells(
        "all-means-any",
        "filter.all",
        "all_ matches objects that hold one of the values",
        {cell: taken_for(cell, "any_") for cell in ("flow_runs.tags.all_", "deployments.tags.all_")},
    ),
    *_cells(
        "all-first-only",
        "filter.all",
        "all_ asks for the first of its values only",
        {cell: operator(cell, lambda values: values[:1]) for cell in ("flows.tags.all_", "task_runs.tags.all_")},
    ),
)

_BOOLEANS = (
    *_cells(
        "is-null-false-ignored",
        "filter.is-null",
        "is_null_ false returns every object",
        {cell: ignored(cell, operand=False) for cell in ("flows.tags.is_null_", "flow_runs.start_time.is_null_")},
    ),
    *_cells(
        "is-null-inverted",
        "filter.is-null",
        "is_null_ means the opposite",
        {"task_runs.end_time.is_null_": operator("task_runs.end_time.is_null_", lambda value: not value)},
    ),
    *_cells(
        "eq-false-ignored",
        "filter.eq",
        "eq_ false is ignored",
        {"deployments.paused.eq_": ignored("deployments.paused.eq_", operand=False)},
    ),
    *_cells(
        "exists-false-ignored",
        "filter.exists",
        "exists_ false is ignored",
        {"task_runs.subflow_runs.exists_": ignored("task_runs.subflow_runs.exists_", operand=False)},
    ),
)

_TIMES = (
    *_cells(
        "before-exclusive",
        "filter.before-inclusive",
        "before_ leaves out the instant itself",
        {cell: operator(cell, moved(-1)) for cell in ("flow_runs.start_time.before_", "task_runs.start_time.before_")},
    ),
    *_cells(
        "before-to-the-millisecond",
        "filter.before-inclusive",
        "before_ compares to the millisecond",
        {cell: operator(cell, to_the_millisecond) for cell in ("flow_runs.expected_start_time.before_",)},
    ),
    *_cells(
        "before-zoneless",
        "filter.before-inclusive",
        "before_ takes any zone for UTC",
        {"flow_runs.end_time.before_": operator("flow_runs.end_time.before_", zoneless)},
    ),
    *_cells(
        "after-exclusive",
        "filter.after-inclusive",
        "after_ leaves out the instant itself",
        {cell: operator(cell, moved(1)) for cell in ("flow_runs.end_time.after_", "task_runs.start_time.after_")},
    ),
    *_cells(
        "after-ignored",
        "filter.after-inclusive",
        "after_ is ignored",
        {
            "flow_runs.next_scheduled_start_time.after_": ignored("flow_runs.next_scheduled_start_time.after_"),
        },
    ),
)

_LIMITS = Fault(
    "limits-work",
    "filter.at-least",
    "deployments.global_concurrency_limit.limit.ge_",
    "deployments are filtered on a number",
    numbers(ge_=present(comparison.ge), le_=present(comparison.le)),
)

_NUMBERS = (
    Fault(
        "ge-exclusive",
        "filter.at-least",
        "deployments.global_concurrency_limit.limit.ge_",
        "ge_ leaves out the value itself",
        numbers(ge_=present(comparison.gt), le_=present(comparison.le)),
        mend=_LIMITS,
    ),
    Fault(
        "le-exclusive",
        "filter.at-most",
        "deployments.global_concurrency_limit.limit.le_",
        "le_ leaves out the value itself",
        numbers(ge_=present(comparison.ge), le_=present(comparison.lt)),
        mend=_LIMITS,
    ),
    Fault(
        "le-takes-nulls",
        "filter.at-most",
        "deployments.global_concurrency_limit.limit.le_",
        "le_ matches objects without a value",
        numbers(ge_=present(comparison.ge), le_=lambda value, bound: value is None or value <= bound),
        mend=_LIMITS,
    ),
)

_LIKE = (
    *_cells(
        "like-heeds-the-case",
        "filter.like",
        "like_ heeds the case",
        {cell: selected(cell, lambda row, part: part in row["name"]) for cell in ("flows.name.like_",)},
    ),
    *_cells(
        "like-at-the-start-only",
        "filter.like",
        "like_ matches at the start only",
        {
            cell: selected(cell, lambda row, part: row["name"].lower().startswith(part.lower()))
            for cell in ("deployments.name.like_",)
        },
    ),
)

_LITERAL = Fault(
    "like-is-literal",
    "filter.like-literal",
    "flows.name.like_",
    "like_ takes every character as it is",
    selected("flows.name.like_", lambda row, part: part.lower() in row["name"].lower()),
)

_FOLDING = Fault(
    "like-folds-every-letter",
    "filter.like-folds-beyond-ascii",
    "flows.name.like_",
    "like_ takes upper and lower case alike",
    judged_here("flows.name.like_", lambda row, part: part.casefold() in row["name"].casefold()),
)


def _as_it_is(body: Json) -> Json:
    return body


_LIKE_TEXTS = (
    Fault(
        "like-reads-underscores",
        "filter.like-literal",
        "flows.name.like_",
        "like_ reads _ as any character",
        selected(
            "flows.name.like_",
            lambda row, part: re.search(re.escape(part).replace("_", "."), row["name"], re.IGNORECASE) is not None,
        ),
        mend=_LITERAL,
    ),
    Fault(
        "like-drops-letters",
        "filter.like-beyond-ascii",
        "flows.name.like_",
        "like_ drops letters beyond ASCII",
        operator("flows.name.like_", lambda part: part.encode("ascii", "ignore").decode()),
    ),
    # What SQLite does: the real server is the fault, and the mended one the measure.
    Fault(
        "like-folds-ascii-only",
        "filter.like-folds-beyond-ascii",
        "flows.name.like_",
        "like_ folds ASCII letters only",
        asked(_as_it_is),
        mend=_FOLDING,
    ),
)

_EDGES = (
    Fault(
        "like-takes-underscores-literally",
        "filter.like-wildcards",
        "variables.name.like_",
        "like_ takes _ for itself where it is a wildcard",
        selected(
            "variables.name.like_", lambda row, part: "_" not in part or part.strip("%").lower() in row["name"].lower()
        ),
    ),
    *_cells(
        "any-of-none-ignored",
        "filter.empty-operand",
        "any_ of an empty list restricts nothing",
        {cell: ignored(cell, operand=[]) for cell in ("flows.name.any_", "flow_runs.state.type.any_")},
    ),
    Fault(
        "empty-criterion-selects-nothing",
        "filter.unset",
        "flows",
        "an empty criterion selects nothing",
        criterion("flows.name", lambda operators: operators or {"any_": []}),
    ),
    Fault(
        "unset-operator-selects-nothing",
        "filter.unset",
        "task_runs",
        "null in place of an operator is taken for an empty list",
        criterion(
            "task_runs.name",
            lambda operators: {key: [] if value is None else value for key, value in operators.items()},
        ),
    ),
)

_TEXTS = (
    *_cells(
        "excluded-terms-ignored",
        "filter.text",
        "an excluded term of a text search is ignored",
        {
            "logs.text.query": operator(
                "logs.text.query", lambda text: " ".join(term for term in text.split(" ") if term[:1] not in "-!")
            )
        },
    ),
    *_cells(
        "required-terms-are-others",
        "filter.text",
        "a required term of a text search is one of several",
        {"logs.text.query": operator("logs.text.query", lambda text: text.replace("+", ""))},
    ),
)

_TASK_WORKERS = (
    Fault(
        "task-keys-ignored",
        "filter.task-workers",
        "POST /task_workers/filter",
        "task_keys of task workers is ignored",
        on("POST /task_workers/filter", asked(lambda body: {})),
    ),
    Fault(
        "task-keys-first-only",
        "filter.task-workers",
        "POST /task_workers/filter",
        "of several keys of tasks, only the first counts",
        operator("task_worker_filter.task_keys", lambda keys: keys[:1]),
    ),
)

_OTHERS = (
    *_cells(
        "any-first-only-of-others",
        "filter.any",
        "any_ matches the first of its values only",
        {
            cell: operator(cell, lambda values: values[:1])
            for cell in ("artifacts.key.any_", "work_pools.type.any_", "work_queues.name.any_")
        },
    ),
    Fault(
        "excluded-keys-ignored",
        "filter.not-any",
        "flow_runs/input.exclude_keys",
        "exclude_keys is ignored",
        on("POST /flow_runs/{id}/input/filter", asked(lambda body: {**body, "exclude_keys": []})),
    ),
    Fault(
        "exclude-keys-but-one",
        "filter.not-any",
        "flow_runs/input.exclude_keys",
        "of several keys to exclude, only the first counts",
        on(
            "POST /flow_runs/{id}/input/filter",
            asked(lambda body: {**body, "exclude_keys": body.get("exclude_keys", [])[:1]}),
        ),
    ),
)

_JOINED = (
    *_cells(
        "second-operator-ignored",
        "filter.and-operators",
        "of two operators in a criterion only the first counts",
        {
            cell: criterion(cell, lambda ops: dict([*ops.items()][:1]))
            for cell in ("flow_runs.tags", "flow_runs.state.type")
        },
    ),
    *_cells(
        "or-means-and",
        "filter.or",
        "or_ is taken for and_",
        {
            "flows": taken("or_", "and_"),
            "flow_runs.state": taken("or_", "and_"),
            "deployments.tags": taken("or_", "and_"),
        },
    ),
    *_cells(
        "written-and-means-or",
        "filter.operator-and",
        "and_ is taken for or_ where it is written out",
        {"task_runs": taken("and_", "or_"), "flow_runs.tags": taken("and_", "or_")},
    ),
    *_cells(
        "criteria-joined-by-or",
        "filter.and",
        "two criteria are joined by OR",
        {collection: joined_by_or(collection) for collection in ("flows", "deployments")},
    ),
    *_cells(
        "criterion-ignored-beside-another",
        "filter.and",
        "of two criteria, one is ignored",
        {"flows": first_one_only("flows")},
    ),
    *_cells(
        "related-ignored",
        "filter.related",
        "a related collection in the body is ignored",
        {
            f"{collection} by {related}": related_ignored(collection, related)
            for collection, related in (
                ("flows", "flow_runs"),
                ("flow_runs", "deployments"),
                ("task_runs", "flows"),
                ("deployments", "task_runs"),
            )
        },
    ),
    *_cells(
        "related-joined-astray",
        "filter.related",
        "a related collection is joined by another field",
        {"task_runs by deployments": joined_by("task_runs", "deployments", "flow_id", "flows.id")},
    ),
)

FAULTS = (
    *_ANY,
    *_NOT_ANY,
    *_ALL,
    *_BOOLEANS,
    *_TIMES,
    *_NUMBERS,
    *_LIKE,
    *_LIKE_TEXTS,
    *_TEXTS,
    *_TASK_WORKERS,
    *_EDGES,
    *_OTHERS,
    *_JOINED,
)
