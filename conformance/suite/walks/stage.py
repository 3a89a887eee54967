"""Where a walk takes place: collections that hang on each other, and what a contract lets one do to their members."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final

from conformance.contract import Contract
from conformance.resources import RESOURCES, Resource
from conformance.suite.members import counted, listings
from conformance.suite.runs import KINDS

_GROUPS: Final = (
    ("flows", "flow_runs", "task_runs"),
    ("flows", "deployments", "deployments/schedules", "flow_runs"),
    ("work_pools", "work_pools/queues"),
    ("experimental/work_pools", "experimental/work_pools/queues"),
    ("work_queues",),
    ("block_types", "block_schemas", "block_documents"),
    ("variables",),
    ("artifacts",),
    ("concurrency_limits",),
    ("v2/concurrency_limits",),
    ("saved_searches",),
    ("automations",),
    ("flow_run_notification_policies",),
)
"""Collections by the bonds between them, parents first: a walk over each."""

_UNSTEADY: Final = frozenset(
    {
        # An active schedule makes a scheduler create flow runs, which are nobody's step.
        "active",
        # Prefect's own fields of a pool; where its results are stored is no matter of a walk.
        "storage_configuration",
        # Other objects, which would have to be made for each walk, and what a deployment shows of them.
        "storage_document_id",
        "infrastructure_document_id",
        "work_pool_name",
        "work_queue_name",
        "block_schema_id",
    }
)
"""Fields that no walk patches: a single PATCH of them is judged by itself."""

_SWITCHES: Final = {
    "deployments": (
        ("pause", "POST /deployments/{id}/pause_deployment", {"paused": True, "is_schedule_active": False}),
        ("resume", "POST /deployments/{id}/resume_deployment", {"paused": False, "is_schedule_active": True}),
        ("pause", "POST /deployments/{id}/set_schedule_inactive", {"paused": True, "is_schedule_active": False}),
        ("resume", "POST /deployments/{id}/set_schedule_active", {"paused": False, "is_schedule_active": True}),
    )
}
"""Operations without a body: what they do, and the fields that show it, as far as a generation has them."""

_ABILITIES: Final = {"again": "again", "replace": "replaces", "delete": "deletes"}

_ASKED_BY: Final = ("any_", "all_", "eq_")
"""Operators that ask for the members that are in a place as one of them is."""

_ASKED_OF: Final = frozenset({"name", "tags", "state.type", "enabled", "is_paused", "paused"})
"""Criteria that read what steps change."""


@dataclass(frozen=True)
class Switch:
    """An operation without a body, and what the member shows of it."""

    operation: str
    shows: Mapping[str, bool] = field(hash=False)


@dataclass(frozen=True)
class Asking:
    """One operator of a query: `key` is that of the body (`flow_runs`), `criterion` a path in it (`state.type`)."""

    key: str
    criterion: str
    operator: str

    @property
    def name(self) -> str:
        """`flow_runs.state.type.any_`."""
        return f"{self.key}.{self.criterion}.{self.operator}"


@dataclass(frozen=True)
class Troupe:
    """One collection of a stage, and what can be done to its members.

    `above`: the collections that a new one is made under. `patches`: fields that can be patched. `types`: the types of
    state that it may be asked to be in. `switches`: operations without a body. `asks`: what a filter can ask for.
    `replaces`, `deletes`, `again`, `renews`: whether it can be replaced whole, be deleted, be created once more while
    it is there, and when it is gone. `launches`: the operation that makes one of a member of the last of `above`, where
    that is not the collection's own create.
    """

    resource: Resource = field(hash=False)
    above: tuple[str, ...] = ()
    patches: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    switches: Mapping[str, Switch] = field(default_factory=dict, hash=False)
    asks: tuple[Asking, ...] = ()
    replaces: bool = False
    deletes: bool = False
    again: bool = False
    renews: bool = False
    launches: str | None = None

    @property
    def name(self) -> str:
        """The collection's."""
        return self.resource.name

    @cached_property
    def deeds(self) -> Mapping[str, Sequence[tuple[str, ...]]]:
        """What can be done to a member that is there, and to what of it."""
        plain = [name for name in self.patches if name not in self.resource.moves]
        types = [(type_,) for type_ in self.types]
        found: dict[str, Sequence[tuple[str, ...]]] = {
            "patch": [*((name,) for name in self.patches), *pairwise(plain)],
            "force": types,
            "propose": types,
            "ask": [(asking.key, asking.criterion, asking.operator) for asking in self.asks],
            **{does: [()] for does in self.switches},
            **{does: [()] for does in ("again", "replace", "delete") if getattr(self, _ABILITIES[does])},
        }
        return {does: what for does, what in found.items() if what}


