"""The populations as they are written, and how one is put in. No server."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from conformance.data import fixtures
from conformance.resources import RESOURCES, Record
from conformance.world import HttpWorkshop, seed
from conformance.world.seed import entries

SHIPPED = list(entries(fixtures() / "populations"))

PLACEHOLDER = re.compile(r"%[A-Z]+%").findall

# What the server finds a member by, so that a second one would be refused, or be the first again.
UNIQUE = {
    "flows": ("name",),
    "deployments": ("flow_id", "name"),
    "work_pools": ("name",),
    "variables": ("name",),
    "block_types": ("slug",),
    "block_documents": ("block_type_id", "name"),
    "saved_searches": ("name",),
    "concurrency_limits": ("tag",),
    "v2/concurrency_limits": ("name",),
}

# The strictest that any generation asks of a name.
ALLOWED = {
    ("variables", "name"): r"[a-z0-9_]{1,255}",
    ("block_types", "name"): r"[^/%&><]+",
    ("block_types", "slug"): r"[a-z0-9-]+",
    ("block_documents", "name"): r"[a-z0-9-]+",
    ("v2/concurrency_limits", "name"): r"[^/%&><]+",
}


def strings(value: Any) -> Iterator[str]:
    """Every text inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)


def bodies(collection: str) -> list[Mapping[str, Any]]:
    """The bodies of a collection's objects."""
    found = [entry.body for entry in SHIPPED if entry.collection == collection]
    return [body for body in found if isinstance(body, Mapping)]


def test_aliases_are_unique() -> None:
    assert [alias for alias, times in Counter(entry.alias for entry in SHIPPED).items() if times > 1] == []


def test_every_object_is_of_a_collection_that_can_be_created_in() -> None:
    assert [e.alias for e in SHIPPED if e.collection not in RESOURCES or not RESOURCES[e.collection].creates] == []


def test_an_alias_names_an_object_that_was_written_before() -> None:
    unknown: list[str] = []
    before: set[str] = set()
    for entry in SHIPPED:
        named = [text for part in (entry.body, entry.within) for text in strings(part) if text.startswith("@")]
        unknown += (text for text in named if text[1:].partition(".")[0] not in before)
        before.add(entry.alias)
    late = (text for entry in SHIPPED for text in strings(entry.changes) if text.startswith("@"))
    assert [*unknown, *(text for text in late if text[1:].partition(".")[0] not in before)] == []


def test_placeholders_are_known() -> None:
    found = {name for e in SHIPPED for part in (e.body, e.changes) for t in strings(part) for name in PLACEHOLDER(t)}
    assert found == {"%PREFIX%", "%PLAIN%", "%UUID%"}


@pytest.mark.parametrize(("collection", "keys"), UNIQUE.items(), ids=UNIQUE)
def test_what_finds_a_member_is_unique(collection: str, keys: tuple[str, ...]) -> None:
    found = Counter(tuple(body.get(key) for key in keys) for body in bodies(collection))
    assert found
    assert [values for values, times in found.items() if times > 1] == []


@pytest.mark.parametrize(("where", "pattern"), ALLOWED.items(), ids=map(".".join, ALLOWED))
def test_names_are_such_as_every_generation_takes(where: tuple[str, str], pattern: str) -> None:
    collection, key = where
    names = [body[key] for body in bodies(collection) if key in body]
    filled = [name.replace("%PREFIX%", "run-gw0").replace("%PLAIN%", "rungw0") for name in names]
    assert filled
    assert [name for name in filled if not re.fullmatch(pattern, name)] == []


class PaperWorkshop:
    """Answers a create with the body and an id, and a read with what was last written."""

    prefix = "run-1"

    def __init__(self, lacks: str = "") -> None:
        self.lacks = lacks
        self.sent: list[tuple[str, Any]] = []
        self.records: dict[str, Record] = {}

    def has(self, operation: str) -> bool:
        return operation != self.lacks

    def accepts(self, operation: str, field: str) -> bool:
        return f"{operation} {field}" != self.lacks

    def requires(self, operation: str) -> frozenset[str]:
        return frozenset()

    def send_as(self, operation: str, body: Any, within: Mapping[str, str], headers: Mapping[str, str]) -> Record:
        assert not headers
        return self.send(operation, body, **within)

    def send(self, operation: str, body: Any = None, /, **filled: str) -> Record:
        if body is not None:
            self.sent.append((operation, body))
        key = filled.get("id", f"id-{len(self.records) + 1}")
        self.records[key] = {"id": key, **self.records.get(key, {}), **(body or {})}
        return self.records[key]


POPULATION = """
[[object]]
alias = "first"
collection = "variables"
body = { name = "%PLAIN%one", value = "%PREFIX%" }
changes = { value = "@second", tags = ["late"] }

[[object]]
alias = "second"
collection = "variables"
body = { name = "%PLAIN%two", value = "two" }
"""


def put_in(folder: Path, shop: PaperWorkshop) -> Any:
    """What a population has after seeding the text above."""
    (folder / "10.toml").write_text(POPULATION)
    return seed(cast("HttpWorkshop", shop), folder).of("variables")


def test_changes_are_sent_when_all_objects_are_there(tmp_path: Path) -> None:
    shop = PaperWorkshop()
    records = put_in(tmp_path, shop)
    assert shop.sent == [
        ("POST /variables/", {"name": "run1one", "value": "run-1"}),
        ("POST /variables/", {"name": "run1two", "value": "two"}),
        ("PATCH /variables/{id}", {"value": "id-2", "tags": ["late"]}),
    ]
    assert [record["value"] for record in records] == ["id-2", "two"]


@pytest.mark.parametrize(
    ("lacks", "changed"),
    [("PATCH /variables/{id}", []), ("PATCH /variables/{id} tags", [{"value": "id-2"}]), ("POST /variables/", [])],
)
def test_changes_that_a_generation_lacks_are_left_out(tmp_path: Path, lacks: str, changed: list[Record]) -> None:
    shop = PaperWorkshop(lacks)
    put_in(tmp_path, shop)
    assert [body for operation, body in shop.sent if operation.startswith("PATCH")] == changed
