"""Routes: how the paths of the API are built. Judged from the OpenAPI document alone."""

from __future__ import annotations

import re

import inflection

from conformance.contract import Collection, Contract, Operation
from conformance.contract.collections import along, shape
from conformance.contract.schemas import reference_name
from conformance.suite.check import check
from conformance.suite.outcome import NotApplicable, Violation
from conformance.suite.subjects import every_operation
from conformance.target import Target

_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_IN_A_QUERY_STRING = frozenset({"filter", "query", "search", "sort", "order", "limit", "offset", "page", "cursor"})
_PAGES_OR_SORTS = frozenset({"limit", "offset", "page", "cursor", "sort", "order", "skip", "take"})
_PAGING = frozenset({"limit", "offset", "sort"})


@check("routes.plural", on=every_operation)
def test_collections_are_plural(subject: Operation, contract: Contract) -> None:
    collections = list(along(subject, contract.collections))
    if not collections:
        raise NotApplicable("no-collection")
    singular = [c.segment for c in collections if not _is_plural(c.segment)]
    if singular:
        raise Violation(
            f"the collection `{singular[0]}` has a singular name",
            expected=inflection.pluralize(singular[0]),
            observed=singular[0],
        )


@check("routes.snake-case", on=every_operation)
def test_route_names_are_snake_case(subject: Operation) -> None:
    for segment in subject.segments:
        if not segment.startswith("{") and not _SNAKE_CASE.fullmatch(segment):
            raise Violation(
                f"the segment `{segment}` is not snake_case",
                expected=re.sub(r"[^a-z0-9]+", "_", segment.lower()),
                observed=segment,
            )


@check("routes.nesting", on=every_operation)
def test_nested_resources_are_out_of_reach_otherwise(subject: Operation, contract: Contract) -> None:
    path = shape(subject.path)
    if "{}" not in path.rstrip("{}"):
        raise NotApplicable("not-nested")
    top = {c.segment: c for c in contract.collections.values() if not c.nested}
    below = path[path.index("{}") + 2 :].strip("/").split("/")
    for segment in below:
        if segment in top:
            raise Violation(
                f"`{segment}` is nested, and reachable at {top[segment].path} too",
                expected=f"{top[segment].path} with a filter",
                observed=subject.path,
            )
    for collection in along(subject, contract.collections):
        twin = _same_members(collection, contract)
        if collection.nested and twin is not None:
            raise Violation(
                f"the members of `{collection.path}` are reachable at {twin.path} too",
                expected=f"{twin.path} with a filter",
                observed=subject.path,
            )


@check("routes.get-without-body", on=every_operation)
def test_get_documents_no_body(subject: Operation) -> None:
    if subject.method != "GET":
        raise NotApplicable("other-method")
    if subject.body_documented:
        raise Violation("a GET operation documents a request body")


@check("routes.prefix", on=every_operation)
def test_operations_are_hosted_below_the_prefix(subject: Operation, contract: Contract, target: Target) -> None:
    if not re.search(r"(^|/)api(/|$)", target.prefix):
        raise Violation("the API is not hosted below /api", expected="/api…", observed=target.prefix + subject.path)
    if contract.stated_prefix != target.prefix:
        raise Violation(
            "the document places the operation where it is not served",
            expected=target.prefix + subject.path,
            observed=contract.stated_prefix + subject.path,
        )


@check("routes.query-in-body", on=every_operation)
def test_queries_are_in_the_body(subject: Operation) -> None:
    asked = [p.name for p in subject.parameters if p.where == "query" and _words(p.name) & _IN_A_QUERY_STRING]
    if asked:
        raise Violation(
            f"the query string filters, sorts or pages: {', '.join(asked)}",
            expected="in the body of a POST request",
            observed=[f"{subject.label}?{name}=" for name in asked],
        )


@check("routes.paging-names", on=every_operation)
def test_paging_is_called_limit_and_offset(subject: Operation, contract: Contract) -> None:
    query = contract.queries.get(subject.label)
    named = {name for name in (query.properties if query else ()) if _words(name) & _PAGES_OR_SORTS}
    if query is None or not (named or query.filters):
        raise NotApplicable("not-a-query")
    if other := sorted(named - _PAGING):
        raise Violation(
            f"the body pages or sorts by another name: {', '.join(other)}",
            expected=sorted(_PAGING),
            observed=sorted(named),
        )


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))


def _is_plural(segment: str) -> bool:
    word = re.split(r"[_-]", segment)[-1]
    return inflection.pluralize(word) == word


def _same_members(nested: Collection, contract: Contract) -> Collection | None:
    member = _member_schema(nested, contract)
    if member is None:
        return None
    return next(
        (c for c in contract.collections.values() if not c.nested and _member_schema(c, contract) == member), None
    )


def _member_schema(collection: Collection, contract: Contract) -> str | None:
    """The name of the schema that a collection's query answers with a list of."""
    for query in contract.queries.values():
        if shape(query.operation.path) == f"{collection.path}/filter":
            for media in (query.operation.answer(200) or {}).values():
                items = contract.resolve(media).get("items", {})
                return reference_name(items)
    return None