@dataclass(frozen=True)
class Stage:
    """The collections of one walk, parents first."""

    troupes: Mapping[str, Troupe] = field(hash=False)

    @property
    def name(self) -> str:
        """As it stands in reports: `flows, flow_runs, task_runs`."""
        return ", ".join(self.troupes)


def stages(contract: Contract) -> Mapping[str, Stage]:
    """Every stage of a contract: each group with those of its collections that the contract has."""
    found: dict[str, Stage] = {}
    for group in _GROUPS:
        there = tuple(name for name in group if _takes_part(contract, RESOURCES[name]))
        if group[0] in there:
            stage = Stage({name: _troupe(contract, name, there) for name in there})
            found.setdefault(stage.name, stage)
    return found


def _takes_part(contract: Contract, resource: Resource) -> bool:
    """Whether members can be made, and seen in one way or another."""
    seen = resource.reads in contract.operations or bool(listings(contract, resource))
    return resource.creates in contract.operations and seen


def _troupe(contract: Contract, name: str, group: tuple[str, ...]) -> Troupe:
    resource = RESOURCES[name]
    above = tuple(other for other in group if other in resource.parents)
    launches = None
    if name == "flow_runs" and "deployments" in group:
        launches, above = "POST /deployments/{id}/create_flow_run", (*above, "deployments")
    documented = contract.body_properties(resource.updates or "")
    kind = next((kind for kind in KINDS if kind.collection == name and kind.sets_state in contract.operations), None)
    return Troupe(
        resource=resource,
        above=above,
        patches=tuple(key for key in resource.patches if key in documented and key not in _UNSTEADY),
        types=tuple(kind.types(contract)) if kind else (),
        switches=_switches(contract, name),
        asks=tuple(_asks(contract, resource, group)),
        replaces=resource.replaces in contract.operations and resource.replacement is not None,
        deletes=resource.destroys in contract.operations,
        again=resource.again in ("returns", "updates", "conflicts") and launches is None,
        renews=bool(resource.unique) and launches is None,
        launches=launches,
    )


def _switches(contract: Contract, name: str) -> Mapping[str, Switch]:
    found: dict[str, Switch] = {}
    for does, operation, shows in _SWITCHES.get(name, ()):
        if operation in contract.operations:
            found.setdefault(does, Switch(operation, shows))
    return found


def _asks(contract: Contract, resource: Resource, group: tuple[str, ...]) -> Iterator[Asking]:
    """What the collection's filter can be asked for that steps of the stage change: on it and on related members."""
    query = next((q for q in contract.queries.values() if q.verb == "filter" and q.name == resource.name), None)
    if query is None or resource.fence is None or resource.scope is not None or resource.key not in query.filters:
        return
    for key, filter_ in query.filters.items():
        if key == resource.key:
            asked = resource
        else:
            try:
                asked = RESOURCES[resource.relation(key).collection]
            except LookupError:
                continue
            if asked.name not in group:
                continue
        for path, criterion in filter_.criteria.items():
            if criterion.deprecated or path not in _ASKED_OF:
                continue
            for operator in _ASKED_BY:
                if operator in criterion.operators:
                    yield Asking(key, path, operator)


def mortal(contract: Contract) -> Mapping[str, Stage]:
    """The stages on which somebody can be deleted."""
    return _with(contract, lambda troupe: troupe.deletes)


def filtering(contract: Contract) -> Mapping[str, Stage]:
    """The stages with a filter that asks for what steps change."""
    return _with(contract, lambda troupe: bool(troupe.asks))


def counting(contract: Contract) -> Mapping[str, Stage]:
    """The stages with members that can be counted."""
    return _with(contract, lambda troupe: counted(contract, troupe.resource) is not None)


def _with(contract: Contract, holds: Callable[[Troupe], bool]) -> Mapping[str, Stage]:
    return {name: stage for name, stage in stages(contract).items() if any(map(holds, stage.troupes.values()))}
