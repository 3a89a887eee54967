"""The registry of collections: consistent with itself, and true on records written by hand. No server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.resources import RESOURCES, At, Made, Record, Relation, Resource, address
from conformance.resources.base import keys_by_placeholder, link, placeholders

MAKEABLE = [name for name, resource in RESOURCES.items() if resource.makeable]
MAIN = ("flows", "flow_runs", "task_runs", "deployments")


class PaperShop:
    """A workshop that answers every create with what was sent and an id, and takes every field."""

    def __init__(self, lacks: frozenset[str] = frozenset()) -> None:
        self.lacks = lacks
        self.sent: list[tuple[str, Any, Mapping[str, str]]] = []
        self.members: dict[str, Record] = {}
        self.latest: Record = {}
        self.common: dict[str, Made] = {}
        self.count = 0

    def has(self, operation: str) -> bool:
        return operation not in self.lacks

    def accepts(self, operation: str, field: str) -> bool:
        return f"{operation} {field}" not in self.lacks

    def send(self, operation: str, body: Any = None, /, **filled: str) -> Any:
        self.sent.append((operation, body, filled))
        path = operation.partition(" ")[2]
        assert set(filled) == set(placeholders(path)), operation
        self.count += 1
        number = f"{self.count:04d}"
        if operation.endswith("/filter"):
            return [self.latest]
        if operation.startswith("GET "):
            (key,) = [filled[name] for name in placeholders(path)][-1:] or [""]
            return self.members.get(key, {"id": key, "state_id": number})
        sent = body[0] if isinstance(body, list) else dict(body or {})
        record = sent | {"id": sent.get("id", number), "state_id": number, "checksum": number}
        record |= {"lease_id": number, "block_type_id": sent.get("block_type_id", number), "work_pool_name": "pool"}
        record |= {"deployment_id": filled.get("id", number)} | {"flow_run_id": filled.get("id", number)}
        self.latest = record
        for key in (record["id"], sent.get("name", record["id"])):
            self.members[key] = record
        return [record] if isinstance(body, list) else record

    def name(self, stem: str) -> str:
        self.count += 1
        return f"paper-{stem}-{self.count}"

    def shared(self, collection: str) -> Made:
        if collection not in self.common:
            self.common[collection] = RESOURCES[collection].make(self)
        return self.common[collection]


@pytest.fixture
def shop() -> PaperShop:
    return PaperShop()


def operations(resource: Resource) -> list[str]:
    """The operations that a resource names and that address a member."""
    named = (resource.reads, resource.updates, resource.replaces, resource.destroys)
    return [operation for operation in named if operation is not None]


@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_is_registered_under_its_own_name(name: str) -> None:
    assert RESOURCES[name].name == name


@pytest.mark.parametrize("name", RESOURCES)
def test_the_operations_of_a_resource_address_its_own_members(name: str) -> None:
    for operation in operations(RESOURCES[name]):
        path = operation.partition(" ")[2]
        if placeholders(path):
            found = address(path)
            assert found is not None, operation
            assert found[0].name == name, operation


@pytest.mark.parametrize("name", RESOURCES)
def test_every_member_template_is_about_the_resource(name: str) -> None:
    for template in RESOURCES[name].members:
        found = address(template)
        assert found is not None
        assert found[0].name == name


@pytest.mark.parametrize("name", MAKEABLE)
def test_a_resource_can_be_made_and_addressed(name: str, shop: PaperShop) -> None:
    made = RESOURCES[name].make(shop)
    assert made.collection == name
    for template in RESOURCES[name].members:
        for key in placeholders(template):
            assert str(made.value(key)), template


@pytest.mark.parametrize("name", MAKEABLE)
def test_two_members_are_two(name: str, shop: PaperShop) -> None:
    resource = RESOURCES[name]
    first, second = resource.make(shop), resource.make(shop)
    # A view can't be made, and there is one default storage.
    assert (first.record.get("id") != second.record.get("id")) == (name not in ("collections/views", "admin/storage"))


@pytest.mark.parametrize("name", MAKEABLE)
def test_a_patch_differs_from_what_the_maker_sends(name: str, shop: PaperShop) -> None:
    resource = RESOURCES[name]
    made = resource.make(shop)
    sent = made.sent[0] if isinstance(made.sent, list) else made.sent
    for field in resource.patches:
        assert resource.patch(shop, field, made.record) != sent.get(field), field


@pytest.mark.parametrize("name", RESOURCES)
def test_what_a_resource_says_of_fields_hangs_together(name: str) -> None:
    resource = RESOURCES[name]
    assert (resource.replaces is None) == (resource.replacement is None)
    assert bool(resource.patches) == (resource.updates is not None)
    assert set(resource.moves) <= set(resource.patches)
    assert not resource.hidden & set(resource.patches)
    assert not resource.hidden & resource.completed
    assert not resource.clock & set(resource.patches)
    assert {criterion.split(".")[0] for criterion in resource.disputed} <= set(resource.criteria)


@pytest.mark.parametrize("name", MAKEABLE)
def test_what_tells_members_apart_is_sent_and_differs(name: str, shop: PaperShop) -> None:
    resource = RESOURCES[name]
    assert resource.again is None or resource.unique
    if resource.unique:
        first, second = (resource.make(shop).sent for _ in range(2))
        assert set(resource.unique) <= set(first)
        assert [first[field] for field in resource.unique] != [second[field] for field in resource.unique]


@pytest.mark.parametrize("name", MAKEABLE)
def test_a_member_names_its_parents(name: str, shop: PaperShop) -> None:
    resource = RESOURCES[name]
    made = resource.make(shop)
    for parent, keys in resource.parents.items():
        named = {key: made.value(other) for key, other in keys.items()}
        assert RESOURCES[parent].fill(RESOURCES[parent].destroys or "", Made(parent, named))


@pytest.mark.parametrize("name", MAKEABLE)
def test_a_resource_that_the_generation_lacks_does_not_exist(name: str) -> None:
    resource = RESOURCES[name]
    assert resource.exists(PaperShop())
    assert not resource.exists(PaperShop(frozenset({resource.creates or "", resource.reads or ""})))


def test_a_field_that_the_generation_lacks_is_not_sent() -> None:
    shop = PaperShop(frozenset({"POST /flows/ labels"}))
    assert set(RESOURCES["flows"].make(shop).sent) == {"name", "tags"}


@pytest.mark.parametrize("name", MAKEABLE)
def test_making_a_member_writes_to_no_shared_parent(name: str, shop: PaperShop) -> None:
    for parent in MAKEABLE:
        shop.shared(parent)
    before = len(shop.sent)
    RESOURCES[name].make(shop)
    written = [operation for operation, _, _ in shop.sent[before:] if not operation.startswith(("GET", "POST"))]
    # Two are created by a PUT.
    assert written == [operation for operation in (RESOURCES[name].creates or "",) if operation.startswith("PUT")]


@pytest.mark.parametrize(
    ("path", "name", "keys"),
    [
        ("/flows/{id}", "flows", {"id": "id"}),
        ("/flows/name/{name}", "flows", {"name": "name"}),
        ("/flow_runs/{id}/graph-v2", "flow_runs", {"id": "id"}),
        ("/flow_runs/{id}/input", "flow_runs", {"id": "id"}),
        ("/flow_runs/{id}/input/filter", "flow_runs", {"id": "id"}),
        ("/flow_runs/{id}/input/{key}", "flow_runs/input", {"id": "flow_run_id", "key": "key"}),
        ("/flow_runs/{id}/logs/download", "flow_runs", {"id": "id"}),
        ("/ui/task_runs/{id}", "task_runs", {"id": "id"}),
        ("/flow_run_states/{id}", "flow_run_states", {"id": "id"}),
        ("/deployments/{id}/schedules", "deployments", {"id": "id"}),
        ("/deployments/{id}/create_flow_run/bulk", "deployments", {"id": "id"}),
        (
            "/deployments/{id}/schedules/{schedule_id}",
            "deployments/schedules",
            {"id": "deployment_id", "schedule_id": "id"},
        ),
        (
            "/deployments/name/{flow_name}/{deployment_name}",
            "deployments",
            {"flow_name": "flow_name", "deployment_name": "name"},
        ),
        ("/concurrency_limits/tag/{tag}/reset", "concurrency_limits", {"tag": "tag"}),
        ("/v2/concurrency_limits/{id_or_name}", "v2/concurrency_limits", {"id_or_name": "id"}),
        ("/v2/concurrency_limits/leases/{lease_id}/renew", "v2/concurrency_limits/leases", {"lease_id": "lease_id"}),
        ("/block_types/slug/{slug}/block_documents", "block_types", {"slug": "slug"}),
        (
            "/block_types/slug/{slug}/block_documents/name/{block_document_name}",
            "block_documents",
            {"slug": "block_type_slug", "block_document_name": "name"},
        ),
        ("/block_schemas/checksum/{checksum}", "block_schemas", {"checksum": "checksum"}),
        ("/work_pools/{name}", "work_pools", {"name": "name"}),
        ("/work_pools/{work_pool_name}/queues/filter", "work_pools", {"work_pool_name": "name"}),
        (
            "/work_pools/{work_pool_name}/queues/{name}",
            "work_pools/queues",
            {"work_pool_name": "work_pool_name", "name": "name"},
        ),
        ("/work_pools/{work_pool_name}/workers/heartbeat", "work_pools", {"work_pool_name": "name"}),
        (
            "/work_pools/{work_pool_name}/workers/{name}",
            "work_pools/workers",
            {"work_pool_name": "work_pool_name", "name": "name"},
        ),
        ("/experimental/work_pools/{name}", "experimental/work_pools", {"name": "name"}),
        ("/work_queues/name/{name}", "work_queues", {"name": "name"}),
        ("/artifacts/{key}/latest", "artifacts", {"key": "key"}),
        ("/variables/name/{name}", "variables", {"name": "name"}),
        ("/events/count-by/{countable}", "events", {"countable": "countable"}),
        ("/automations/related-to/{resource_id}", "automations", {"resource_id": "owner_resource"}),
        ("/automations/owned-by/{resource_id}", "automations", {"resource_id": "owner_resource"}),
        ("/collections/views/{view}", "collections/views", {"view": "view"}),
        ("/flow_run_notification_policies/{id}", "flow_run_notification_policies", {"id": "id"}),
    ],
)
def test_address(path: str, name: str, keys: dict[str, str]) -> None:
    found = address(path)
    assert found is not None
    assert (found[0].name, dict(found[1])) == (name, keys)


@pytest.mark.parametrize("path", ["/flows/", "/flows/filter", "/health", "/flows/{id}/parts/{part}", "/gadgets/{id}"])
def test_a_path_about_no_known_member_has_no_address(path: str) -> None:
    assert address(path) is None


def test_a_placeholder_answers_only_a_placeholder() -> None:
    assert keys_by_placeholder("/flows/{id}", "/flows/filter") is None
    assert keys_by_placeholder("/flows/name/{name}", "/flows/{id}/{other}") is None
    assert keys_by_placeholder("/flows/{id}/runs", "/flows/{id}") is None


def test_fill_takes_the_address_before_the_record() -> None:
    made = Made("deployments", {"id": "d", "name": "daily"}, {"flow_name": "etl"})
    filled = RESOURCES["deployments"].fill("GET /deployments/name/{flow_name}/{deployment_name}", made)
    assert filled == {"flow_name": "etl", "deployment_name": "daily"}
    with pytest.raises(LookupError):
        RESOURCES["deployments"].fill("GET /flows/{id}", made)


WORLD: dict[str, list[Record]] = {
    "flows": [{"id": "f1", "name": "etl"}, {"id": "f2", "name": "report"}],
    "deployments": [
        {"id": "d1", "name": "daily", "flow_id": "f1", "work_pool_name": "pool", "work_queue_name": "fast"},
        {"id": "d2", "name": "weekly", "flow_id": "f1", "work_pool_name": None, "work_queue_name": None},
    ],
    "flow_runs": [
        {"id": "r1", "flow_id": "f1", "deployment_id": "d1", "work_queue_id": "q1", "parent_task_run_id": None},
        {"id": "r2", "flow_id": "f2", "deployment_id": None, "work_queue_id": None, "parent_task_run_id": "t1"},
    ],
    "task_runs": [{"id": "t1", "flow_run_id": "r1"}, {"id": "t2", "flow_run_id": None}],
    "work_queues": [
        {"id": "q1", "name": "fast", "work_pool_id": "p1"},
        {"id": "q2", "name": "fast", "work_pool_id": "p2", "work_pool_name": "spare"},
    ],
    "work_pools": [{"id": "p1", "name": "pool"}, {"id": "p2", "name": "spare"}],
}


def member(collection: str, id: str) -> Record:
    return next(record for record in WORLD[collection] if record["id"] == id)


def relation(collection: str, to: str) -> Relation:
    return next(relation for relation in RESOURCES[collection].related if relation.collection == to)


def linked(collection: str, id: str, to: str) -> list[str]:
    return [other["id"] for other in relation(collection, to).others(member(collection, id), WORLD)]


@pytest.mark.parametrize(
    ("collection", "id", "to", "others"),
    [
        ("flows", "f1", "deployments", ["d1", "d2"]),
        ("flows", "f2", "deployments", []),
        ("flows", "f2", "flow_runs", ["r2"]),
        ("flow_runs", "r1", "flows", ["f1"]),
        ("flow_runs", "r1", "deployments", ["d1"]),
        ("flow_runs", "r2", "deployments", []),
        ("flow_runs", "r1", "task_runs", ["t1"]),
        ("flow_runs", "r1", "work_queues", ["q1"]),
        ("flow_runs", "r2", "work_queues", []),
        ("task_runs", "t1", "flow_runs", ["r1"]),
        ("task_runs", "t2", "flow_runs", []),
        ("deployments", "d1", "flows", ["f1"]),
        ("deployments", "d1", "flow_runs", ["r1"]),
        ("deployments", "d1", "work_queues", ["q1"]),
        ("deployments", "d2", "work_queues", []),
    ],
)
def test_relations(collection: str, id: str, to: str, others: list[str]) -> None:
    assert linked(collection, id, to) == others


@pytest.mark.parametrize("collection", MAIN)
def test_relations_lead_to_known_collections_and_answer_each_key_once(collection: str) -> None:
    def walk(relations: tuple[Relation, ...]) -> list[Relation]:
        return [found for relation in relations for found in (relation, *walk(relation.then))]

    found = walk(tuple(RESOURCES[collection].related))
    assert {relation.collection for relation in found} <= set(RESOURCES)
    keys = [relation.key for relation in found]
    assert len(keys) == len(set(keys))
    others = {name for name in MAIN if name != collection}
    assert others <= set(keys)


def test_the_keys_beyond_a_relation() -> None:
    chain = link("a", "x", "id", link("b", "y", "id", named="bees"))
    assert chain.keys() == {"a", "bees"}


@pytest.mark.parametrize(
    ("collection", "id", "criterion", "value"),
    [
        ("flows", "f1", "deployment", "d1"),
        ("flows", "f2", "deployment", None),
        ("flows", "f1", "name", "etl"),
        ("flow_runs", "r2", "parent_flow_run_id", "r1"),
        ("flow_runs", "r1", "parent_flow_run_id", None),
        ("flow_runs", "r2", "parent_task_run_id", "t1"),
        ("task_runs", "t1", "subflow_runs", "r2"),
        ("task_runs", "t2", "subflow_runs", None),
        ("deployments", "d1", "flow_or_deployment_name", ("daily", "etl")),
    ],
)
def test_criteria_on_a_world(collection: str, id: str, criterion: str, value: Any) -> None:
    assert RESOURCES[collection].reader(criterion)(member(collection, id), WORLD) == value


@pytest.mark.parametrize(
    ("criterion", "operator", "value"),
    [
        ("state.type", "any_", "PENDING"),
        ("state.name", "not_any_", "Waiting"),
        ("start_time", "before_", "2024-01-02"),
        ("start_time", "is_null_", None),
        ("created_by", "id_", "u1"),
        ("created_by", "type_", "AUTOMATION"),
        ("created_by", "is_null_", {"id": "u1", "type": "AUTOMATION"}),
        ("expected_start_time", "after_", "2024-01-02"),
        ("work_queue_name", "is_null_", None),
    ],
)
def test_criteria_of_flow_runs(criterion: str, operator: str, value: Any) -> None:
    record = {
        "id": "r",
        "state_type": "PENDING",
        "state_name": "Waiting",
        "start_time": None,
        "expected_start_time": "2024-01-02",
        "created_by": {"id": "u1", "type": "AUTOMATION"},
    }
    assert RESOURCES["flow_runs"].reader(criterion, operator)(record, {}) == value


def test_the_start_time_of_a_run_that_started_is_its_own() -> None:
    record = {"start_time": "2024-01-03", "expected_start_time": "2024-01-02"}
    assert RESOURCES["flow_runs"].reader("start_time", "after_")(record, {}) == "2024-01-03"
    assert RESOURCES["flow_runs"].sort_reader("START_TIME_DESC")(record, {}) == "2024-01-03"
    assert RESOURCES["flow_runs"].sort_reader("EXPECTED_START_TIME_ASC")(record, {}) == "2024-01-02"


def test_sorts_read_the_field_of_their_name_unless_told_otherwise() -> None:
    assert RESOURCES["flows"].sort_reader("UPDATED_DESC")({"updated": "2024"}, {}) == "2024"
    assert RESOURCES["task_runs"].sort_reader("DURATION_ASC")({"estimated_run_time": 1.5}, {}) == 1.5
    unstarted = {"start_time": None, "expected_start_time": "2024-01-02"}
    assert RESOURCES["flow_runs"].sort_reader("START_TIME_ASC")(unstarted, {}) == "2024-01-02"


def test_at_reads_the_first_key_that_is_not_null() -> None:
    assert At("a", "b")({"a": None, "b": 0}, {}) == 0
    assert At("a.b.c")({"a": {"b": {"c": 1}}}, {}) == 1
    assert At("a.b")({"a": "text"}, {}) is None
    assert At("missing")({}, {}) is None
