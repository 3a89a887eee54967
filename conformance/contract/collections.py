"""Which segments of the paths name a collection, judged by what the document lets one do there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from conformance.contract.operations import Operation


@dataclass(frozen=True)
class Collection:
    """A collection: `path` is where it stands (`/work_pools/{}/queues`, placeholders unnamed)."""

    path: str

    @property
    def segment(self) -> str:
        """The segment that names it: `queues`."""
        return self.path.rpartition("/")[2]

    @property
    def nested(self) -> bool:
        """Whether it stands below a member of another collection."""
        return "{}" in self.path


def shape(path: str) -> str:
    """A path without a trailing slash and with unnamed placeholders: `/work_pools/{}/queues`."""
    return "/" + "/".join("{}" if s.startswith("{") else s for s in path.split("/") if s)


def find(operations: Iterable[Operation]) -> Mapping[str, Collection]:
    """The collections by their paths.

    A path is a collection's where members can be queried (`POST …/filter` or `…/count`), or where one
    member can be addressed right below it and members be made or listed at it. What is queried right
    below a collection (`/artifacts/latest/filter`) is a view of that collection, not one of its own.
    """
    offered: dict[str, set[str]] = {}
    for operation in operations:
        offered.setdefault(shape(operation.path), set()).add(operation.method)
    found: dict[str, Collection] = {}
    for path in sorted({path.rpartition("/")[0] for path in offered}):
        parent, _, segment = path.rpartition("/")
        if not segment or segment == "{}":
            continue
        queried = any("POST" in offered.get(f"{path}/{query}", ()) for query in ("filter", "count"))
        member = bool(offered.get(f"{path}/{{}}"))
        made_or_listed = bool(offered.get(path, set()) & {"POST", "PUT", "GET"})
        if (queried and parent not in found) or (member and made_or_listed):
            found[path] = Collection(path)
    return found


def along(operation: Operation, collections: Mapping[str, Collection]) -> Iterator[Collection]:
    """The collections that an operation's path leads through, outermost first."""
    path = ""
    for segment in shape(operation.path).split("/")[1:]:
        path = f"{path}/{segment}"
        if path in collections:
            yield collections[path]
